import { deepEqual } from "node:assert/strict";
import { levelStatistics, newCounters } from "../../storage/engine_statistics.ts";

Deno.test("levelStatistics() adds up the tables of a level", () => {
  const table = {
    number: 9,
    sizeBytes: 100,
    smallestKey: "a",
    largestKey: "b",
    entryCount: 10,
    tombstoneCount: 3,
    shadowedCount: 2,
    shadowedBytes: 40,
    payloadBytes: 90,
    deaths: [],
    oldestVersion: 1,
    newestVersion: 2,
  };
  deepEqual(levelStatistics([table, { ...table, sizeBytes: 11, tombstoneCount: 0 }]), {
    tableCount: 2,
    sizeBytes: 111,
    entryCount: 20,
    tombstoneCount: 3,
    shadowedCount: 4,
    shadowedBytes: 80,
  });
  deepEqual(Object.values(levelStatistics([])), [0, 0, 0, 0, 0, 0]);
});

Deno.test("newCounters() begins each counter at 0, in an object of its own", () => {
  const counters = newCounters();
  counters.flushCount++;
  deepEqual(Object.values(newCounters()).every((count) => count === 0), true);
});
