import { deepEqual, equal, match } from "node:assert/strict";
import { readFacts, type SourceFacts } from "./source_facts.ts";
import {
  deadExports,
  deadFiles,
  droppedPromises,
  forbiddenWords,
  importCycles,
  longFiles,
  longFunctions,
  machinePaths,
  missingTwins,
  orphanTwins,
  undocumentedExports,
  unusedPackages,
} from "./source_rules.ts";
import type { Tree } from "./tree.ts";

function plant(files: Record<string, string>): { tree: Tree; facts: SourceFacts[] } {
  const tree = new Map(Object.entries(files));
  const facts = [...tree].filter(([path]) => path.endsWith(".ts"))
    .map(([path, text]) => readFacts(path, text));
  return { tree, facts };
}

/** One finding, and it is about what was planted. */
function finds(found: string[], pattern: RegExp): void {
  equal(found.length, 1, found.join("\n"));
  match(found[0], pattern);
}

const none: ReadonlyMap<string, string> = new Map();

Deno.test("longFiles() asks above 400 lines and refuses above 500", () => {
  const path = "storage/engine.ts";
  finds(longFiles(plant({ [path]: "a;\n".repeat(501) }).tree, new Map([[path, "x"]])), /501/);
  const { tree } = plant({ [path]: "a;\n".repeat(401) });
  finds(longFiles(tree, none), /without a reason/);
  deepEqual(longFiles(tree, new Map([[path, "one table"]])), []);
  const short = plant({ [path]: "a;\n".repeat(400) }).tree;
  deepEqual(longFiles(short, none), []);
  finds(longFiles(short, new Map([[path, "one table"]])), /no longer needed/);
});

Deno.test("longFunctions() counts the lines of functions, methods and arrows", () => {
  const body = "a();\n".repeat(69);
  const longest = `function a(): void {\n${"a();\n".repeat(68)}}`;
  deepEqual(longFunctions(plant({ "storage/a.ts": longest }).facts), []);
  finds(longFunctions(plant({ "a.ts": `function b(): void {\n${body}}` }).facts), /b\(\) has 71/);
  finds(longFunctions(plant({ "a.ts": `class A {\n c(): void {\n${body}}\n}` }).facts), /c\(\)/);
  finds(longFunctions(plant({ "a.ts": `const d = () => {\n${body}};` }).facts), /a.ts:1: d\(\)/);
});

Deno.test("missingTwins() wants a test beside behaviour, and beside nothing else", () => {
  const code = "export function a(): number { return 1; }";
  const type = "export class A extends Error { constructor() { super(); } }\nexport type B = 1;";
  const { tree, facts } = plant({ "storage/a.ts": code, "storage/b.ts": type });
  finds(missingTwins(tree, facts, none), /there is no tests\/storage\/a_test.ts/);
  finds(missingTwins(tree, facts, new Map([["storage/a.ts", "tests/b.ts"]])), /is not there/);
  const twin = plant({ "storage/a.ts": code, "tests/storage/a_test.ts": "" });
  deepEqual(missingTwins(twin.tree, twin.facts, none), []);
  const stale = new Map([["storage/a.ts", "tests/b.ts"]]);
  finds(missingTwins(twin.tree, twin.facts, stale), /no longer needed/);
});

Deno.test("orphanTwins() finds a test that outlived its source", () => {
  const { tree } = plant({
    "tests/storage/a_test.ts": "",
    "tests/storage/format_test.ts": "",
    "storage/FORMAT.md": "",
    "tests/sim/b_test.ts": "",
  });
  finds(orphanTwins(tree), /tests\/storage\/a_test.ts/);
});

Deno.test("importCycles() finds two files that import each other, and three in a ring", () => {
  const two = plant({
    "storage/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;',
    "storage/b.ts": 'export { A } from "./a.ts";',
  });
  finds(importCycles(two.facts), /storage\/a.ts -> storage\/b.ts -> storage\/a.ts/);
  const three = plant({
    "a.ts": 'import "./b.ts";',
    "b.ts": 'import "./c.ts";',
    "c.ts": 'import "./a.ts";',
  });
  finds(importCycles(three.facts), /cycle/);
  const tree = plant({ "a.ts": 'import "./b.ts";\nimport "./c.ts";', "b.ts": 'import "./c.ts";' });
  deepEqual(importCycles(tree.facts), []);
});

Deno.test("deadExports() finds an export that only tests know", () => {
  const files = {
    "storage/a.ts": "export const used = 1;\nexport const dead = 2; // dead",
    "storage/b.ts": 'import { used } from "./a.ts";\nused;',
    "tests/storage/a_test.ts": 'import { dead } from "../../storage/a.ts";\ndead;',
  };
  const { tree, facts } = plant(files);
  finds(deadExports(tree, facts), /storage\/a.ts:2: nothing uses the export dead/);
  const door = plant({ ...files, "storage/mod.ts": 'export * from "./a.ts";' });
  deepEqual(deadExports(door.tree, door.facts), []);
  const named = plant({ ...files, "storage/mod.ts": 'export { dead } from "./a.ts";' });
  deepEqual(deadExports(named.tree, named.facts), []);
});

Deno.test("undocumentedExports() wants a comment before each, and that of a class counts once", () => {
  const { facts } = plant({
    "storage/a.ts": "/** Said. */\nexport class A {\n  /** Said. */\n  b = 1;\n}\n" +
      "// Not said.\nexport const c = 2;",
  });
  finds(undocumentedExports(facts), /storage\/a.ts:7: the export c has no JSDoc/);
});

Deno.test("deadFiles() finds a file that nothing imports, starts or names", () => {
  const { tree, facts } = plant({
    "deno.json": '{ "tasks": { "start": "deno run server/main.ts" } }',
    "server/main.ts": 'new Worker(new URL("./entry_worker.ts", import.meta.url));',
    "server/entry_worker.ts": "",
    "server/lost.ts": "",
  });
  finds(deadFiles(tree, facts), /server\/lost.ts/);
});

Deno.test("droppedPromises() finds a call across files whose promise nobody takes", () => {
  const declared = "export interface Log { store(): Promise<void>; close(): void }\n" +
    "export class Other { close(): Promise<void> { return work(); } }\n";
  const dropped = plant({ "a.ts": declared, "b.ts": "log.store();" });
  finds(droppedPromises(dropped.facts), /b.ts:1: the promise of store\(\)/);
  finds(droppedPromises(plant({ "a.ts": declared, "b.ts": "void log.store();" }).facts), /store/);
  finds(droppedPromises(plant({ "b.ts": "a.then(b);" }).facts), /then/);
  const fine = "await log.store(); log.close(); a.then(b, c); log.store().catch(d);";
  deepEqual(droppedPromises(plant({ "a.ts": declared, "b.ts": fine }).facts), []);
});

for (
  const line of [
    "// TO" + "DO: later",
    "// a ha" + "ck",
    "// @ts-ig" + "nore",
    "// deno-lint-ig" + "nore no-console",
    "const a = b as a" + "ny;",
  ]
) {
  Deno.test(`forbiddenWords() finds ${line}`, () => {
    finds(forbiddenWords(plant({ "storage/a.ts": `const a = 1;\n${line}` }).tree), /a.ts:2/);
  });
}

Deno.test("forbiddenWords() lets ordinary words pass", () => {
  deepEqual(forbiddenWords(plant({ "a.ts": "// a shack, a stubborn company" }).tree), []);
});

Deno.test("machinePaths() finds a home folder and lets routes pass", () => {
  finds(machinePaths(plant({ "a.md": "see `/ho" + "me/x/a`" }).tree), /a.md:1/);
  deepEqual(machinePaths(plant({ "a.ts": 'get("/v1/work/home")' }).tree), []);
});

Deno.test("unusedPackages() finds an import of deno.json that no file uses", () => {
  const settings = '{ "imports": { "hono": "npm:hono@4", "zod": "npm:zod@4" } }';
  const { tree, facts } = plant({
    "deno.json": settings,
    "server/a.ts": 'import { stream } from "hono/streaming";\nstream;',
  });
  finds(unusedPackages(tree, facts), /zod/);
});
