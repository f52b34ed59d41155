/**
 * The house rules over the whole repository. A rule that needs a list of exceptions has it here,
 * each with its reason; a reason no longer needed fails too.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import {
  brokenLinks,
  differentCodes,
  missingFiles,
  missingTasks,
  missingVerbs,
  unprovenGuarantees,
  wordsOutsideTheGlossary,
} from "./document_rules.ts";
import { readFacts } from "./source_facts.ts";
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
import { codePaths, readTree } from "./tree.ts";

const tree = readTree(new URL("../../", import.meta.url));

/** Files between the two bounds of length, and why they are one. */
const longFileReasons: ReadonlyMap<string, string> = new Map([
  ["storage/engine.ts", "the one face of a tree; each method is a line or two over its parts"],
]);

/**
 * Source files whose test is not a twin: they are parts of one route or of the whole application,
 * and are tested through it as a client meets them.
 */
const twinReasons: ReadonlyMap<string, string> = new Map([
  ["server/middleware/exchange.ts", "tests/server/app_test.ts"],
  ["server/middleware/serve.ts", "tests/server/app_test.ts"],
  ["server/middleware/structured_body.ts", "tests/server/routes/transaction_test.ts"],
  ["server/openapi/document.ts", "tests/server/routes/documents_test.ts"],
  ["server/openapi/operations.ts", "tests/server/routes/documents_test.ts"],
  ["server/openapi/page.ts", "tests/server/routes/documents_test.ts"],
  ["server/routes/cursor_leases.ts", "tests/server/routes/range_test.ts"],
  ["server/routes/later.ts", "tests/server/app_test.ts"],
  ["server/routes/list_request.ts", "tests/server/routes/range_test.ts"],
  ["server/routes/outcomes.ts", "tests/server/routes/key_test.ts"],
  ["server/wire/batch_body.ts", "tests/server/routes/batch_test.ts"],
  ["server/wire/transaction_body.ts", "tests/server/routes/transaction_test.ts"],
]);

/** What the rules over facts share; read once, inside a test, where the parser runs. */
let cached: ReturnType<typeof readFacts>[] | undefined;
function facts(): ReturnType<typeof readFacts>[] {
  cached ??= codePaths(tree).map((path) => readFacts(path, tree.get(path) ?? ""));
  return cached;
}

/** The verbs that the command line registers. */
function verbs(): Set<string> {
  const found = new Set<string>();
  for (const [path, text] of tree) {
    if (!path.startsWith("server/cli/")) continue;
    for (const match of text.matchAll(/\.command\(\s*"([a-z]+)/g)) found.add(match[1]);
  }
  return found;
}

/** The codes in a table or a union of the server, and those in the API's document. */
function codesBuilt(): Set<string> {
  const text = tree.get("server/errors.ts") ?? "";
  const table = text.split("problemKinds = {")[1]?.split("} as const")[0] ?? "";
  return new Set([...table.matchAll(/^ {2}([a-z_]+): \{/gm)].map((match) => match[1]));
}

function codesDocumented(): Set<string> {
  const text = tree.get("server/API.md") ?? "";
  const section = text.split(/^## Errors$/m)[1]?.split(/^## /m)[0] ?? "";
  return new Set([...section.matchAll(/^\| `([a-z_]+)` +\|/gm)].map((match) => match[1]));
}

const rules: { name: string; find: () => string[] }[] = [
  { name: "files are short", find: () => longFiles(tree, longFileReasons) },
  { name: "functions are short", find: () => longFunctions(facts()) },
  {
    name: "source with behaviour has a test",
    find: () => missingTwins(tree, facts(), twinReasons),
  },
  { name: "tests have a source", find: () => orphanTwins(tree) },
  { name: "no file imports itself through others", find: () => importCycles(facts()) },
  { name: "every export is used", find: () => deadExports(tree, facts()) },
  { name: "every export is documented", find: () => undocumentedExports(facts()) },
  { name: "every file is used", find: () => deadFiles(tree, facts()) },
  { name: "no promise is dropped", find: () => droppedPromises(facts()) },
  { name: "no work is left open", find: () => forbiddenWords(tree) },
  { name: "no path of one machine", find: () => machinePaths(tree) },
  { name: "every package is used", find: () => unusedPackages(tree, facts()) },
  { name: "links lead somewhere", find: () => brokenLinks(tree) },
  { name: "files named in documents exist", find: () => missingFiles(tree) },
  { name: "tasks named anywhere exist", find: () => missingTasks(tree) },
  { name: "verbs named in documents exist", find: () => missingVerbs(tree, verbs()) },
  {
    name: "the API tells of every error code",
    find: () => differentCodes(codesDocumented(), codesBuilt()),
  },
  { name: "guarantees name their tests", find: () => unprovenGuarantees(tree, "GUARANTEES.md") },
  { name: "words are those of the glossary", find: () => wordsOutsideTheGlossary(tree) },
];

for (const { name, find } of rules) {
  Deno.test(`tidy: ${name}`, () => {
    const found = find();
    equal(found.length, 0, `\n${found.join("\n")}`);
  });
}

Deno.test("tidy: the rules see the repository", () => {
  ok(codePaths(tree).length > 100, `${codePaths(tree).length} files of code`);
  ok(facts().some(({ exports }) => exports.length > 0), "facts hold exports");
  ok(verbs().size > 5, `${verbs().size} verbs`);
  ok(codesBuilt().size > 10, `${codesBuilt().size} codes in server/errors.ts`);
});
