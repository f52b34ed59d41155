import { deepEqual, equal, rejects } from "node:assert/strict";
import { walkRange } from "../../sharding/range_walk.ts";
import type { ReadStore, StoreRange } from "../../sharding/replica_store.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { Memtable } from "../../storage/lsm/memtable.ts";
import { EntryKind } from "../../storage/mod.ts";
import { VisibleCursor } from "../../storage/mvcc/visible_cursor.ts";
import { ModelStore } from "./model_store.ts";

/** A clock on which every look takes as long as the test says. */
class SteppingClock extends SystemClock {
  nowMs = 0;
  yieldCount = 0;
  readonly stepMs: number;

  constructor(stepMs: number) {
    super();
    this.stepMs = stepMs;
  }

  override monotonicMs(): number {
    return this.nowMs += this.stepMs;
  }

  override yield(): Promise<void> {
    this.yieldCount++;
    return Promise.resolve();
  }
}

function filled(count: number): ModelStore {
  const store = new ModelStore();
  for (let index = 0; index < count; index++) {
    store.write(`k${String(index).padStart(4, "0")}`, 1, EntryKind.value, Uint8Array.of(1), 0, 1);
  }
  return store;
}

function walk(clock: SteppingClock, store: ReadStore, deadlineMs = Infinity, version = 1) {
  const events: string[] = [];
  const keys: string[] = [];
  const walking = walkRange({
    store,
    clock,
    range: { start: "k", end: "l" },
    version,
    deadlineMs,
    hold: () => {
      events.push("hold");
      return { id: "1", version, isEnded: false, release: () => events.push("release") };
    },
  }, ({ key }) => {
    keys.push(key);
    return true;
  });
  return { walking, events, keys };
}

Deno.test("walkRange() runs a short walk in one go, without a hold", async () => {
  const clock = new SteppingClock(0.001);
  const { walking, events, keys } = walk(clock, filled(500));
  await walking;
  deepEqual([keys.length, clock.yieldCount, events], [500, 0, []]);
});

Deno.test("walkRange() gives way in a long walk, under one hold that it releases", async () => {
  const clock = new SteppingClock(1.5);
  const { walking, events, keys } = walk(clock, filled(1_000));
  await walking;
  deepEqual([keys.length, new Set(keys).size, events], [1_000, 1_000, ["hold", "release"]]);
  equal(clock.yieldCount >= 5, true);
});

Deno.test("walkRange() gives way among deleted keys too", async () => {
  const memtable = new Memtable();
  for (let index = 0; index < 10_000; index++) {
    const kind = index === 9_999 ? EntryKind.value : EntryKind.tombstone;
    memtable.put(`k${String(index).padStart(5, "0")}`, index + 1, kind, new Uint8Array(0), 0, 0);
  }
  const store: ReadStore = {
    get: () => undefined,
    entry: () => undefined,
    versions: (key, from) => new ModelStore().versions(key, from),
    cursor: (range: StoreRange) => new VisibleCursor(memtable.cursor(), range),
  };
  const clock = new SteppingClock(1.5);
  const { walking, events, keys } = walk(clock, store, Infinity, 20_000);
  await walking;
  deepEqual([keys, events], [["k09999"], ["hold", "release"]]);
  equal(clock.yieldCount >= 2, true, `${clock.yieldCount} pauses`);
});

Deno.test("walkRange() ends at its deadline, and releases", async () => {
  const { walking, events } = walk(new SteppingClock(10), filled(1_000), 100);
  await rejects(walking, { code: "deadline_exceeded" });
  deepEqual(events, ["hold", "release"]);
});

Deno.test("walkRange() closes its cursor when the visitor stops or throws", async () => {
  let closedCount = 0;
  const store = filled(3);
  const counting = {
    get: store.get.bind(store),
    entry: store.entry.bind(store),
    versions: store.versions.bind(store),
    cursor: (range: Parameters<ModelStore["cursor"]>[0]) => {
      const cursor = store.cursor(range);
      const close = cursor.close.bind(cursor);
      return Object.assign(cursor, {
        close: () => {
          closedCount++;
          close();
        },
      });
    },
  };
  const options = {
    store: counting,
    clock: new SteppingClock(0),
    range: { start: "k", end: "l" },
    version: 1,
    deadlineMs: Infinity,
    hold: () => ({ id: "1", version: 1, isEnded: false, release: () => {} }),
  };
  await walkRange(options, () => false);
  equal(closedCount, 1);
  const failing = walkRange(options, () => {
    throw new Error("no");
  });
  await rejects(failing, /no/);
  equal(closedCount, 2);
});
