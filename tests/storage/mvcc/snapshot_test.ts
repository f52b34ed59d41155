import { deepEqual, equal } from "node:assert/strict";
import type { TreeRange } from "../../../storage/mvcc/retention.ts";
import { SnapshotRegistry } from "../../../storage/mvcc/snapshot.ts";

function held(registry: SnapshotRegistry, version: number, range?: TreeRange, isNarrow = false) {
  const request = { version, kind: "cursor", owner: "test", range };
  return registry.hold(request, { heldSinceMs: 7, isNarrow });
}

Deno.test("SnapshotRegistry knows the oldest held version through holds and releases", () => {
  const registry = new SnapshotRegistry();
  equal(registry.oldestVersion(), undefined);
  const young = held(registry, 30);
  const old = held(registry, 10);
  const twin = held(registry, 10);
  equal(registry.oldestVersion(), 10);
  old.release();
  old.release();
  equal(registry.oldestVersion(), 10, "its twin still holds it");
  twin.release();
  equal(registry.oldestVersion(), 30);
  held(registry, 20);
  equal(registry.oldestVersion(), 20);
  young.release();
  deepEqual(registry.holders().map(({ version }) => version), [20]);
  equal(registry.count, 1);
});

Deno.test("SnapshotRegistry lists its holders oldest first, each with an id of its own", () => {
  const registry = new SnapshotRegistry();
  for (const version of [5, 3, 9, 3]) held(registry, version);
  const holders = registry.holders();
  deepEqual(holders.map(({ version }) => version), [3, 3, 5, 9]);
  equal(new Set(holders.map(({ id }) => id)).size, 4);
});

Deno.test("SnapshotRegistry.oldestVersion() takes no notice of narrow ones", () => {
  const registry = new SnapshotRegistry();
  const narrow = held(registry, 5, { start: "ka", end: "kb" }, true);
  equal(registry.oldestVersion(), undefined);
  held(registry, 8);
  equal(registry.oldestVersion(), 8);
  narrow.release();
  equal(registry.oldestVersion(), 8);
});

Deno.test("SnapshotRegistry.oldestVersionIn() counts all that may read under a prefix", () => {
  const registry = new SnapshotRegistry();
  equal(registry.oldestVersionIn("ka"), undefined);
  const narrow = held(registry, 5, { start: "kab", end: "kac" }, true);
  held(registry, 6, { start: "kc", end: undefined });
  const all = held(registry, 8);
  equal(registry.oldestVersionIn("ka"), 5);
  equal(registry.oldestVersionIn("kb"), 8);
  equal(registry.oldestVersionIn("kd"), 6);
  narrow.release();
  equal(registry.oldestVersionIn("ka"), 8);
  all.release();
  equal(registry.oldestVersionIn("ka"), undefined);
});

Deno.test("SnapshotRegistry.end() takes a promise back once and tells the holder", () => {
  const registry = new SnapshotRegistry();
  let endedCount = 0;
  const onEnded = () => void endedCount++;
  const request = { version: 3, kind: "watch", owner: "test", onEnded };
  const snapshot = registry.hold(request, { heldSinceMs: 7, isNarrow: false });
  const other = held(registry, 4);
  equal(snapshot.isEnded, false);
  equal(registry.end(snapshot.id), true);
  deepEqual([snapshot.isEnded, other.isEnded, endedCount], [true, false, 1]);
  equal(registry.oldestVersion(), 4);
  equal(registry.end(snapshot.id), false);
  snapshot.release();
  equal(endedCount, 1);
});

Deno.test("SnapshotRegistry tells nobody that released it was ended", () => {
  const registry = new SnapshotRegistry();
  const onEnded = () => {
    throw new Error("It was released");
  };
  const request = { version: 3, kind: "watch", owner: "test", onEnded };
  const snapshot = registry.hold(request, { heldSinceMs: 7, isNarrow: false });
  snapshot.release();
  equal(snapshot.isEnded, false);
  equal(registry.end(snapshot.id), false);
});

Deno.test("SnapshotRegistry.review() ends what a rule leaves behind, and widens what is still kept", () => {
  const registry = new SnapshotRegistry();
  const covered = { start: "ka", end: "kb" };
  const bare = { start: "kc", end: "kd" };
  const kept = held(registry, 4, covered, true);
  const lost = held(registry, 5, bare, true);
  const widened = held(registry, 7, bare, true);
  const wide = held(registry, 3, bare);
  registry.review({
    horizonOver: ({ start }) => start === bare.start ? 6 : 4,
    isCovered: ({ start }) => start === covered.start,
  });
  deepEqual([kept, lost, widened, wide].map(({ isEnded }) => isEnded), [false, true, false, false]);
  wide.release();
  equal(registry.oldestVersion(), 7, "only what no rule covers keeps the watermark back");
});
