/**
 * The key spaces of a replica's tree: the first character of every tree key says what it is.
 *
 * ```
 * "c" + version (8 bytes, big-endian)                      a change record
 * "e" + version (8 bytes, big-endian) + user key           when a key's value expires
 * "k" + user key                                           what clients read and write
 * "r" + key length (2 bytes, big-endian) + first key + id  a remembered request
 * ```
 *
 * A tree key is a latin1 string, one character a byte. On disk since format 1: never change a tag.
 *
 * | space | which versions VACUUM may drop |
 * | --- | --- |
 * | user | at or below the key's horizon all but the newest; that one too, where it is a tombstone and no older file may hold the key |
 * | user, under a rule that counts | what lies behind so many newer ones and behind one at or below the rule's horizon |
 * | change, request | all at or below the horizon of their space |
 * | expiry | all whose key names a version at or below the horizon of expiry: they have been dealt with |
 *
 * A user key's horizon is that of the longest rule whose prefix it begins with; the watermark where
 * there is none.
 *
 * @module
 */

/** The tag of change records. */
export const changeSpace = "c";
/** The tag of the index of expiries. */
export const expirySpace = "e";
/** The tag of user keys. */
export const userSpace = "k";
/** The tag of remembered requests. */
export const requestSpace = "r";

/** How long the versions of the keys under a prefix are kept, and how far that has got. */
export interface RetentionRule {
  /** The tree keys it is about: the tag of user keys, then what they begin with. */
  readonly prefix: string;
  /**
   * How far back reads are promised, in microseconds of versions; undefined where it counts or is
   * retired.
   */
  readonly retentionMicros: number | undefined;
  /** How many newest versions of each key are kept, from 1; 0 where it goes by time. */
  readonly versionCount: number;
  /**
   * Set once the rule was taken back. It keeps its horizon, by time, until the horizon that its keys
   * would have without it has come up to it.
   */
  readonly isRetired: boolean;
  /** Its horizon, in place of the watermark. Never falls. */
  readonly version: number;
  /**
   * Of a rule that counts: what it keeps below its horizon can be read down to this version, because
   * no other rule has dropped anything above. The tree finds it; undefined in what it is given.
   */
  readonly countedFrom?: number;
}

/**
 * The versions at or below which VACUUM may drop what its space's rule allows. A horizon never
 * falls; 0 keeps everything.
 */
export interface Horizons {
  /** For user keys under no rule: the watermark. */
  readonly userVersion: number;
  /** For the index of expiries: what is due at or below it has been dealt with. */
  readonly expiryVersion: number;
  /** In order of their prefixes, each prefix once. */
  readonly rules: readonly RetentionRule[];
  /** For change records. */
  readonly changeVersion: number;
  /** For remembered requests. */
  readonly requestVersion: number;
}

/** Returns a user key as a tree key. */
export function userTreeKey(key: string): string {
  return userSpace + key;
}
