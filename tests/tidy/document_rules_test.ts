import { deepEqual, equal, match } from "node:assert/strict";
import {
  brokenLinks,
  differentCodes,
  missingFiles,
  missingTasks,
  missingVerbs,
  unprovenGuarantees,
  wordsOutsideTheGlossary,
} from "./document_rules.ts";

const plant = (files: Record<string, string>) => new Map(Object.entries(files));

function finds(found: string[], pattern: RegExp): void {
  equal(found.length, 1, found.join("\n"));
  match(found[0], pattern);
}

Deno.test("brokenLinks() finds links to files and headings that are not there", () => {
  const target = "# The Title\n\n## What: it `is`\n";
  const check = (link: string) => brokenLinks(plant({ "a/b.md": `x\n${link}`, "c.md": target }));
  finds(check("[x](d.md)"), /a\/b.md:2: a link leads nowhere: d.md/);
  finds(check("[x](../c.md#gone)"), /no heading gone/);
  deepEqual(check("[x](../c.md#what-it-is) [y](https://deno.com) [z](../a/) `[n](gone.md)`"), []);
});

Deno.test("missingFiles() finds a path in backticks that is not there", () => {
  const files = { "storage/lsm/flush.ts": "", "storage/README.md": "`lsm/flush.ts`" };
  deepEqual(missingFiles(plant(files)), []);
  finds(missingFiles(plant({ ...files, "a.md": "`storage/lsm/gone.ts`" })), /gone.ts/);
});

Deno.test("missingTasks() finds a task that deno.json does not have", () => {
  const settings = '{ "tasks": { "start": "x" } }';
  const check = (text: string) => missingTasks(plant({ "deno.json": settings, "a.md": text }));
  finds(check("`npx -y deno@2.9.6 task gone`"), /no task gone/);
  finds(check("`deno task start` and `deno task test:x`"), /no task test:x/);
});

Deno.test("missingVerbs() finds a verb that the command line does not have", () => {
  const verbs = new Set(["put"]);
  const check = (text: string) => missingVerbs(plant({ "a.md": text }), verbs);
  finds(check("```\ndeno task ankylo gone\n```"), /no verb gone/);
  finds(check("run `ankylo gone`"), /no verb gone/);
  deepEqual(check("`ankylo put` and `ankylo help`; Ankylo is a database"), []);
});

Deno.test("differentCodes() finds a code on one side only", () => {
  const documented = new Set(["a", "b"]);
  finds(differentCodes(documented, new Set(["a", "b", "c"])), /does not tell of the code c/);
  finds(differentCodes(documented, new Set(["a"])), /tells of the code b/);
});

Deno.test("unprovenGuarantees() finds a promise without a test", () => {
  const table = (proof: string) =>
    plant({
      "G.md": `| promise | proven by |\n| --- | --- |\n| it holds | ${proof} |\n`,
      "tests/a_test.ts": 'Deno.test("Log.sync() keeps what it was given", () => {});',
    });
  deepEqual(unprovenGuarantees(table('`tests/a_test.ts` "Log.sync() keeps"'), "G.md"), []);
  finds(unprovenGuarantees(table('`tests/a_test.ts` "Log.sync() loses"'), "G.md"), /no test/);
  finds(unprovenGuarantees(table("trust"), "G.md"), /names no test/);
  finds(unprovenGuarantees(plant({}), "G.md"), /no guarantee/);
});

Deno.test("wordsOutsideTheGlossary() finds a word that has a better one", () => {
  finds(wordsOutsideTheGlossary(plant({ "a.md": "a delete marker" })), /say tombstone/);
});
