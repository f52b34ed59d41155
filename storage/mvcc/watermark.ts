/**
 * The watermark: the oldest version at which anybody may still read a key under no retention rule.
 * What only older readers could see is VACUUM's.
 *
 * A leader proposes it and its log carries it to all replicas; it never falls. The horizons that
 * rules have in its place (`retention.ts`) move in the same way.
 *
 * @module
 */
import { StorageError } from "../errors.ts";

/**
 * Returns the watermark to propose, or the horizon of a rule that goes by time.
 *
 * @param options.current What it is now.
 * @param options.closedVersion No write will come at or below it.
 * @param options.retentionMicros How far back reads are promised, in microseconds of versions.
 * @param options.oldestHeldVersion The oldest snapshot that counts; undefined where none does.
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

/**
 * Checks that a version can be read.
 *
 * @param oldestVersion The watermark, or the horizon that holds in its place.
 * @throws {StorageError} `version_vacuumed` where not.
 */
export function checkReadable(version: number, oldestVersion: number): void {
  if (version >= oldestVersion) return;
  throw new StorageError(
    "version_vacuumed",
    `Cannot read at version ${version}: the oldest that can be read is ${oldestVersion}`,
    { oldestVersion },
  );
}
