/**
 * What the manifest knows of an sstable, so that most are never opened for a read they cannot serve.
 *
 * @module
 */
import type { DeathSketch } from "./death_sketch.ts";

/** One immutable file of a level. */
export interface TableMeta {
  /** Names the file; rises from file to file and is never used twice. */
  readonly number: number;
  /** The whole file. */
  readonly sizeBytes: number;
  /** The first tree key in it. */
  readonly smallestKey: string;
  /** The last tree key in it. */
  readonly largestKey: string;
  /** All entries, tombstones included. */
  readonly entryCount: number;
  /** Entries that say "deleted". */
  readonly tombstoneCount: number;
  /** Entries behind a newer version of the same key in the same file. */
  readonly shadowedCount: number;
  /** Bytes of keys and values of those. */
  readonly shadowedBytes: number;
  /** Bytes of all keys and values, before prefixes are taken out and blocks are compressed. */
  readonly payloadBytes: number;
  /** When its entries die, in order of causes. */
  readonly deaths: readonly DeathSketch[];
  /** The oldest version in it. */
  readonly oldestVersion: number;
  /** The newest version in it. */
  readonly newestVersion: number;
}

/** Returns the name of an sstable inside its replica's folder. */
export function tableFileName(number: number): string {
  return `${String(number).padStart(6, "0")}.sst`;
}
