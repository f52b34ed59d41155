/**
 * Random entries of the log for property tests.
 *
 * @module
 */
import fc from "fast-check";
import { command, requestIdentity, someKey, upkeepCommand } from "./arbitraries.ts";
import type { DraftCommand } from "./entry_building.ts";

type Drafts = DraftCommand[];

/** Entries of the log with gaps between their versions. */
export const entries: fc.Arbitrary<{ gap: number; drafts: Drafts }[]> = fc.array(
  fc.record({
    // Some gaps go past the ten minutes for which requests are remembered.
    gap: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(599_999_990, 600_000_010)),
    drafts: fc.array(
      fc.record({
        command: fc.oneof(
          { weight: 5, arbitrary: command(someKey) },
          { weight: 1, arbitrary: upkeepCommand(someKey) },
        ),
        request: fc.option(requestIdentity, { nil: undefined, freq: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Horizons are drawn at or below what has been applied, and a leader's own has no identity. */
export function asLeader(drafts: Drafts, lastVersion: number): Drafts {
  return drafts.map((draft) => {
    const { command } = draft;
    if (command.kind === "expire") return { command };
    if (command.kind !== "advance") return draft;
    const horizons = command.horizons.map(({ prefix, version }) => ({
      prefix,
      version: Math.min(version, lastVersion),
    }));
    return { command: { kind: "advance", horizons } };
  });
}
