import { deepEqual, equal } from "node:assert/strict";
import { SnapshotRegistry } from "../../../storage/mvcc/snapshot.ts";

function request(version: number) {
  return { version, kind: "cursor", owner: "test", heldSinceMs: 0 };
}

Deno.test("SnapshotRegistry knows the oldest held version through holds and releases", () => {
  const registry = new SnapshotRegistry();
  equal(registry.oldestVersion(), undefined);
  const young = registry.hold(request(30));
  const old = registry.hold(request(10));
  const twin = registry.hold(request(10));
  equal(registry.oldestVersion(), 10);
  old.release();
  old.release();
  equal(registry.oldestVersion(), 10, "its twin still holds it");
  twin.release();
  equal(registry.oldestVersion(), 30);
  registry.hold(request(20));
  equal(registry.oldestVersion(), 20);
  young.release();
  deepEqual(registry.holders().map(({ version }) => version), [20]);
  equal(registry.count, 1);
});

Deno.test("SnapshotRegistry lists its holders oldest first, each with an id of its own", () => {
  const registry = new SnapshotRegistry();
  for (const version of [5, 3, 9, 3]) registry.hold(request(version));
  const holders = registry.holders();
  deepEqual(holders.map(({ version }) => version), [3, 3, 5, 9]);
  equal(new Set(holders.map(({ id }) => id)).size, 4);
});
