import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  type ChangeCommit,
  ChangeKind,
  ChangeRecordBuilder,
  changeTreeKey,
  decodeChangeRecord,
} from "../../sharding/change_record.ts";
import { InvariantError, MalformedBytesError } from "../../storage/env/mod.ts";
import { anyKey } from "./arbitraries.ts";
import { survivesDamage } from "./codec_properties.ts";

interface Record {
  readonly treeKey: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

function build(commits: readonly ChangeCommit[]): Record[] {
  const records: Record[] = [];
  const builder = new ChangeRecordBuilder((treeKey, version, bytes) =>
    records.push({ treeKey, version, bytes: bytes.slice() })
  );
  for (const { version, writer, changes } of commits) {
    builder.begin(version, { writer, changeCount: changes.length });
    for (const { key, kind } of changes) builder.add(`k${key}`, kind);
  }
  builder.flush();
  return records;
}

const commits = fc.array(
  fc.record({
    step: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 ** 40 })),
    writer: fc.constantFrom("", "a", "löwe"),
    changes: fc.array(
      fc.record({ key: anyKey, kind: fc.constantFrom(...Object.values(ChangeKind)) }),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 6 },
).map((drafts) => {
  let version = 1_795_000_000_000_000;
  return drafts.map(({ step, writer, changes }): ChangeCommit => {
    version += step;
    return { version, writer, changes };
  });
});

Deno.test("ChangeRecordBuilder writes format 1", () => {
  const [record] = build([
    { version: 256, writer: "", changes: [{ key: "a", kind: ChangeKind.set }] },
    { version: 258, writer: "w", changes: [{ key: "b", kind: ChangeKind.delete }] },
    { version: 259, writer: "w", changes: [{ key: "c", kind: ChangeKind.set }] },
    { version: 262, writer: "", changes: [{ key: "d", kind: ChangeKind.expire }] },
  ]);
  equal(record.treeKey, "c\0\0\0\0\0\0\x01\x06");
  equal(record.version, 262);
  deepEqual(
    [...record.bytes],
    [1, 0, 1, 0, 0, 0, 0, 0, 0].concat(
      [0, 2, 5, 0x61],
      [2, 3, 1, 0x77, 4, 0x62],
      [1, 2, 5, 0x63],
      [3, 3, 0, 6, 0x64],
    ),
  );
});

Deno.test("decodeChangeRecord() gives back every commit", () => {
  fc.assert(fc.property(commits, (given) => {
    const records = build(given);
    equal(records.length, 1);
    deepEqual(decodeChangeRecord(records[0].bytes), given);
    equal(records[0].treeKey, changeTreeKey(given[given.length - 1].version));
  }));
});

Deno.test("ChangeRecordBuilder begins the next record without a writer left over", () => {
  const records: Uint8Array[] = [];
  const builder = new ChangeRecordBuilder((_key, _version, bytes) => records.push(bytes.slice()));
  for (const version of [1, 2]) {
    builder.begin(version, { writer: "w", changeCount: 1 });
    builder.add("ka", ChangeKind.set);
    builder.flush();
  }
  deepEqual(records.map((bytes) => decodeChangeRecord(bytes)[0].writer), ["w", "w"]);
});

Deno.test("ChangeRecordBuilder cuts a long entry between two commits and loses none", () => {
  const key = "x".repeat(2_000);
  const given = Array.from({ length: 400 }, (_, index): ChangeCommit => ({
    version: index + 1,
    writer: "w",
    changes: [{ key, kind: ChangeKind.set }],
  }));
  const records = build(given);
  equal(records.length > 1 && records.length < 10, true);
  deepEqual(records.flatMap(({ bytes }) => decodeChangeRecord(bytes)), given);
  for (const { bytes, treeKey, version } of records) {
    equal(decodeChangeRecord(bytes).at(-1)?.version, version);
    equal(treeKey, changeTreeKey(version));
  }
});

Deno.test("ChangeRecordBuilder writes no record where nothing changed", () => {
  deepEqual(build([]), []);
});

Deno.test("ChangeRecordBuilder refuses versions that do not rise and commits cut short", () => {
  const builder = new ChangeRecordBuilder(() => {});
  builder.begin(5, { writer: "", changeCount: 2 });
  builder.add("ka", ChangeKind.set);
  throws(() => builder.flush(), InvariantError);
  builder.add("kb", ChangeKind.set);
  throws(() => builder.begin(5, { writer: "", changeCount: 1 }), InvariantError);
});

Deno.test("changeTreeKey() orders records as their versions", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (left, right) => {
    equal(changeTreeKey(left) < changeTreeKey(right), left < right);
  }));
});

Deno.test("decodeChangeRecord() refuses another format and kinds that are not known", () => {
  throws(() => decodeChangeRecord(Uint8Array.of(2, 0, 1, 0, 0, 0, 0, 0, 0)), MalformedBytesError);
  const [record] = build([{ version: 1, writer: "", changes: [{ key: "a", kind: 1 }] }]);
  record.bytes[11] = 1 * 4 + 3;
  throws(() => decodeChangeRecord(record.bytes), MalformedBytesError);
});

Deno.test("decodeChangeRecord() survives damage", () => {
  survivesDamage(commits.map((given) => build(given)[0].bytes), (bytes) => {
    decodeChangeRecord(bytes);
  });
});
