/**
 * Retention rules in few words.
 *
 * @module
 */
import type { RetentionRule } from "../../../storage/key_space.ts";

/** Returns a rule that goes by time, at a horizon. */
export function timeRule(prefix: string, version: number): RetentionRule {
  return { prefix, retentionMicros: 1_000, versionCount: 0, isRetired: false, version };
}

/** Returns a rule that counts, at a horizon. */
export function countRule(prefix: string, version: number, versionCount: number): RetentionRule {
  return { prefix, retentionMicros: undefined, versionCount, isRetired: false, version };
}

/** Returns a rule that was taken back, at a horizon. */
export function retiredRule(prefix: string, version: number): RetentionRule {
  return { prefix, retentionMicros: undefined, versionCount: 0, isRetired: true, version };
}
