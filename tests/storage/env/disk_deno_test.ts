import { equal, rejects, throws } from "node:assert/strict";
import { DenoDisk, DiskError, InvariantError } from "../../../storage/env/mod.ts";
import { diskSuite } from "../../suites/disk_suite.ts";

diskSuite("DenoDisk", () => {
  const root = Deno.makeTempDirSync();
  return { disk: new DenoDisk(), root, done: () => Deno.removeSync(root, { recursive: true }) };
});

Deno.test("DenoDisk counts what is open, and refuses to close under a call in flight", async () => {
  const root = Deno.makeTempDirSync();
  const disk = new DenoDisk();
  const file = disk.open(`${root}/a`, "create");
  const lock = disk.lock(`${root}/LOCK`);
  equal(disk.openFileCount, 2);
  const syncing = file.sync();
  throws(() => file.close(), InvariantError);
  await syncing;
  file.close();
  lock.release();
  equal(disk.openFileCount, 0);
  await rejects(disk.syncDirectory(`${root}/none`));
  Deno.removeSync(root, { recursive: true });
});

Deno.test("DenoDisk.write() takes more than one call of the host can", async () => {
  const root = Deno.makeTempDirSync();
  const disk = new DenoDisk();
  const file = disk.open(`${root}/a`, "create");
  const content = new Uint8Array(5_000_000).map((_, index) => index * 7);
  await file.write(content, 3);
  const found = new Uint8Array(content.length);
  equal(file.readSync(found, 3), content.length);
  equal(found.every((value, index) => value === content[index]), true);
  file.close();
  Deno.removeSync(root, { recursive: true });
});

Deno.test({
  name: "DenoDisk reports what the process may not do as denied",
  permissions: { read: [], write: [] },
  fn: async () => {
    const isDenied = (error: unknown) => error instanceof DiskError && error.code === "denied";
    await rejects(new DenoDisk().syncDirectory("/"), isDenied);
    throws(() => new DenoDisk().open("/etc/hostname", "read"), isDenied);
    throws(() => new DenoDisk().list("/"), isDenied);
  },
});
