import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeUpkeep, encodeUpkeep, type KeylessCommand } from "../../sharding/upkeep_codec.ts";
import {
  ByteReader,
  ByteWriter,
  InvariantError,
  MalformedBytesError,
} from "../../storage/env/mod.ts";
import { anyKey, retentionTerm, upkeepCommand } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";

function encoded(command: KeylessCommand): Uint8Array {
  const out = new ByteWriter();
  encodeUpkeep(out, command);
  return out.copy();
}

const golden: { name: string; command: KeylessCommand; bytes: number[] }[] = [
  {
    name: "a rule by time",
    command: {
      kind: "set_retention",
      prefix: "a",
      rule: { kind: "duration", retentionMicros: 300 },
    },
    bytes: [2, 0x6b, 0x61, 1, 0xac, 2],
  },
  {
    name: "a rule that counts",
    command: { kind: "set_retention", prefix: "a", rule: { kind: "versions", versionCount: 5 } },
    bytes: [2, 0x6b, 0x61, 2, 5],
  },
  {
    name: "a rule taken back",
    command: { kind: "remove_retention", prefix: "a" },
    bytes: [2, 0x6b, 0x61, 0],
  },
  {
    name: "horizons",
    command: { kind: "advance", horizons: [{ prefix: "ka", version: 258 }] },
    bytes: [1, 2, 0x6b, 0x61, 2, 1, 0, 0, 0, 0, 0, 0],
  },
  { name: "an expire", command: { kind: "expire", keyCountMax: 258 }, bytes: [2, 1, 0, 0] },
];
for (const { name, command, bytes } of golden) {
  Deno.test(`encodeUpkeep() writes ${name} as format 1 promises`, () => {
    deepEqual([...encoded(command)], bytes);
  });
}

Deno.test("decodeUpkeep() gives back rules", () => {
  fc.assert(fc.property(anyKey, retentionTerm, (prefix, rule) => {
    const set = encoded({ kind: "set_retention", prefix, rule });
    const kind = "retention";
    deepEqual(decodeUpkeep(new ByteReader(set), kind), { kind, prefix: `k${prefix}`, term: rule });
    const removed = encoded({ kind: "remove_retention", prefix });
    const want = { kind, prefix: `k${prefix}`, term: undefined };
    deepEqual(decodeUpkeep(new ByteReader(removed), kind), want);
  }));
});

Deno.test("decodeUpkeep() gives back what a leader does by itself", () => {
  fc.assert(fc.property(upkeepCommand(anyKey), (command) => {
    deepEqual(decodeUpkeep(new ByteReader(encoded(command)), command.kind), command);
  }));
});

Deno.test("encodeUpkeep() refuses an expire that could never get on", () => {
  throws(() => encoded({ kind: "expire", keyCountMax: 0 }), InvariantError);
});

const refused = [
  { name: "a term that is not known", kind: "retention", bytes: [2, 0x6b, 0x61, 3, 1] },
  { name: "a rule that counts to 0", kind: "retention", bytes: [2, 0x6b, 0x61, 2, 0] },
  { name: "a prefix of another space", kind: "retention", bytes: [2, 0x63, 0x61, 0] },
  { name: "bytes behind a rule", kind: "retention", bytes: [2, 0x6b, 0x61, 0, 0] },
  { name: "fewer horizons than it says", kind: "advance", bytes: [1] },
  { name: "an expire of no keys", kind: "expire", bytes: [0, 0, 0, 0] },
  { name: "an expire that is cut", kind: "expire", bytes: [1, 0, 0] },
] as const;
for (const { name, kind, bytes } of refused) {
  Deno.test(`decodeUpkeep() refuses ${name}`, () => {
    throws(() => decodeUpkeep(new ByteReader(Uint8Array.from(bytes)), kind), MalformedBytesError);
  });
}

Deno.test("decodeUpkeep() refuses a prefix longer than any key", () => {
  const out = new ByteWriter();
  out.latin1Prefixed(`k${"x".repeat(2_049)}`);
  out.u8(0);
  throws(() => decodeUpkeep(new ByteReader(out.view()), "retention"), MalformedBytesError);
  equal(out.length > 2_049, true);
});

for (const kind of ["retention", "advance", "expire"] as const) {
  Deno.test(`decodeUpkeep() of ${kind} survives damage`, () => {
    const written = upkeepCommand(anyKey).map(encoded);
    survivesDamage(written, (bytes) => void decodeUpkeep(new ByteReader(bytes), kind));
  });
}
