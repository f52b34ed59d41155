/**
 * Values and keys as the server sees them: the words that all client operations share.
 *
 * @module
 */

/** A value with what was stored beside it. */
export interface StoredValue {
  /** The bytes as they were put. */
  readonly bytes: Uint8Array;
  /** The media type they were put with. */
  readonly contentType: string;
  /** The version of the commit that wrote it. */
  readonly version: number;
  /** From this version on the key has no value any more; undefined where it stays. */
  readonly expiresAt: number | undefined;
}

/** A value with its key. */
export interface StoredEntry extends StoredValue {
  readonly key: string;
}

/** A value to be written. */
export interface NewValue {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** How long it lives behind its commit, in microseconds of versions, from 1; for ever if left out. */
  readonly ttlMicros?: number;
}

/** A half-open range of keys in byte order; a bound left out is open. */
export interface KeyRange {
  /** The first key that may be in it. */
  readonly start?: string;
  /** The first key behind it. */
  readonly end?: string;
}
