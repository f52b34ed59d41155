/**
 * The watermark: the oldest version that anybody may still read. What only older readers could see
 * is VACUUM's.
 *
 * A leader proposes it and its log carries it to all replicas; it never falls.
 *
 * @module
 */
import { StorageError } from "../errors.ts";

/**
 * Returns the watermark to propose.
 *
 * @param options.current The watermark now.
 * @param options.closedVersion No write will come at or below it.
 * @param options.retentionMicros How far back reads are promised, in microseconds of versions.
 * @param options.oldestHeldVersion The oldest snapshot; undefined where there is none.
 */
export function nextWatermark(options: {
  current: number;
  closedVersion: number;
  retentionMicros: number;
  oldestHeldVersion: number | undefined;
}): number {
  const wanted = Math.min(
    options.closedVersion - options.retentionMicros,
    options.oldestHeldVersion ?? Infinity,
  );
  return Math.max(options.current, wanted);
}

/** Checks that a version can be read. @throws {StorageError} `version_vacuumed` where not. */
export function checkReadable(version: number, watermark: number): void {
  if (version >= watermark) return;
  throw new StorageError(
    "version_vacuumed",
    `Cannot read at version ${version}: the watermark is ${watermark}`,
  );
}
