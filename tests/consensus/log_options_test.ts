import { deepEqual, throws } from "node:assert/strict";
import { nodeLogOptions, nodeLogOptionsDefault } from "../../consensus/log_options.ts";

Deno.test("nodeLogOptions() lays what is given over the defaults", () => {
  deepEqual(nodeLogOptions(), nodeLogOptionsDefault);
  deepEqual(nodeLogOptions({ markDelayMs: 7 }), { ...nodeLogOptionsDefault, markDelayMs: 7 });
});

for (
  const bad of [
    { segmentSizeBytes: 1_023 },
    { segmentSizeBytes: 4_097 },
    { logSizeBytesMax: 0 },
    { frameSizeBytesMax: NaN },
    { directWriteSizeBytesMax: -1 },
    { markDelayMs: 0 },
  ]
) {
  Deno.test(`nodeLogOptions() refuses ${Object.entries(bad).join()}`, () => {
    throws(() => nodeLogOptions(bad), new RegExp(`Cannot use ${Object.keys(bad)[0]}`));
  });
}
