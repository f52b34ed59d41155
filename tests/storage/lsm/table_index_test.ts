import { equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { ByteReader, ByteWriter, MalformedBytesError } from "../../../storage/env/mod.ts";
import { TableIndex, TableIndexBuilder } from "../../../storage/lsm/table_index.ts";
import { compareEntries, entriesArbitrary, targetsOf } from "./table_fixture.ts";

interface Place {
  readonly key: string;
  readonly version: number;
}

/** An index of blocks of `perBlock` entries; block number n has 100 + n bytes. */
function indexBytes(entries: readonly Place[], perBlock: number): Uint8Array {
  const builder = new TableIndexBuilder();
  for (let start = 0; start < entries.length; start += perBlock) {
    const end = Math.min(start + perBlock, entries.length);
    const sizeBytes = 100 + builder.blockCount;
    builder.add(entries[end - 1], { sizeBytes, nextKey: entries.at(end)?.key });
  }
  const out = new ByteWriter();
  builder.finish(out);
  return out.copy();
}

Deno.test("TableIndex.find() leads to the block that holds an entry, or ends before the next", () => {
  fc.assert(
    fc.property(entriesArbitrary, fc.integer({ min: 1, max: 4 }), (entries, perBlock) => {
      const index = new TableIndex(new ByteReader(indexBytes(entries, perBlock)));
      equal(index.blockCount, Math.ceil(entries.length / perBlock));
      for (const target of targetsOf(entries)) {
        const found = entries.findIndex((entry) => compareEntries(entry, target) >= 0);
        const block = index.find(target.key, target.version);
        if (found < 0) {
          equal(block, index.blockCount);
          continue;
        }
        const wanted = Math.floor(found / perBlock);
        const isExact = compareEntries(entries[found], target) === 0;
        // A target between two blocks may lead to either: the cursor steps on.
        ok(block === wanted || (!isExact && block === wanted - 1 && found % perBlock === 0));
        ok(index.isWithin(block, target.key, target.version));
        if (block > 0) ok(!index.isWithin(block - 1, target.key, target.version));
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("TableIndex gives each block its place, one behind the other", () => {
  const entries = ["ka", "kb", "kc"].map((key) => ({ key, version: 1 }));
  const index = new TableIndex(new ByteReader(indexBytes(entries, 1)));
  equal(index.offsetOf(0), 0);
  equal(index.offsetOf(2), 201);
  equal(index.sizeBytesOf(2), 102);
  equal(index.dataEnd, 303);
});

const separators = [
  { left: "kapple", right: "kbanana", want: "kb" },
  { left: "kapple", right: "kb", want: "kapple" },
  { left: "ka", right: "kab", want: "ka" },
  { left: "kab", right: "kacd", want: "kac" },
  { left: "", right: "k", want: "" },
];
for (const { left, right, want } of separators) {
  Deno.test(`TableIndexBuilder.add() separates ${left} from ${right} by ${want}`, () => {
    const bytes = indexBytes([{ key: left, version: 5 }, { key: right, version: 5 }], 1);
    const reader = new ByteReader(bytes);
    equal(reader.varint(), 2);
    equal(reader.varint(), 0);
    equal(reader.latin1Prefixed(), want);
    equal(reader.u64(), 0);
  });
}

Deno.test("TableIndex finds one version among many blocks of the same key", () => {
  const entries = Array.from({ length: 9 }, (_, index) => ({ key: "k", version: 90 - index * 10 }));
  const index = new TableIndex(new ByteReader(indexBytes(entries, 3)));
  equal(index.find("k", 1_000), 0);
  equal(index.find("k", 70), 0);
  equal(index.find("k", 69), 1);
  equal(index.find("k", 15), 2);
  equal(index.find("k", 10), 2);
  equal(index.find("k", 9), 3);
});

const good = indexBytes([{ key: "ka", version: 5 }, { key: "ka", version: 4 }], 1);
const malformed = [
  { name: "no block", bytes: new Uint8Array([0]) },
  { name: "fewer entries than it says", bytes: good.slice(0, good.length - 1) },
  { name: "more bytes than entries", bytes: new Uint8Array([...good, 0]) },
  { name: "a first separator that shares", bytes: patched(1, 1) },
  { name: "separators that do not rise", bytes: patched(16, 5) },
  { name: "a block of a trailer alone", bytes: patched(13, 9) },
];
for (const { name, bytes } of malformed) {
  Deno.test(`TableIndex refuses ${name}`, () => {
    throws(() => new TableIndex(new ByteReader(bytes)), MalformedBytesError);
  });
}

function patched(at: number, byte: number): Uint8Array {
  const copy = good.slice();
  copy[at] = byte;
  return copy;
}
