import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { ChangeRecordBuilder, decodeChangeRecord } from "../../sharding/change_record.ts";
import { Effects, expiryTreeKey, parseExpiryKey } from "../../sharding/effects.ts";
import { encodeHead } from "../../sharding/value.ts";
import { ByteWriter, InvariantError, MalformedBytesError } from "../../storage/env/mod.ts";
import { versionMax } from "../../storage/mod.ts";
import { anyKey } from "./arbitraries.ts";
import { ModelStore } from "./model_store.ts";

function envelope(expiry?: number): Uint8Array {
  const out = new ByteWriter(16);
  encodeHead(out, { contentType: "text/plain", expiry });
  return out.copy();
}

/** Effects on an empty store, and the change records behind them. */
function made() {
  const store = new ModelStore();
  const records: Uint8Array[] = [];
  const changes = new ChangeRecordBuilder((_key, _version, record) => records.push(record.slice()));
  const commits = () => {
    changes.flush();
    return records.flatMap(decodeChangeRecord);
  };
  return { store, commits, effects: new Effects(store, changes) };
}

Deno.test("expiryTreeKey() is the tag, the due big-endian and the user key", () => {
  equal(expiryTreeKey(0x0102_0304_0506, "ab"), "e\x00\x00\x01\x02\x03\x04\x05\x06ab");
  equal(expiryTreeKey(2 ** 32 - 1, ""), "e\x00\x00\x00\x00\xff\xff\xff\xff");
});

Deno.test("parseExpiryKey() gives back what is due when", () => {
  fc.assert(fc.property(fc.maxSafeNat(), anyKey, (due, key) => {
    deepEqual(parseExpiryKey(expiryTreeKey(due, key)), { due, treeKey: `k${key}` });
  }));
});

Deno.test("expiryTreeKey() sorts by due before it sorts by key", () => {
  const due = fc.oneof(fc.maxSafeNat(), fc.integer({ min: 2 ** 32 - 2, max: 2 ** 32 + 2 }));
  fc.assert(fc.property(due, due, anyKey, anyKey, (left, right, one, other) => {
    const isBefore = left === right ? one < other : left < right;
    equal(expiryTreeKey(left, one) < expiryTreeKey(right, other), isBefore);
  }));
});

const refused = [
  { name: "no key behind the due", key: expiryTreeKey(1, "") },
  { name: "another space", key: `k${expiryTreeKey(1, "a").slice(1)}` },
  { name: "a due that is cut", key: "e\0\0\0" },
];
for (const { name, key } of refused) {
  Deno.test(`parseExpiryKey() refuses ${name}`, () => {
    throws(() => parseExpiryKey(key), MalformedBytesError);
  });
}

Deno.test("Effects.set() writes an entry of the index where the value expires, and else none", () => {
  const { store, effects, commits } = made();
  effects.begin(5, { writer: "w", changeCount: 2 });
  const brief = envelope(9);
  effects.set("ka", 5, brief, 0, brief.length);
  const lasting = envelope();
  effects.set("kb", 5, lasting, 0, lasting.length);
  deepEqual([...store.written.keys()], ["ka", expiryTreeKey(9, "a"), "kb"]);
  equal(store.get(expiryTreeKey(9, "a"), 5)?.bytes.length, 0);
  deepEqual(commits(), [
    { version: 5, writer: "w", changes: [{ key: "a", kind: 1 }, { key: "b", kind: 1 }] },
  ]);
});

Deno.test("Effects.set() refuses a value that does not outlive its commit", () => {
  const { effects } = made();
  effects.begin(5, { writer: "", changeCount: 1 });
  throws(() => effects.set("ka", 5, envelope(5), 0, envelope(5).length), InvariantError);
});

Deno.test("Effects.remove() says who deleted, Effects.expire() that nobody did", () => {
  const { store, effects, commits } = made();
  effects.begin(5, { writer: "n/t", changeCount: 1 });
  effects.remove("ka", 5, "n/t");
  effects.begin(6, { writer: "", changeCount: 2 });
  effects.expire("kb", 6);
  effects.remove("kc", 6, "");
  const bytesOf = (key: string) => [...store.written.get(key)?.[0].bytes ?? []];
  deepEqual(bytesOf("ka"), [0, 0x6e, 0x2f, 0x74]);
  deepEqual(bytesOf("kb"), [1]);
  deepEqual(bytesOf("kc"), [0]);
  deepEqual(commits().map(({ changes }) => changes.map(({ kind }) => kind)), [[0], [2, 0]]);
});

Deno.test("Effects.remove() keeps writers apart, however many there are", () => {
  const { store, effects } = made();
  for (let index = 0; index < 200; index++) {
    effects.begin(index + 1, { writer: `n/${index % 70}`, changeCount: 1 });
    effects.remove(`k${index}`, index + 1, `n/${index % 70}`);
  }
  for (let index = 0; index < 200; index++) {
    const bytes = store.written.get(`k${index}`)?.[0].bytes.subarray(1);
    equal(new TextDecoder().decode(bytes), `n/${index % 70}`);
  }
});

Deno.test("Effects.takeEarliestDue() tells the earliest since it was last asked", () => {
  const { effects } = made();
  equal(effects.takeEarliestDue(), Infinity);
  effects.begin(1, { writer: "", changeCount: 3 });
  for (const [key, due] of [["ka", 30], ["kb", 20], ["kc", versionMax]] as const) {
    effects.set(key, 1, envelope(due), 0, envelope(due).length);
  }
  equal(effects.takeEarliestDue(), 20);
  equal(effects.takeEarliestDue(), Infinity);
});
