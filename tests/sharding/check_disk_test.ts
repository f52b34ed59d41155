import { deepEqual, equal, throws } from "node:assert/strict";
import { CheckDisk } from "../../sharding/check_disk.ts";
import { MemoryDisk } from "../../storage/env/mod.ts";

Deno.test("CheckDisk reads what is there and changes nothing", async () => {
  const disk = new MemoryDisk();
  disk.createDirectory("/d");
  const made = disk.open("/d/f", "create");
  made.writeSync(Uint8Array.of(1, 2, 3), 0);
  made.close();
  const check = new CheckDisk(disk);
  const file = check.open("/d/f", "modify");
  file.writeSync(Uint8Array.of(9), 0);
  await file.write(Uint8Array.of(9), 5);
  file.truncate(0);
  await file.sync();
  await check.syncDirectory("/d");
  const bytes = new Uint8Array(3);
  deepEqual([file.readSync(bytes, 0), ...bytes, file.sizeBytes()], [3, 1, 2, 3, 3]);
  equal(file.path, "/d/f");
  file.close();
  check.remove("/d/f");
  equal(check.exists("/d/f"), true);
  deepEqual(check.list("/d").map(({ name }) => name), ["f"]);
  equal(check.freeSpaceBytes("/d"), undefined);
  check.createDirectory("/d");
  check.lock("/d/LOCK").release();
  equal(disk.openFileCount, 0);
});

Deno.test("CheckDisk refuses to make, rename and remove", () => {
  const check = new CheckDisk(new MemoryDisk());
  throws(() => check.open("/f", "create"), { code: "io" });
  throws(() => check.createDirectory("/new"), { code: "io" });
  throws(() => check.rename("/a", "/b"), { code: "io" });
  throws(() => check.removeDirectory("/a"), { code: "io" });
});
