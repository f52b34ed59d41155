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
  RetentionTerm,
  StoredValue,
} from "../../sharding/database.ts";
import type { UpkeepCommand } from "../../sharding/command.ts";

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

/** A time to live: mostly over after a few commands. */
export const ttlMicros: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2 ** 20, max: 2 ** 50 }) },
);

const someTtl = fc.option(ttlMicros, { nil: undefined, freq: 1 });

/** A value as clients put it, that may live for a while only. */
export const livingValue: fc.Arbitrary<NewValue> = fc.tuple(newValue, someTtl).map((
  [value, ttl],
) => ttl === undefined ? value : { ...value, ttlMicros: ttl });

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
    fc.record({ op: fc.constant("set" as const), key, value: livingValue }),
    fc.record({ op: fc.constant("delete" as const), key }),
    fc.record({ op: fc.constant("append" as const), key, value: livingValue }),
    fc.record({
      op: fc.constantFrom("add" as const, "min" as const, "max" as const),
      key,
      operand: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      ttlMicros,
    }, { requiredKeys: ["op", "key", "operand"] }),
  );
  const requiredKeys = { requiredKeys: ["kind", "key", "value"] as ["kind", "key", "value"] };
  return fc.oneof(
    fc.record(
      { kind: fc.constant("put" as const), key, value: livingValue, condition },
      requiredKeys,
    ),
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
    fc.record({
      kind: fc.constant("revert" as const),
      key,
      toVersion: version,
      condition,
      ttlMicros,
    }, { requiredKeys: ["kind", "key", "toVersion"] }),
    fc.record({ kind: fc.constant("set_retention" as const), prefix: key, rule: retentionTerm }),
    fc.record({ kind: fc.constant("remove_retention" as const), prefix: key }),
  );
}

/** How long versions are kept. */
export const retentionTerm: fc.Arbitrary<RetentionTerm> = fc.oneof(
  fc.record({ kind: fc.constant("duration" as const), retentionMicros: fc.nat() }),
  fc.record({
    kind: fc.constant("versions" as const),
    versionCount: fc.integer({ min: 1, max: 3 }),
  }),
);

/** What a leader does by itself, about keys of the given kind. */
export function upkeepCommand(key: fc.Arbitrary<string>): fc.Arbitrary<UpkeepCommand> {
  const horizon = fc.record({ prefix: key.map((prefix) => `k${prefix}`), version });
  return fc.oneof(
    fc.record({
      kind: fc.constant("advance" as const),
      horizons: fc.uniqueArray(horizon, { maxLength: 3, selector: ({ prefix }) => prefix }),
    }),
    fc.record({
      kind: fc.constant("expire" as const),
      keyCountMax: fc.integer({ min: 1, max: 3 }),
    }),
  );
}

const storedValue: fc.Arbitrary<StoredValue> = fc.tuple(newValue, version, version).map((
  [value, at, expiry],
) => ({ ...value, version: at, expiresAt: expiry % 3 === 0 ? undefined : expiry }));

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
  fc.record({ outcome: fc.constant("version_vacuumed" as const), oldestVersion: version }),
  fc.record({ outcome: fc.constant("no_value" as const), key: anyKey }),
  fc.record({ outcome: fc.constant("too_many_rules" as const), limit: fc.nat() }),
);
