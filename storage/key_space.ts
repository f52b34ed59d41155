/**
 * The key spaces of a replica's tree: the first character of every tree key says what it is.
 *
 * ```
 * "c" + version (8 bytes, big-endian)                      a change record
 * "k" + user key                                           what clients read and write
 * "r" + key length (2 bytes, big-endian) + first key + id  a remembered request
 * ```
 *
 * A tree key is a latin1 string, one character a byte. On disk since format 1: never change a tag.
 *
 * | space | which versions VACUUM may drop |
 * | --- | --- |
 * | user | at or below the watermark all but the newest; that one too, where it is a tombstone and no older file may hold the key |
 * | change, request | all at or below the horizon of their space |
 *
 * @module
 */

/** The tag of change records. */
export const changeSpace = "c";
/** The tag of user keys. */
export const userSpace = "k";
/** The tag of remembered requests. */
export const requestSpace = "r";

/**
 * The versions at or below which VACUUM may drop what its space's rule allows. A horizon never
 * falls; 0 keeps everything.
 */
export interface Horizons {
  /** For user keys: the watermark. */
  readonly userVersion: number;
  /** For change records. */
  readonly changeVersion: number;
  /** For remembered requests. */
  readonly requestVersion: number;
}

/** Returns a user key as a tree key. */
export function userTreeKey(key: string): string {
  return userSpace + key;
}
