import { deepEqual, equal, throws } from "node:assert/strict";
import type { DiskFile } from "../../../storage/env/mod.ts";
import { MemoryDisk } from "../../../storage/env/mod.ts";
import type { LogScan } from "../../../storage/log/mod.ts";
import {
  checkLogReaches,
  FrameReader,
  FrameWriter,
  logMarkNone,
  scanLog,
  StorageError,
} from "../../../storage/log/mod.ts";

const fileNumber = 7;

/** Bodies of 0, 20, 40, … bytes; each frame's mark is the end of the one before it. */
function writeFrames(file: DiskFile, count: number, marked = true): number[] {
  const writer = new FrameWriter(file, { fileNumber, position: 0 });
  const starts: number[] = [];
  for (let at = 0; at < count; at++) {
    starts.push(writer.position);
    const mark = marked ? { fileNumber, position: writer.position } : logMarkNone;
    writer.append(new Uint8Array(at * 20).fill(at + 1), mark);
  }
  starts.push(writer.position);
  return starts;
}

function fileOf(bytes?: Uint8Array): DiskFile {
  const file = new MemoryDisk().open("log", "create");
  if (bytes !== undefined) file.writeSync(bytes, 0);
  return file;
}

function bytesOf(file: DiskFile): Uint8Array {
  const bytes = new Uint8Array(file.sizeBytes());
  file.readSync(bytes, 0);
  return bytes;
}

function scan(file: DiskFile, chunkSizeBytes?: number): LogScan & { sizes: number[] } {
  const sizes: number[] = [];
  const found = scanLog(file, {
    fileNumber,
    chunkSizeBytes,
    onFrame: ({ body }) => {
      equal(body.every((byte) => byte === body.length / 20 + 1), true);
      sizes.push(body.length);
    },
  });
  return { ...found, sizes };
}

function isCorruption(error: unknown): boolean {
  return error instanceof StorageError && error.code === "corruption";
}

for (const chunkSizeBytes of [64, 80, 1_048_576]) {
  Deno.test(`scanLog() reads all frames, in chunks of ${chunkSizeBytes}`, () => {
    const file = fileOf();
    const starts = writeFrames(file, 8);
    file.truncate(4_096);
    const found = scan(file, chunkSizeBytes);
    deepEqual(found.sizes, [0, 20, 40, 60, 80, 100, 120, 140]);
    deepEqual([found.end, found.tail, found.dirtyEnd], [starts[8], "clean", starts[8]]);
    equal(found.marks.get(fileNumber), starts[7]);
  });
}

Deno.test("scanLog() of nothing is a clean end", () => {
  deepEqual(scan(fileOf()).end, 0);
  deepEqual(scan(fileOf(new Uint8Array(100))).tail, "clean");
});

Deno.test("scanLog() meets every flipped byte: below a mark refused, above it cut off", () => {
  const file = fileOf();
  const starts = writeFrames(file, 6);
  file.truncate(starts[6] + 64);
  const whole = bytesOf(file);
  for (let at = 0; at < whole.length; at++) {
    const bad = whole.slice();
    bad[at] ^= 0x40;
    const broken = fileOf(bad);
    const frame = starts.findLastIndex((start) => start <= at);
    if (frame === 6) {
      // Zeros behind the end mean nothing: dirt there is a torn write.
      deepEqual([scan(broken).end, scan(broken).tail], [starts[6], "torn"], `byte ${at}`);
      equal(scan(broken).dirtyEnd, at + 1);
      continue;
    }
    const isPadding = at >= starts[frame] + 32 + frame * 20;
    if (isPadding) equal(scan(broken).end, starts[6]);
    else if (frame === 5) equal(scan(broken).end, starts[5], `byte ${at}`);
    else throws(() => scan(broken, 64), isCorruption, `byte ${at}`);
  }
});

Deno.test("scanLog() knows zeroed frames from a clean end by the marks behind them", () => {
  const file = fileOf();
  const starts = writeFrames(file, 6);
  const bytes = bytesOf(file);
  bytes.fill(0, starts[2], starts[4]);
  throws(() => scan(fileOf(bytes)), isCorruption);
});

Deno.test("scanLog() cuts off where nothing says that it was durable", () => {
  const file = fileOf();
  const starts = writeFrames(file, 6, false);
  const bytes = bytesOf(file);
  bytes[starts[2]] ^= 1;
  deepEqual([scan(fileOf(bytes)).end, scan(fileOf(bytes)).tail], [starts[2], "torn"]);
});

Deno.test("scanLog() believes a mark given from elsewhere", () => {
  const file = fileOf();
  const starts = writeFrames(file, 3, false);
  const options = { fileNumber, onFrame() {} };
  const later = (position: number) => ({ ...options, laterMark: { fileNumber, position } });
  equal(scanLog(file, later(starts[3])).end, starts[3]);
  throws(() => scanLog(file, later(starts[3] + 1)), isCorruption);
});

Deno.test("scanLog() does not take frames inside a torn frame's body for its own", () => {
  const inner = fileOf();
  const outer = fileOf();
  const writer = new FrameWriter(outer, { fileNumber, position: 0 });
  // A client's bytes that look like a frame right where they will stand, with a mark far ahead.
  const fake = new FrameWriter(inner, { fileNumber, position: 96 });
  fake.append(new Uint8Array(0), { fileNumber, position: 96 });
  writer.append(new Uint8Array(128), logMarkNone);
  const bytes = bytesOf(outer);
  bytes.set(bytesOf(inner).subarray(96), 96);
  const found = scan(fileOf(bytes));
  deepEqual([found.end, found.tail, found.marks.size], [0, "torn", 0]);
});

Deno.test("FrameReader reads no more than a chunk for a length that is a lie", () => {
  const file = fileOf();
  writeFrames(file, 2);
  const bytes = bytesOf(file);
  new DataView(bytes.buffer).setUint32(8, 0x7fffffff, true);
  const broken = fileOf(bytes);
  let largest = 0;
  const watched = {
    ...broken,
    sizeBytes: () => broken.sizeBytes(),
    readSync: (target: Uint8Array, position: number) => {
      largest = Math.max(largest, target.length);
      return broken.readSync(target, position);
    },
  };
  equal(new FrameReader(watched, { fileNumber, chunkSizeBytes: 64 }).frameAt(0), undefined);
  equal(largest, 64);
});

Deno.test("checkLogReaches() names file and offset", () => {
  const log = { path: "log/1", end: 64 };
  checkLogReaches(64, log);
  throws(() => checkLogReaches(65, log), /frame at 64 of log\/1/);
});
