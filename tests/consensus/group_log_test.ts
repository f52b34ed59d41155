import { equal } from "node:assert/strict";
import type { GroupLogs } from "../../consensus/group_log.ts";
import { groupLogOf } from "../../consensus/group_log.ts";

Deno.test("groupLogOf() makes a group once", () => {
  const groups: GroupLogs = new Map();
  const group = groupLogOf(groups, 7);
  equal(groupLogOf(groups, 7), group);
  equal(groupLogOf(groups, 8) === group, false);
  equal(groups.size, 2);
});
