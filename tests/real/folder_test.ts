import { equal } from "node:assert/strict";
import { folderBytes } from "./folder.ts";

Deno.test("folderBytes() adds up what ends so, and folders below", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ankylo_folder_" });
  try {
    Deno.mkdirSync(`${directory}/a/b.sst`, { recursive: true });
    Deno.writeFileSync(`${directory}/1.sst`, new Uint8Array(3));
    Deno.writeFileSync(`${directory}/a/2.sst`, new Uint8Array(40));
    Deno.writeFileSync(`${directory}/a/b.sst/LOG`, new Uint8Array(500));
    equal(folderBytes(directory), 543);
    equal(folderBytes(directory, ".sst"), 43);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
