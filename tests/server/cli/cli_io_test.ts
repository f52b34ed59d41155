import { deepEqual, equal } from "node:assert/strict";
import { givenPath, processIo, readInput } from "../../../server/cli/cli_io.ts";
import { fakeIo } from "./harness.ts";
import { withFolder } from "./serve_process.ts";

Deno.test("givenPath() starts from the folder in which the task was called", () => {
  const { io } = fakeIo({ environment: { ANKYLO_CALLER_FOLDER: "/a/b" } });
  equal(givenPath(io, "../c"), "/a/c");
  equal(givenPath(io, "/d"), "/d");
});

Deno.test("readInput() reads a file, and stdin for -", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "file");
    const { io } = fakeIo({ stdin: "stdin" });
    const texts = [await readInput(io, `${folder}/a`), await readInput(io, "-")]
      .map((bytes) => new TextDecoder().decode(bytes));
    deepEqual(texts, ["file", "stdin"]);
  });
});

Deno.test("processIo() knows no variable that is not there", () => {
  equal(processIo().environment("ANKYLO_NO_SUCH_VARIABLE"), undefined);
});
