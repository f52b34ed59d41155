import { deepEqual, equal, throws } from "node:assert/strict";
import { ChangeKind } from "../../sharding/change_record.ts";
import { ChangeEvents } from "../../sharding/watch_event.ts";
import { InvariantError } from "../../storage/env/mod.ts";
import { WatchFixture } from "./watch_fixture.ts";

function filled(): WatchFixture {
  const fixture = new WatchFixture();
  fixture.apply([["a", "one"]], [["a", "two"]], [["a", null]]);
  return fixture;
}

const set = { key: "a", kind: ChangeKind.set };

Deno.test("ChangeEvents.of() reads the value of the very version, and the one before where asked", () => {
  const store = filled();
  const at = (version: number, withPrevious: boolean, kind: ChangeKind = ChangeKind.set) => {
    const event = new ChangeEvents({ key: "a", kind }, { store, version }).of({ withPrevious });
    const text = (bytes?: Uint8Array) => bytes && new TextDecoder().decode(bytes);
    return [event.kind, text(event.value?.bytes), text(event.previous?.bytes)];
  };
  deepEqual(at(1_000_010, true), ["set", "one", undefined]);
  deepEqual(at(1_000_020, true), ["set", "two", "one"]);
  deepEqual(at(1_000_020, false), ["set", "two", undefined]);
  deepEqual(at(1_000_030, true, ChangeKind.delete), ["delete", undefined, "two"]);
  deepEqual(at(1_000_030, true, ChangeKind.expire), ["expire", undefined, "two"]);
});

Deno.test("ChangeEvents.of() makes each form once, of copies, and counts what it copies", () => {
  const store = filled();
  const events = new ChangeEvents(set, { store, version: 1_000_020 });
  const full = events.of({ withPrevious: true });
  const plain = events.of({ withPrevious: false });
  equal(events.of({ withPrevious: true }), full);
  equal(events.of({ withPrevious: false }), plain);
  equal(full.value?.bytes.buffer === store.entry("ka", 1_000_020)?.source.buffer, false);
  equal(full.sizeBytes - plain.sizeBytes, 3);
});

Deno.test("ChangeEvents.of() does not take an older value for the one of the record", () => {
  const events = new ChangeEvents(set, { store: filled(), version: 1_000_025 });
  throws(() => events.of({ withPrevious: false }), InvariantError);
});
