import { MemoryDisk } from "../../../storage/env/mod.ts";
import { diskSuite } from "../../suites/disk_suite.ts";

diskSuite("MemoryDisk", () => {
  const disk = new MemoryDisk();
  disk.createDirectory("root");
  return { disk, root: "root", done() {} };
});

diskSuite("MemoryDisk with absolute paths", () => {
  const disk = new MemoryDisk();
  disk.createDirectory("/var/root");
  return { disk, root: "/var/root", done() {} };
});
