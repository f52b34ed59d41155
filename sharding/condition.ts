/**
 * What a condition means.
 *
 * @module
 */
import type { Condition } from "./database.ts";

/** Tells whether a condition holds of a key whose newest version is `current`, if it has a value. */
export function holds(condition: Condition, current: number | undefined): boolean {
  switch (condition.kind) {
    case "absent":
      return current === undefined;
    case "exists":
      return current !== undefined;
    case "version":
      return current !== undefined && condition.versions.includes(current);
  }
}
