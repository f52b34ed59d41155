import { doesNotReject, rejects } from "node:assert/strict";
import { syncFile, syncNames } from "../../storage/durable.ts";
import { FaultPlan } from "../sim/disk_faults.ts";
import { DiskImage } from "../sim/disk_image.ts";
import { SimDisk } from "../sim/sim_disk.ts";

Deno.test("syncFile() and syncNames() report the disk's failure as sync_failed", async () => {
  const faults = new FaultPlan();
  const disk = new SimDisk(new DiskImage(), { faults });
  disk.createDirectory("d");
  const file = disk.open("d/f", "create");
  await doesNotReject(syncFile(file));
  await doesNotReject(syncNames(disk, "d"));
  faults.add({ kinds: ["sync", "sync_directory"], times: 2, code: "disk_full" });
  await rejects(syncFile(file), { code: "sync_failed" });
  await rejects(syncNames(disk, "d"), { code: "sync_failed" });
  file.close();
});
