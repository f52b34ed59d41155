import { deepEqual, throws } from "node:assert/strict";
import { raftGroupOptions, raftGroupOptionsDefault } from "../../consensus/group_options.ts";

Deno.test("raftGroupOptions() lays what is given over the defaults", () => {
  deepEqual(raftGroupOptions(), raftGroupOptionsDefault);
  deepEqual(raftGroupOptions({ nodeId: 7 }), { ...raftGroupOptionsDefault, nodeId: 7 });
});

for (
  const bad of [
    { entrySizeBytesMax: 0 },
    { proposalSizeBytesMax: -1 },
    { waitingSizeBytesMax: NaN },
    { deadlineCheckMs: 0 },
    { replaySliceMs: Infinity },
    { nodeId: 0 },
  ]
) {
  Deno.test(`raftGroupOptions() refuses ${Object.entries(bad).join()}`, () => {
    throws(() => raftGroupOptions(bad), new RegExp(`Cannot use ${Object.keys(bad)[0]}`));
  });
}
