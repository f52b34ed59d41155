import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { LoggedCommand, LoggedMutation, UpkeepCommand } from "../../sharding/command.ts";
import { decodeCommand, encodeCommand, requestIdText } from "../../sharding/command_codec.ts";
import type { Command, Mutation, NewValue } from "../../sharding/database.ts";
import { decodeValue } from "../../sharding/value.ts";
import { ByteWriter, InvariantError, MalformedBytesError } from "../../storage/env/mod.ts";
import { anyKey, command, requestIdentity, upkeepCommand } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";

const context = { valueSizeBytesMax: 1_000 };

function encoded(given: Command | UpkeepCommand, more: object = {}): Uint8Array {
  const out = new ByteWriter(16);
  encodeCommand(out, given, { ...context, ...more });
  return out.copy();
}

/** Returns a command of the log as the client gave it. */
function asGiven(logged: LoggedCommand): Command | UpkeepCommand {
  switch (logged.kind) {
    case "put":
      return {
        kind: "put",
        key: logged.treeKey.slice(1),
        value: valueOf(logged),
        ...(logged.condition === undefined ? {} : { condition: logged.condition }),
      };
    case "delete":
      return {
        kind: "delete",
        key: logged.treeKey.slice(1),
        ...(logged.condition === undefined ? {} : { condition: logged.condition }),
      };
    case "delete_range":
      return {
        kind: "delete_range",
        range: {
          ...(logged.start === "k" ? {} : { start: logged.start.slice(1) }),
          ...(logged.end === "l" ? {} : { end: logged.end.slice(1) }),
        },
        keyCountMax: logged.keyCountMax,
      };
    case "transaction":
      return {
        kind: "transaction",
        checks: logged.checks.map(({ treeKey, version }) => ({ key: treeKey.slice(1), version })),
        mutations: logged.mutations.map(mutationAsGiven),
        reads: logged.reads.map((treeKey) => treeKey.slice(1)),
      };
    case "revert": {
      const { treeKey, toVersion, condition, ttlMicros } = logged;
      return {
        kind: "revert",
        key: treeKey.slice(1),
        toVersion,
        ...(condition === undefined ? {} : { condition }),
        ...(ttlMicros === undefined ? {} : { ttlMicros }),
      };
    }
    case "retention": {
      const prefix = logged.prefix.slice(1);
      return logged.term === undefined
        ? { kind: "remove_retention", prefix }
        : { kind: "set_retention", prefix, rule: logged.term };
    }
    case "advance":
      return { kind: "advance", horizons: logged.horizons };
    case "expire":
      return { kind: "expire", keyCountMax: logged.keyCountMax };
  }
}

function mutationAsGiven(logged: LoggedMutation): Mutation {
  const key = logged.treeKey.slice(1);
  switch (logged.op) {
    case "set":
    case "append":
      return { op: logged.op, key, value: valueOf(logged.value) };
    case "delete":
      return { op: "delete", key };
    default: {
      const { op, operand, ttlMicros } = logged;
      return { op, key, operand, ...(ttlMicros === undefined ? {} : { ttlMicros }) };
    }
  }
}

function valueOf(slice: { source: Uint8Array; start: number; end: number }): NewValue {
  const envelope = slice.source.subarray(slice.start, slice.end);
  const { bytes, contentType, expiresAt } = decodeValue(envelope, 0);
  return { bytes, contentType, ...(expiresAt === undefined ? {} : { ttlMicros: expiresAt }) };
}

Deno.test("encodeCommand() writes a put as format 1 promises", () => {
  const value = { bytes: Uint8Array.of(7, 8), contentType: "application/octet-stream" };
  deepEqual(
    [...encoded({ kind: "put", key: "ab", value })],
    [1, 0x01, 3, 0x6b, 0x61, 0x62, 1, 7, 8],
  );
  deepEqual(
    [...encoded({ kind: "put", key: "a", value, condition: { kind: "absent" } }, { writer: "w" })],
    // The writer stands in the envelope, where it stays.
    [1, 0x41, 2, 0x6b, 0x61, 0, 0x81, 1, 0x77, 7, 8],
  );
  deepEqual(
    [...encoded({ kind: "put", key: "a", value: { ...value, ttlMicros: 258 } })],
    [1, 0x01, 2, 0x6b, 0x61, 0x41, 2, 1, 0, 0, 0, 0, 0, 0, 7, 8],
  );
});

Deno.test("encodeCommand() writes the other kinds as format 1 promises", () => {
  deepEqual(
    [...encoded({ kind: "delete", key: "a", condition: { kind: "version", versions: [258] } })],
    [1, 0x42, 2, 0x6b, 0x61, 2, 1, 2, 1, 0, 0, 0, 0, 0, 0],
  );
  deepEqual(
    [...encoded({ kind: "delete_range", range: { start: "a" }, keyCountMax: 5 })],
    [1, 0x03, 2, 0x6b, 0x61, 1, 0x6c, 5, 0, 0, 0],
  );
  deepEqual(
    [...encoded({ kind: "delete", key: "a" }, { writer: "w" })],
    [1, 0x22, 1, 0x77, 2, 0x6b, 0x61],
  );
  const condition = { kind: "exists" as const };
  deepEqual(
    [...encoded({ kind: "revert", key: "a", toVersion: 258, condition, ttlMicros: 0x7f })],
    [1, 0x45, 2, 0x6b, 0x61, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0x80, 1],
  );
  deepEqual(
    [...encoded({ kind: "revert", key: "a", toVersion: 1 })],
    [1, 0x05, 2, 0x6b, 0x61, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  deepEqual(
    [...encoded({ kind: "remove_retention", prefix: "a" })],
    [1, 0x06, 2, 0x6b, 0x61, 0],
  );
  deepEqual([...encoded({ kind: "advance", horizons: [] })], [1, 0x07, 0]);
  deepEqual([...encoded({ kind: "expire", keyCountMax: 5 })], [1, 0x08, 5, 0, 0, 0]);
  const transaction: Command = {
    kind: "transaction",
    checks: [{ key: "c", version: null }],
    mutations: [{ op: "add", key: "m", operand: 1.5 }],
    reads: ["r"],
  };
  deepEqual(
    [...encoded(transaction)],
    // limit 1000, check, mutation with "1.5", read
    [1, 0x04, 0xe8, 3, 0, 0, 1, 2, 0x6b, 0x63, 0]
      .concat([1, 4, 2, 0x6b, 0x6d, 3, 0x31, 0x2e, 0x35], [1, 2, 0x6b, 0x72]),
  );
});

const anyCommand = fc.oneof(
  { weight: 4, arbitrary: command(anyKey) },
  { weight: 1, arbitrary: upkeepCommand(anyKey) },
);

Deno.test("decodeCommand() gives back every command, wherever it stands in a buffer", () => {
  const writer = fc.constantFrom("", "node1/admin", "n/l\xc3\xb6we");
  const request = fc.option(requestIdentity, { nil: undefined });
  fc.assert(
    fc.property(anyCommand, request, writer, fc.nat(9), (given, identity, name, offset) => {
      const bytes = encoded(given, { request: identity, writer: name });
      const buffer = new Uint8Array(bytes.length + 20).fill(0xee);
      buffer.set(bytes, offset);
      const logged = decodeCommand(buffer, offset, offset + bytes.length);
      deepEqual(asGiven(logged), withoutNegativeZero(given));
      equal(logged.writer, name);
      deepEqual(logged.request, identity);
      if (logged.kind === "transaction") equal(logged.valueSizeBytesMax, 1_000);
    }),
    { numRuns: 500 },
  );
});

/** JSON has no negative zero, so an operand comes back without its sign. */
function withoutNegativeZero(given: Command | UpkeepCommand): Command | UpkeepCommand {
  if (given.kind !== "transaction") return given;
  const mutations = given.mutations.map((mutation) =>
    "operand" in mutation ? { ...mutation, operand: mutation.operand + 0 } : mutation
  );
  return { ...given, mutations };
}

Deno.test("encodeCommand() copies what it was given", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const written = encoded({ kind: "put", key: "a", value: { bytes, contentType: "a/b" } });
  const before = written.slice();
  bytes.fill(9);
  deepEqual(written, before);
});

Deno.test("encodeCommand() refuses keys that no client may use", () => {
  const value = { bytes: new Uint8Array(0), contentType: "a/b" };
  throws(() => encoded({ kind: "put", key: "", value }), InvariantError);
  throws(() => encoded({ kind: "put", key: "x".repeat(2_049), value }), InvariantError);
  equal(encoded({ kind: "put", key: "x".repeat(2_048), value }).length > 2_048, true);
});

const refused = [
  { name: "another codec version", bytes: [2, 1, 2, 0x6b, 0x61, 1] },
  { name: "kind 0", bytes: [1, 0, 2, 0x6b, 0x61, 1] },
  { name: "kind 9", bytes: [1, 9, 2, 0x6b, 0x61, 1] },
  { name: "a revert that is cut", bytes: [1, 5, 2, 0x6b, 0x61, 1, 0, 0, 0, 0, 0, 0] },
  { name: "a revert with bytes behind it", bytes: [1, 5, 2, 0x6b, 0x61, ...Array(10).fill(0)] },
  { name: "a key without a tag", bytes: [1, 1, 2, 0x61, 0x61, 1] },
  { name: "an empty key", bytes: [1, 1, 1, 0x6b, 1] },
  { name: "a put without a value", bytes: [1, 1, 2, 0x6b, 0x61] },
  { name: "a delete with bytes behind it", bytes: [1, 2, 2, 0x6b, 0x61, 0] },
  { name: "a range that begins in another space", bytes: [1, 3, 1, 0x63, 1, 0x6c, 1, 0, 0, 0] },
  { name: "a range that ends in another space", bytes: [1, 3, 1, 0x6b, 1, 0x72, 1, 0, 0, 0] },
  { name: "a condition that is not known", bytes: [1, 0x42, 2, 0x6b, 0x61, 3] },
];
for (const { name, bytes } of refused) {
  Deno.test(`decodeCommand() refuses ${name}`, () => {
    throws(() => decodeCommand(Uint8Array.from(bytes), 0, bytes.length), MalformedBytesError);
  });
}

Deno.test("decodeCommand() survives damage", () => {
  const written = fc.tuple(anyCommand, fc.option(requestIdentity, { nil: undefined })).map((
    [given, request],
  ) => encoded(given, { request, writer: "w" }));
  survivesDamage(written, (bytes) => {
    decodeCommand(bytes, 0, bytes.length);
  });
});

Deno.test("requestIdText() keeps each byte of an id", () => {
  const id = Uint8Array.from({ length: 16 }, (_, index) => 255 - index);
  equal(requestIdText({ id, fingerprint: id }).charCodeAt(15), 240);
});
