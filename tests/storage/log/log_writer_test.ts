import { deepEqual, equal, throws } from "node:assert/strict";
import { ByteWriter, DiskError, MemoryDisk } from "../../../storage/env/mod.ts";
import { FrameReader, FrameWriter, logMarkNone, startFrame } from "../../../storage/log/mod.ts";
import { FaultDisk, readAll } from "../../consensus/log_fixture.ts";

Deno.test("FrameWriter.append() writes one frame behind the other, padded by zeros", () => {
  const disk = new MemoryDisk();
  const file = disk.open("log", "create");
  const writer = new FrameWriter(file, { fileNumber: 1, position: 0 });
  // The longer one first: what it leaves in the buffer must not show up behind the shorter.
  equal(writer.append(new Uint8Array(40).fill(0xff), logMarkNone), 80);
  equal(writer.append(new Uint8Array(3).fill(0xee), { fileNumber: 1, position: 80 }), 128);
  deepEqual(readAll(disk, "log").subarray(80 + 35), new Uint8Array(13));
  const frame = new FrameReader(file, { fileNumber: 1 }).frameAt(80);
  deepEqual(frame?.body, new Uint8Array(3).fill(0xee));
  deepEqual([frame?.end, frame?.mark], [128, { fileNumber: 1, position: 80 }]);
  file.close();
});

Deno.test("FrameWriter goes on where it is told to", () => {
  const disk = new MemoryDisk();
  const file = disk.open("log", "create");
  const writer = new FrameWriter(file, { fileNumber: 1, position: 48 });
  writer.append(new Uint8Array(1), logMarkNone);
  equal(new FrameReader(file, { fileNumber: 1 }).frameAt(48)?.end, 96);
  throws(() => new FrameWriter(file, { fileNumber: 1, position: 50 }), /multiples of 16/);
  file.close();
});

Deno.test("a failed write leaves the position, and erase() takes the frame back", async () => {
  const disk = new FaultDisk();
  const file = disk.open("log", "create");
  const writer = new FrameWriter(file, { fileNumber: 1, position: 0 });
  writer.append(new Uint8Array(8), logMarkNone);
  let failures = 1;
  disk.onWrite = () => {
    if (failures-- > 0) throw new DiskError("disk_full", "Cannot write");
  };
  // Half of it is there: header and all.
  throws(() => writer.append(new Uint8Array(100).fill(1), logMarkNone), DiskError);
  equal(writer.position, 48);
  equal(new FrameReader(file, { fileNumber: 1 }).headerAt(48), undefined);
  const whole = new ByteWriter();
  startFrame(whole);
  whole.bytes(new Uint8Array(4).fill(9));
  const sealed = writer.seal(whole, logMarkNone);
  file.writeSync(sealed, 48);
  equal(new FrameReader(file, { fileNumber: 1 }).headerAt(48)?.bodySizeBytes, 4);
  writer.erase();
  equal(new FrameReader(file, { fileNumber: 1 }).headerAt(48), undefined);
  await writer.writeLater(sealed);
  equal(writer.position, 96);
  file.close();
});
