import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  alignFrame,
  frameHeaderSizeBytes,
  frameSizeBytes,
  isBelowMark,
  isFrameBody,
  logMarkNone,
  parseFrameHeader,
  sealFrame,
} from "../../../storage/log/mod.ts";

const fileSizeBytes = 2 ** 40;

function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderSizeBytes + body.length);
  frame.set(body, frameHeaderSizeBytes);
  return frame;
}

const place = fc.record({
  fileNumber: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  position: fc.integer({ min: 0, max: 2 ** 32 }).map((number) => number * 16),
});

Deno.test("a sealed frame says what it was sealed with", () => {
  fc.assert(fc.property(place, fc.uint8Array({ maxLength: 200 }), fc.nat(), (at, body, back) => {
    const mark = { fileNumber: at.fileNumber, position: Math.max(0, at.position - back) };
    const frame = framed(body);
    sealFrame(frame, at, mark);
    const header = parseFrameHeader(frame, 0, { ...at, fileSizeBytes });
    deepEqual([header?.bodySizeBytes, header?.mark], [body.length, mark]);
    equal(header !== undefined && isFrameBody(body, header, at), true);
  }));
});

Deno.test("no flipped bit of a frame passes", () => {
  const at = { fileNumber: 3, position: 160 };
  const body = new TextEncoder().encode("durable");
  const frame = framed(body);
  sealFrame(frame, at, { fileNumber: 3, position: 96 });
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const bad = frame.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    const header = parseFrameHeader(bad, 0, { ...at, fileSizeBytes });
    const passes = header !== undefined &&
      isFrameBody(bad.subarray(frameHeaderSizeBytes), header, at);
    equal(passes, false, `bit ${bit}`);
  }
});

for (
  const { name, elsewhere } of [
    { name: "file", elsewhere: { fileNumber: 4, position: 160 } },
    { name: "position", elsewhere: { fileNumber: 3, position: 176 } },
  ]
) {
  Deno.test(`a frame does not pass at another ${name}, header and body each`, () => {
    const at = { fileNumber: 3, position: 160 };
    const body = new TextEncoder().encode("durable");
    const frame = framed(body);
    sealFrame(frame, at, logMarkNone);
    equal(parseFrameHeader(frame, 0, { ...elsewhere, fileSizeBytes }), undefined);
    const header = parseFrameHeader(frame, 0, { ...at, fileSizeBytes });
    equal(header !== undefined && isFrameBody(body, header, elsewhere), false);
  });
}

Deno.test("parseFrameHeader() refuses a length beyond the file", () => {
  const at = { fileNumber: 1, position: 64 };
  const frame = framed(new Uint8Array(40));
  sealFrame(frame, at, logMarkNone);
  equal(parseFrameHeader(frame, 0, { ...at, fileSizeBytes: 135 }), undefined);
  equal(parseFrameHeader(frame, 0, { ...at, fileSizeBytes: 136 })?.bodySizeBytes, 40);
});

Deno.test("sealFrame() refuses a mark behind the frame and an unaligned place", () => {
  const frame = framed(new Uint8Array(8));
  throws(() => sealFrame(frame, { fileNumber: 1, position: 16 }, { fileNumber: 1, position: 17 }));
  throws(() => sealFrame(frame, { fileNumber: 1, position: 16 }, { fileNumber: 2, position: 0 }));
  throws(() => sealFrame(frame, { fileNumber: 1, position: 8 }, logMarkNone));
});

Deno.test("isBelowMark() goes by file, then position, and leaves the mark itself out", () => {
  const mark = { fileNumber: 2, position: 32 };
  equal(isBelowMark({ fileNumber: 1, position: 99 }, mark), true);
  equal(isBelowMark({ fileNumber: 2, position: 31 }, mark), true);
  equal(isBelowMark({ fileNumber: 2, position: 32 }, mark), false);
  equal(isBelowMark({ fileNumber: 3, position: 0 }, mark), false);
});

Deno.test("frameSizeBytes() pads to 16", () => {
  deepEqual([0, 1, 16, 17].map(frameSizeBytes), [32, 48, 48, 64]);
  deepEqual([0, 1, 16].map(alignFrame), [0, 16, 16]);
});
