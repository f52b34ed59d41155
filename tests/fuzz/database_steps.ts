/**
 * Calls on a node by chance, for `database_fuzz_test.ts`.
 *
 * @module
 */
import fc from "fast-check";
import type { BatchOperation, Command } from "../../sharding/database.ts";
import type { TableOptions } from "../../storage/mod.ts";

/** One call. */
export type Step =
  | { readonly kind: "run"; readonly command: Command }
  | { readonly kind: "batch"; readonly operations: readonly BatchOperation[] }
  | { readonly kind: "scan"; readonly scan: ScanStep }
  /** Holds the state that the command `back` commands ago left behind. */
  | { readonly kind: "hold"; readonly back: number }
  /** Reads a key and its history as of the command `back` commands ago. */
  | { readonly kind: "past"; readonly key: string; readonly back: number }
  /** Writes what a key had after the command `back` commands ago. */
  | { readonly kind: "revert"; readonly key: string; readonly back: number }
  /** Sends the last batch once more, with the identity that it had. */
  | { readonly kind: "repeat" }
  | { readonly kind: "release" | "flush" | "vacuum" | "reopen" | "crash" | "wait" };

/** A scan of a range. */
export interface ScanStep {
  readonly start: string;
  readonly end: string | undefined;
  readonly limit: number;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  /** Which of the held snapshots; the newest state where there are not so many. */
  readonly snapshot: number;
}

// Bytes at both ends of their range, and keys that begin other keys.
const key = fc.string({
  unit: fc.constantFrom("\0", "a", "b", "\xff"),
  minLength: 1,
  maxLength: 4,
});
const value = fc.record({
  bytes: fc.tuple(fc.nat(255), fc.nat(400)).map(([byte, sizeBytes]) =>
    new Uint8Array(sizeBytes).fill(byte)
  ),
  contentType: fc.constantFrom("text/plain", "application/json", "x/unheard-of; of=\u00e9"),
  // Some are gone at once, some while the test waits.
  ttlMicros: fc.option(fc.constantFrom(1, 10_000, 150_000, 3_600_000_000), {
    nil: undefined,
    freq: 2,
  }),
});
const range = fc.record({ start: key, end: fc.option(key, { nil: undefined }) });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  {
    weight: 1,
    arbitrary: range.map((given): Command => ({
      kind: "delete_range",
      range: given,
      keyCountMax: 50,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.array(fc.tuple(key, fc.option(value, { nil: undefined })), { maxLength: 5 })
      .map((changes): Command => ({
        kind: "transaction",
        checks: [],
        mutations: [["a", undefined] as const, ...changes].map(([key, value], index) =>
          value === undefined
            ? { op: "delete", key }
            : { op: index % 2 === 0 ? "set" : "append", key, value }
        ),
        reads: changes.map(([key]) => key),
      })),
  },
);
const operation: fc.Arbitrary<BatchOperation> = fc.oneof(
  fc.record({ op: fc.constant("set" as const), key, value }),
  fc.record({ op: fc.constant("delete" as const), key }),
  fc.record({ op: fc.constant("get" as const), key }),
);
/** Any call. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("run" as const), command }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("scan" as const),
      scan: fc.record({
        start: key,
        end: fc.option(key, { nil: undefined }),
        limit: fc.integer({ min: 1, max: 20 }),
        reverse: fc.boolean(),
        keysOnly: fc.boolean(),
        snapshot: fc.nat(3),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("hold" as const), back: fc.nat(6) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("past" as const, "revert" as const),
      key,
      back: fc.nat(6),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "release" as const,
        "repeat" as const,
        "flush" as const,
        "vacuum" as const,
        "wait" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("reopen" as const, "crash" as const) }),
  },
);
/** Any way to build a table. */
export const tableOptions: fc.Arbitrary<TableOptions> = fc.record({
  blockSizeBytes: fc.integer({ min: 128, max: 1_000 }),
  restartInterval: fc.integer({ min: 1, max: 20 }),
  compression: fc.constantFrom("none" as const, "deflate" as const, "zstd" as const),
  filterBitsPerKey: fc.integer({ min: 1, max: 20 }),
});
