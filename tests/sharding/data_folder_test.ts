import { deepEqual, equal, rejects } from "node:assert/strict";
import {
  dataGroupId,
  groupDirectory,
  lockDataFolder,
  logDirectory,
  makeFolders,
} from "../../sharding/data_folder.ts";
import { DiskError, MemoryDisk, silentLogger } from "../../storage/env/mod.ts";

/** Writes down whose names were made durable; may be closed to looks above the data folder. */
class WatchedDisk extends MemoryDisk {
  readonly synced: string[] = [];
  isNarrow = false;

  override syncDirectory(directory: string): Promise<void> {
    this.synced.push(directory);
    return super.syncDirectory(directory);
  }

  override list(directory: string) {
    if (this.isNarrow) throw new DiskError("denied", `Cannot list ${directory}: no permission`);
    return super.list(directory);
  }
}

Deno.test("groupDirectory() and logDirectory() name the folders of format 1", () => {
  equal(logDirectory("/d"), "/d/log");
  equal(groupDirectory("/d", dataGroupId), "/d/groups/0000000000000002");
});

Deno.test("lockDataFolder() makes the folder with a durable name, and lets one in", async () => {
  const disk = new WatchedDisk();
  disk.createDirectory("/up");
  const options = { disk, logger: silentLogger, dataDirectory: "/up/data" };
  const lock = await lockDataFolder(options);
  deepEqual(disk.synced, ["/up"]);
  await rejects(lockDataFolder(options), { code: "io" });
  lock.release();
  (await lockDataFolder(options)).release();
  equal(disk.synced.length, 3, "again, as long as nothing says that it was durable");
  disk.open("/up/data/NODE", "create").close();
  (await lockDataFolder(options)).release();
  equal(disk.synced.length, 3);
});

Deno.test("lockDataFolder() says where it may not make the folder's name durable", async () => {
  const disk = new WatchedDisk();
  disk.isNarrow = true;
  const events: string[] = [];
  const logger = { log: (_level: string, event: string) => void events.push(event) };
  (await lockDataFolder({ disk, logger, dataDirectory: "/up/data" })).release();
  deepEqual(events, ["data_folder_name_not_synced"]);
});

Deno.test("makeFolders() makes every name durable on the way down", async () => {
  const disk = new WatchedDisk();
  await makeFolders(disk, "/d");
  equal(disk.exists("/d/log") && disk.exists(groupDirectory("/d", dataGroupId)), true);
  deepEqual(disk.synced.sort(), ["/d", "/d/groups"]);
});
