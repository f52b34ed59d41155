/**
 * The Random seam: every choice by chance below `server/` comes through it, so that a seed
 * reproduces a run.
 *
 * @module
 */

/** A source of random numbers. Not for secrets. */
export interface Random {
  /** Returns an integer in [0, bound). `bound` is 1 to 2^32. */
  below(bound: number): number;
  /** Returns a fraction in [0, 1). */
  fraction(): number;
  /** Returns a fresh array of `sizeBytes` random bytes, owned by the caller. */
  bytes(sizeBytes: number): Uint8Array;
  /** Returns an independent source that depends on this one's seed and the label only. */
  fork(label: string): Random;
}
