import { deepEqual, equal } from "node:assert/strict";
import { MemoryDisk } from "../../../storage/env/mod.ts";
import { versionMax } from "../../../storage/cursor.ts";
import { LevelCursor } from "../../../storage/lsm/level_cursor.ts";
import { LiveTable } from "../../../storage/lsm/version_set.ts";
import { writeTables } from "./tables_fixture.ts";

const keys = ["a1", "a2", "a3", "c1", "c2", "e1", "e2", "e3"];

async function levelOf() {
  const disk = new MemoryDisk();
  const groups = ["a", "c", "e"].map((group) => keys.filter((key) => key.startsWith(group)));
  const readers = await writeTables(disk, groups);
  const close = () => {
    for (const reader of readers) reader.close();
    equal(disk.openFileCount, 0);
  };
  return { cursor: new LevelCursor(readers.map((reader) => new LiveTable(reader))), close };
}

Deno.test("LevelCursor walks from table to table, both ways", async () => {
  const { cursor, close } = await levelOf();
  const forward: string[] = [];
  for (cursor.seekToFirst(); cursor.isValid; cursor.next()) forward.push(cursor.key);
  deepEqual(forward, keys);
  const reverse: string[] = [];
  for (cursor.seekToLast(); cursor.isValid; cursor.previous()) reverse.push(cursor.key);
  deepEqual(reverse, keys.toReversed());
  cursor.seek("c2", versionMax);
  cursor.next();
  equal(cursor.key, "e1");
  cursor.previous();
  equal(cursor.key, "c2");
  close();
});

Deno.test("LevelCursor finds its place inside tables, between them and beyond both ends", async () => {
  const { cursor, close } = await levelOf();
  for (const probe of ["", "a1", "a2x", "b", "c1", "c9", "d", "e3", "f"]) {
    cursor.seek(probe, versionMax);
    equal(cursor.isValid ? cursor.key : undefined, keys.find((key) => key >= probe), probe);
    cursor.seekBefore(probe, versionMax);
    equal(cursor.isValid ? cursor.key : undefined, keys.findLast((key) => key < probe), probe);
  }
  close();
});
