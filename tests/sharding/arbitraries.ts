/**
 * Random commands and results for property tests.
 *
 * @module
 */
import fc from "fast-check";
import type {
  Check,
  Command,
  CommandResult,
  Condition,
  Mutation,
  NewValue,
  RequestIdentity,
  StoredValue,
} from "../../sharding/database.ts";

/** Few keys, so that commands meet; a high byte and a prefix of another among them. */
export const someKey: fc.Arbitrary<string> = fc.constantFrom(
  "a",
  "b",
  "ba",
  "c\xff",
  "\x00",
  "d/e",
);

/** Any key: 1 to 40 bytes. */
export const anyKey: fc.Arbitrary<string> = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(
  (bytes) => String.fromCharCode(...bytes),
);

/** A value as clients put it. */
export const newValue: fc.Arbitrary<NewValue> = fc.oneof(
  fc.record({
    bytes: fc.uint8Array({ maxLength: 40 }),
    contentType: fc.constantFrom(
      "application/octet-stream",
      "text/plain;charset=utf-8",
      "image/x-own",
      "text/ünüsual",
    ),
  }),
  fc.record({
    bytes: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map((
      value,
    ) => new TextEncoder().encode(JSON.stringify(value))),
    contentType: fc.constant("application/json"),
  }),
);

/** A version or none. */
const version = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.maxSafeNat());

/** What must hold of a key. */
export const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constant({ kind: "absent" as const }),
  fc.constant({ kind: "exists" as const }),
  fc.record({
    kind: fc.constant("version" as const),
    versions: fc.array(version, { maxLength: 3 }),
  }),
);

/** A request id out of few, and a fingerprint out of fewer. */
export const requestIdentity: fc.Arbitrary<RequestIdentity> = fc.record({
  id: fc.constantFrom(1, 2, 3).map((fill) => new Uint8Array(16).fill(fill)),
  fingerprint: fc.constantFrom(1, 2).map((fill) => new Uint8Array(16).fill(fill)),
});

/** Commands over keys of the given kind. */
export function command(key: fc.Arbitrary<string>): fc.Arbitrary<Command> {
  const check: fc.Arbitrary<Check> = fc.record({
    key,
    version: fc.oneof(version, fc.constant(null)),
  });
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    fc.record({ op: fc.constant("set" as const), key, value: newValue }),
    fc.record({ op: fc.constant("delete" as const), key }),
    fc.record({ op: fc.constant("append" as const), key, value: newValue }),
    fc.record({
      op: fc.constantFrom("add" as const, "min" as const, "max" as const),
      key,
      operand: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    }),
  );
  const requiredKeys = { requiredKeys: ["kind", "key", "value"] as ["kind", "key", "value"] };
  return fc.oneof(
    fc.record({ kind: fc.constant("put" as const), key, value: newValue, condition }, requiredKeys),
    fc.record({ kind: fc.constant("delete" as const), key, condition }, {
      requiredKeys: ["kind", "key"] as ["kind", "key"],
    }),
    fc.record({
      kind: fc.constant("delete_range" as const),
      range: fc.record({ start: key, end: key }, { requiredKeys: [] }),
      keyCountMax: fc.integer({ min: 0, max: 4 }),
    }),
    fc.record({
      kind: fc.constant("transaction" as const),
      checks: fc.array(check, { maxLength: 2 }),
      mutations: fc.array(mutation, { maxLength: 4 }),
      reads: fc.array(key, { maxLength: 3 }),
    }),
  );
}

const storedValue: fc.Arbitrary<StoredValue> = fc.tuple(newValue, version).map((
  [value, at],
) => ({ ...value, version: at }));

/** Any result that can be remembered. */
export const rememberedResult: fc.Arbitrary<CommandResult> = fc.oneof(
  fc.record({
    outcome: fc.constant("committed" as const),
    version,
    deletedCount: fc.nat(),
    reads: fc.array(fc.option(storedValue, { nil: undefined }), { maxLength: 3 }),
  }),
  fc.record({
    outcome: fc.constant("condition_failed" as const),
    current: fc.option(version, { nil: undefined }),
  }),
  fc.record({
    outcome: fc.constant("check_failed" as const),
    failedChecks: fc.array(fc.nat(), { maxLength: 5 }),
  }),
  fc.record({ outcome: fc.constant("invalid" as const), key: anyKey, reason: fc.string() }),
  fc.record({ outcome: fc.constant("value_too_large" as const), key: anyKey }),
  fc.record({ outcome: fc.constant("too_many_keys" as const), limit: fc.nat() }),
);
