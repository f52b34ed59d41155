import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter, MalformedBytesError } from "../../storage/env/mod.ts";
import type { LogRecord } from "../../consensus/log_record.ts";
import {
  readRecords,
  readSegmentHeader,
  recordOverheadSizeBytesMax,
  writeEntry,
  writeHardState,
  writeSegmentHeader,
} from "../../consensus/log_record.ts";

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("entry" as const),
    groupId: number,
    term: number,
    index: number,
    payload: fc.uint8Array({ maxLength: 50 }),
  }),
  fc.record({
    kind: fc.constant("hardState" as const),
    groupId: number,
    hardState: fc.record({ term: number, vote: number, commit: number }, { noNullPrototype: true }),
  }, { noNullPrototype: true }),
);

function write(records: readonly LogRecord[]): Uint8Array {
  const out = new ByteWriter();
  for (const record of records) {
    const start = out.length;
    if (record.kind === "entry") {
      const payloadAt = writeEntry(out, record);
      deepEqual(out.view().subarray(payloadAt), record.payload);
      equal(out.length - start <= record.payload.length + recordOverheadSizeBytesMax, true);
    } else {
      writeHardState(out, record.groupId, record.hardState);
      equal(out.length - start <= recordOverheadSizeBytesMax, true);
    }
  }
  return out.copy();
}

function read(body: Uint8Array): LogRecord[] {
  const records: LogRecord[] = [];
  readRecords(body, {
    entry: ({ start, end, ...entry }) =>
      records.push({ kind: "entry", ...entry, payload: body.slice(start, end) }),
    hardState: (groupId, hardState) => records.push({ kind: "hardState", groupId, hardState }),
  });
  return records;
}

Deno.test("readRecords() returns what was written, in order", () => {
  fc.assert(fc.property(fc.array(record, { maxLength: 8 }), (records) => {
    deepEqual(read(write(records)), records.map((each) => ({ ...each })));
  }));
});

Deno.test("readRecords() refuses what is cut short, and never reads beyond", () => {
  const payload = new Uint8Array([1, 2, 3]);
  const body = write([{ kind: "entry", groupId: 300, term: 1, index: 9, payload }]);
  for (let sizeBytes = 1; sizeBytes < body.length; sizeBytes++) {
    throws(() => read(body.slice(0, sizeBytes)), MalformedBytesError);
  }
  throws(() => read(new Uint8Array([9])), MalformedBytesError);
});

Deno.test("readRecords() throws nothing else, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      read(bytes);
    } catch (error) {
      equal(error instanceof MalformedBytesError, true);
    }
  }));
});

Deno.test("readSegmentHeader() returns what was written, and refuses an entry", () => {
  const out = new ByteWriter();
  const header = { formatVersion: 1, number: 2 ** 40, sizeBytes: 1_024 };
  writeSegmentHeader(out, header);
  equal(out.length, 21);
  deepEqual(readSegmentHeader(out.view()), header);
  const entry = { kind: "entry", groupId: 1, term: 1, index: 1, payload: out.copy() } as const;
  throws(() => readSegmentHeader(write([entry])), MalformedBytesError);
});
