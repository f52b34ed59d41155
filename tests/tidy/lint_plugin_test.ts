import { deepEqual, equal } from "node:assert/strict";
import plugin from "./lint_plugin.ts";
import { judgeImport } from "./rooms.ts";

const header = "/**\n * A file.\n *\n * @module\n */\n";

function rulesThatBite(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, path, source).map((found) => found.id);
}

const samples: { name: string; path: string; source: string; want: string[] }[] = [
  {
    name: "an arrow upwards",
    path: "storage/engine.ts",
    source: 'import { a } from "../consensus/mod.ts";\na();',
    want: ["ankylo/rooms"],
  },
  {
    name: "an arrow upwards by its types",
    path: "consensus/node_log.ts",
    source: 'export type { Database } from "../sharding/mod.ts";',
    want: ["ankylo/rooms"],
  },
  {
    name: "a way in beside the door",
    path: "sharding/apply.ts",
    source: 'import { Engine } from "../storage/engine.ts";\nnew Engine();',
    want: ["ankylo/rooms"],
  },
  {
    name: "a way in beside the door at run time",
    path: "server/app.ts",
    source: 'export const later = () => import("../sharding/apply.ts");',
    want: ["ankylo/rooms"],
  },
  {
    name: "source that imports tests",
    path: "server/app.ts",
    source: 'import { a } from "../tests/a.ts";\na();',
    want: ["ankylo/rooms"],
  },
  {
    name: "wall time below the server",
    path: "storage/engine.ts",
    source: "export const now = (): number => Date.now();",
    want: ["ankylo/host-calls"],
  },
  {
    name: "the time in a new date",
    path: "sharding/apply.ts",
    source: "export const now = (): Date => new Date();",
    want: ["ankylo/host-calls"],
  },
  {
    name: "chance below the server",
    path: "consensus/node_log.ts",
    source: "export const chance = (): number => Math.random();",
    want: ["ankylo/host-calls"],
  },
  {
    name: "a timer below the server",
    path: "consensus/node_log.ts",
    source: "setTimeout(() => {}, 1);",
    want: ["ankylo/host-calls"],
  },
  {
    name: "Deno below the server",
    path: "storage/lsm/flush.ts",
    source: 'export const a = (): string => Deno.readTextFileSync("a");',
    want: ["ankylo/host-calls"],
  },
  {
    name: "files through Node",
    path: "storage/lsm/flush.ts",
    source: 'import { readSync } from "node:fs";\nreadSync(1);',
    want: ["ankylo/host-calls"],
  },
  {
    name: "compression on the runtime's own threads",
    path: "storage/lsm/flush.ts",
    source: 'import { deflate } from "node:zlib";\ndeflate(1);',
    want: ["ankylo/host-calls"],
  },
  {
    name: "compression by way of the whole module",
    path: "storage/lsm/flush.ts",
    source: 'import * as zlib from "node:zlib";\nzlib.deflateSync(1);\nzlib.deflate(1);',
    want: ["ankylo/host-calls"],
  },
  { name: "index.ts", path: "server/index.ts", source: "", want: ["ankylo/file-name"] },
  { name: "utils.ts", path: "storage/utils.ts", source: "", want: ["ankylo/file-name"] },
  { name: "a camel", path: "storage/blockCache.ts", source: "", want: ["ankylo/file-name"] },
  {
    name: "an object thrown",
    path: "server/app.ts",
    source: "throw { code: 1 };",
    want: ["ankylo/throw-error"],
  },
  {
    name: "a class thrown that is no error",
    path: "server/app.ts",
    source: 'throw new Response("no");',
    want: ["ankylo/throw-error"],
  },
  {
    name: "a lost promise of a function",
    path: "server/app.ts",
    source: "export async function work(): Promise<void> {}\nwork();",
    want: ["ankylo/floating-promise"],
  },
  {
    name: "a lost promise of an arrow, hidden by void",
    path: "server/app.ts",
    source: "const work = async (): Promise<void> => {};\nvoid work();",
    want: ["ankylo/floating-promise"],
  },
  {
    name: "a lost promise of a private method",
    path: "server/app.ts",
    source: "export class A {\n  async #b(): Promise<void> {}\n  c(): void { this.#b(); }\n}",
    want: ["ankylo/floating-promise"],
  },
];

for (const { name, path, source, want } of samples) {
  Deno.test(`lint plugin finds ${name}`, () => {
    deepEqual(rulesThatBite(path, header + source), want);
  });
}

Deno.test("lint plugin finds a missing header", () => {
  deepEqual(rulesThatBite("server/app.ts", "export const a = 1;"), ["ankylo/file-header"]);
  deepEqual(rulesThatBite("server/app.ts", "/** A. */\nexport const a = 1;"), [
    "ankylo/file-header",
  ]);
});

const harmless: { name: string; path: string; source: string }[] = [
  {
    name: "an adapter that calls the host",
    path: "storage/env/clock_system.ts",
    source: "export const now = (): number => Date.now();",
  },
  {
    name: "the server's own calls of the host",
    path: "server/main.ts",
    source: "Deno.exit(await Promise.resolve(0));",
  },
  {
    name: "a door below",
    path: "sharding/apply.ts",
    source: 'import { Engine } from "../storage/mod.ts";\nnew Engine();',
  },
  {
    name: "properties named as the host's",
    path: "storage/engine.ts",
    source:
      "export const a = (b: { fetch: number; crypto: number }): number => b.fetch + b.crypto;",
  },
  {
    name: "a promise that is awaited, returned or caught",
    path: "server/app.ts",
    source: "async function work(): Promise<void> {}\nexport const a = () => work();\n" +
      "await work();\nwork().catch(report);\nfunction report(): void {}",
  },
  {
    name: "the composition root at every door",
    path: "server/assemble.ts",
    source: 'import { Engine } from "../storage/mod.ts";\nnew Engine();',
  },
  {
    name: "an error thrown again",
    path: "server/app.ts",
    source: "try { a(); } catch (error) { throw error; }\nfunction a(): void {}",
  },
];

for (const { name, path, source } of harmless) {
  Deno.test(`lint plugin lets pass ${name}`, () => {
    deepEqual(rulesThatBite(path, header + source), []);
  });
}

Deno.test("judgeImport() lets tests import whatever they test", () => {
  equal(judgeImport("tests/storage/engine_test.ts", "../../storage/engine.ts"), undefined);
});

Deno.test("judgeImport() knows the floor as a room of its own", () => {
  equal(judgeImport("storage/engine.ts", "./env/mod.ts"), undefined);
  equal(typeof judgeImport("storage/engine.ts", "./env/clock.ts"), "string");
  equal(typeof judgeImport("storage/env/clock.ts", "../engine.ts"), "string");
});
