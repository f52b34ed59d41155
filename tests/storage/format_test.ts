import { equal, ok } from "node:assert/strict";
import { EntryKind } from "../../storage/cursor.ts";
import { treeOptions } from "../../storage/options.ts";
import { diskWith, writeTable } from "./lsm/table_fixture.ts";

const document = Deno.readTextFileSync(new URL("../../storage/FORMAT.md", import.meta.url));

/** Returns the lines of the fenced block behind a marker. */
function exampleBehind(marker: string): string[] {
  const at = document.indexOf(marker);
  ok(at >= 0, `FORMAT.md has no ${marker}`);
  const [, fenced] = document.slice(at).split("```");
  return fenced.split("\n").filter((line) => line.trim() !== "");
}

Deno.test("FORMAT.md shows an sstable byte by byte as SstableWriter writes it", async () => {
  const disk = diskWith("d");
  const meta = await writeTable(disk, [
    { key: "kapple", version: 2, kind: EntryKind.value, value: "red" },
    { key: "kapple", version: 1, kind: EntryKind.value, value: "green" },
    { key: "kpear", version: 3, kind: EntryKind.tombstone, value: "" },
  ], { directory: "d", number: 7, options: treeOptions().table });
  const file = disk.open("d/000007.sst", "read");
  const bytes = new Uint8Array(meta.sizeBytes);
  file.readSync(bytes, 0);
  file.close();
  let shown = "";
  for (const line of exampleBehind("<!-- sstable example")) {
    const match = /^ *(\d+) {2}((?:[0-9a-f]{2} ?)+) /.exec(line);
    ok(match !== null, `Not an offset, bytes and a meaning: ${line}`);
    equal(Number(match[1]), shown.length / 2, line);
    shown += match[2].replaceAll(" ", "");
  }
  equal(shown, bytes.toHex());
});
