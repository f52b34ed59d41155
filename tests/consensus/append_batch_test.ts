import { deepEqual, equal } from "node:assert/strict";
import { ByteWriter } from "../../storage/env/mod.ts";
import { frameHeaderSizeBytes } from "../../storage/log/mod.ts";
import { AppendBatch, recordsSizeBytesMax } from "../../consensus/append_batch.ts";
import { readRecords } from "../../consensus/log_record.ts";
import { entryOf } from "./log_fixture.ts";

Deno.test("AppendBatch notes where its entries stand in the frame's body", () => {
  const frame = new ByteWriter();
  frame.bytes(new Uint8Array(500).fill(0xff));
  const batch = new AppendBatch(frame);
  const hardState = { term: 1, vote: 1, commit: 0 };
  const records = [
    entryOf(1, "one"),
    { kind: "hardState" as const, groupId: 2, hardState },
    entryOf(2, "second"),
  ];
  batch.add(records.slice(0, 2));
  batch.add(records.slice(2));
  equal(batch.frame.length - frameHeaderSizeBytes <= recordsSizeBytesMax(records), true);
  const body = batch.frame.copy().subarray(frameHeaderSizeBytes);
  const texts = batch.entries.map(({ start, end }) =>
    new TextDecoder().decode(body.subarray(start, end))
  );
  deepEqual(texts, ["one", "second"]);
  deepEqual(batch.hardStates, [records[1]]);
  const read: unknown[] = [];
  readRecords(body, { entry: (entry) => read.push(entry), hardState() {} });
  deepEqual(read, batch.entries);
});
