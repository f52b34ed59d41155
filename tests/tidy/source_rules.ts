/**
 * The house rules that need more than one source file, or count something.
 *
 * Each rule takes the tree or its facts and returns what is wrong, one line a finding, beginning
 * with the path. `tidy_test.ts` runs them over the repository, `source_rules_test.ts` over planted
 * trees.
 *
 * @module
 */
import { isDoor } from "./rooms.ts";
import type { SourceFacts } from "./source_facts.ts";
import { codePaths, lineAt, sourcePaths, type Tree } from "./tree.ts";

/** Where a file is split. */
export const lineCountMax = 500;
/** Where one asks why. */
export const lineCountAsked = 400;
/** Where a function is split. */
export const functionLineCountMax = 70;

/** Finds files that are too long; those between the two bounds need a reason in `reasons`. */
export function longFiles(tree: Tree, reasons: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const path of codePaths(tree)) {
    const lineCount = lineCountOf(tree.get(path) ?? "");
    if (lineCount > lineCountMax) {
      found.push(`${path}: ${lineCount} lines, at most ${lineCountMax}`);
    } else if (lineCount > lineCountAsked && !reasons.has(path)) {
      found.push(`${path}: ${lineCount} lines, above ${lineCountAsked} without a reason`);
    }
  }
  for (const path of reasons.keys()) {
    if (lineCountOf(tree.get(path) ?? "") <= lineCountAsked) {
      found.push(`${path}: a reason for its length is no longer needed`);
    }
  }
  return found;
}

function lineCountOf(text: string): number {
  return text.split("\n").length - 1;
}

/** Finds functions that are too long. */
export function longFunctions(facts: readonly SourceFacts[]): string[] {
  return facts.flatMap(({ path, functions }) =>
    functions.filter(({ lineCount }) => lineCount > functionLineCountMax)
      .map(({ name, line, lineCount }) =>
        `${path}:${line}: ${name}() has ${lineCount} lines, at most ${functionLineCountMax}`
      )
  );
}

/**
 * Finds source files with behaviour that no test file stands beside.
 *
 * @param reasons Files without a twin, and which test covers them instead.
 */
export function missingTwins(
  tree: Tree,
  facts: readonly SourceFacts[],
  reasons: ReadonlyMap<string, string>,
): string[] {
  const found: string[] = [];
  for (const { path, hasBehaviour } of facts) {
    if (!hasBehaviour || path.startsWith("tests/")) continue;
    const twin = `tests/${path.replace(/\.tsx?$/, "_test.ts")}`;
    const instead = reasons.get(path);
    if (instead === undefined) {
      if (!tree.has(twin)) found.push(`${path}: there is no ${twin}`);
    } else if (tree.has(twin)) {
      found.push(`${path}: a reason for having no test twin is no longer needed`);
    } else if (!tree.has(instead)) {
      found.push(`${path}: ${instead}, said to test it, is not there`);
    }
  }
  for (const path of reasons.keys()) {
    if (!tree.has(path)) found.push(`${path}: has a reason for having no twin, but is not there`);
  }
  return found;
}

/** Finds test files of a room whose source, or document in capitals, is gone. */
export function orphanTwins(tree: Tree): string[] {
  const rooms = /^tests\/(storage|consensus|sharding|server|client)\/.*_test\.ts$/;
  return [...tree.keys()].filter((path) => rooms.test(path))
    .filter((path) => {
      const source = path.slice("tests/".length, -"_test.ts".length);
      const document = source.replace(/[^/]+$/, (name) => `${name.toUpperCase()}.md`);
      return !tree.has(`${source}.ts`) && !tree.has(`${source}.tsx`) && !tree.has(document);
    })
    .map((path) => `${path}: there is no source of that name`);
}

/** Finds imports that lead back to where they came from, type imports counted. */
export function importCycles(facts: readonly SourceFacts[]): string[] {
  const targets = new Map(
    facts.map(({ path, imports }) => [path, imports.map(({ target }) => target)]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push(`${path}: a cycle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return found;
}

/**
 * Finds exports of a room that no other source file imports, that no door hands out and that their
 * own file does not use.
 */
export function deadExports(tree: Tree, facts: readonly SourceFacts[]): string[] {
  const sources = facts.filter(({ path }) => !path.startsWith("tests/"));
  const used = new Set<string>();
  for (const { imports } of sources) {
    for (const { target, names } of imports) {
      for (const name of names) used.add(`${target}#${name}`);
    }
  }
  const found: string[] = [];
  for (const { path, exports } of sources) {
    if (isDoor(path) || used.has(`${path}#*`)) continue;
    const text = withoutComments(tree.get(path) ?? "");
    for (const { name, line } of exports) {
      if (used.has(`${path}#${name}`)) continue;
      const mentions = text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0;
      if (mentions < 2) found.push(`${path}:${line}: nothing uses the export ${name}`);
    }
  }
  return found;
}

/** Finds exports of the rooms without a word about them. */
export function undocumentedExports(facts: readonly SourceFacts[]): string[] {
  const sources = facts.filter(({ path }) => !path.startsWith("tests/"));
  return sources.flatMap(({ path, exports }) =>
    exports.filter(({ isDocumented }) => !isDocumented)
      .map(({ name, line }) => `${path}:${line}: the export ${name} has no JSDoc`)
  );
}

/** Finds source files that nothing imports, starts or names. */
export function deadFiles(tree: Tree, facts: readonly SourceFacts[]): string[] {
  const imported = new Set(facts.flatMap(({ imports }) => imports.map(({ target }) => target)));
  const settings = tree.get("deno.json") ?? "";
  return sourcePaths(tree).filter((path) => {
    if (imported.has(path) || isDoor(path) || settings.includes(path)) return false;
    const name = path.split("/").at(-1) ?? path;
    return !sourcePaths(tree).some((other) =>
      other !== path && withoutComments(tree.get(other) ?? "").includes(name)
    );
  }).map((path) => `${path}: nothing imports it`);
}

/** Methods of the language's own collections, which answer at once whatever ours are called. */
const collectionMethods: ReadonlySet<string> = new Set(["add", "clear", "delete", "set", "?"]);

/**
 * Finds promises that a statement drops: calls of a name that every declaration in the tree
 * answers with a promise, and chains that end without a handler.
 */
export function droppedPromises(facts: readonly SourceFacts[]): string[] {
  const isPromise = new Map<string, boolean>();
  for (const { declared } of facts) {
    for (const { name, isPromise: answer } of declared) {
      isPromise.set(name, (isPromise.get(name) ?? true) && answer);
    }
  }
  return facts.flatMap(({ path, bareCalls }) =>
    bareCalls.filter(({ name }) => {
      // Tests may start a chain and look at what it left behind.
      if (name === "then" || name === "finally") return !path.startsWith("tests/");
      return isPromise.get(name) === true && !collectionMethods.has(name);
    })
      .map(({ name, line }) => `${path}:${line}: the promise of ${name}() is dropped`)
  );
}

/** Words that stand for work not done, and marks that silence a tool. */
const forbidden: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/g, what: "work left open" },
  { pattern: /\b(hack|stub|placeholder|kludge)s?\b/gi, what: "a word for work not done" },
  { pattern: /@ts-(ignore|expect-error|nocheck)/g, what: "a silenced type error" },
  { pattern: /deno-lint-ignore|deno-fmt-ignore/g, what: "a silenced rule" },
  { pattern: /\bas any\b/g, what: "a type forced" },
];

/** Finds forbidden words in source and tests. The rules' own files name them and are left out. */
export function forbiddenWords(tree: Tree): string[] {
  return codePaths(tree).filter((path) => !path.startsWith("tests/tidy/")).flatMap((path) => {
    const text = tree.get(path) ?? "";
    return forbidden.flatMap(({ pattern, what }) =>
      [...text.matchAll(pattern)].map((match) =>
        `${path}:${lineAt(text, match.index)}: ${what}: ${match[0]}`
      )
    );
  });
}

/** Finds paths that exist on one machine only. */
export function machinePaths(tree: Tree): string[] {
  const pattern = /(^|[\s"'`(=:])\/(work|root|home|tmp|Users)\/[\w.-]*/g;
  return [...tree].filter(([path]) => !path.startsWith("tests/tidy/")).flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map((match) =>
      `${path}:${lineAt(text, match.index + 1)}: a path of one machine: ${match[0].trim()}`
    )
  );
}

/** Finds imports of deno.json that no file uses. */
export function unusedPackages(tree: Tree, facts: readonly SourceFacts[]): string[] {
  const settings: unknown = JSON.parse(tree.get("deno.json") ?? "{}");
  const { imports = {}, allowScripts } = settings as {
    imports?: Record<string, string>;
    allowScripts?: { deny?: string[] };
  };
  const used = facts.flatMap(({ packages }) => packages);
  const denied = allowScripts?.deny ?? [];
  return Object.keys(imports).filter((name) =>
    !used.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)) &&
    !denied.includes(`npm:${name}`)
  ).map((name) => `deno.json: nothing imports ${name}`);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
