/**
 * The rules for what documents say: links resolve, and what is named exists.
 *
 * @module
 */
import { resolvePath } from "./rooms.ts";
import { codePaths, documentPaths, lineAt, type Tree } from "./tree.ts";

/** Finds links of Markdown files to files or headings that are not there. */
export function brokenLinks(tree: Tree): string[] {
  const found: string[] = [];
  for (const path of documentPaths(tree)) {
    const text = withoutCode(tree.get(path) ?? "");
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file = "", anchor] = match[1].split("#");
      if (/^[a-z]+:/.test(file)) continue;
      const target = file === "" ? path : resolvePath(path, file).replace(/\/$/, "");
      const where = `${path}:${lineAt(text, match.index)}`;
      if (!exists(tree, target)) found.push(`${where}: a link leads nowhere: ${match[1]}`);
      else if (anchor !== undefined && !headings(tree.get(target) ?? "").includes(anchor)) {
        found.push(`${where}: there is no heading ${anchor} in ${target}`);
      }
    }
  }
  return found;
}

/** Finds paths of source files in backticks that are not there. */
export function missingFiles(tree: Tree): string[] {
  const found: string[] = [];
  for (const path of documentPaths(tree)) {
    const text = tree.get(path) ?? "";
    for (const match of text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:tsx?|md|json|txt))`/g)) {
      const name = match[1];
      if (exists(tree, name) || exists(tree, resolvePath(path, name))) continue;
      if (isBelowRoom(tree, path, name)) continue;
      found.push(`${path}:${lineAt(text, match.index)}: there is no file ${name}`);
    }
  }
  return found;
}

/** Finds `deno task` names that deno.json does not have. */
export function missingTasks(tree: Tree): string[] {
  const settings: unknown = JSON.parse(tree.get("deno.json") ?? "{}");
  const tasks = Object.keys((settings as { tasks?: Record<string, unknown> }).tasks ?? {});
  const found: string[] = [];
  for (const path of [...documentPaths(tree), ...codePaths(tree), ".ci/run"]) {
    if (path.startsWith("tests/tidy/")) continue;
    const text = tree.get(path) ?? "";
    for (const match of text.matchAll(/(?:deno(?:@[\d.]+)?) task ([a-z][\w:-]*)/g)) {
      if (tasks.includes(match[1])) continue;
      found.push(`${path}:${lineAt(text, match.index)}: there is no task ${match[1]}`);
    }
  }
  return found;
}

/** Finds `ankylo` verbs in the documents' code that the command line does not have. */
export function missingVerbs(tree: Tree, verbs: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const path of documentPaths(tree)) {
    const text = tree.get(path) ?? "";
    for (const match of text.matchAll(/(?:^|`|task )\s*ankylo ([a-z]+)/gm)) {
      if (verbs.has(match[1]) || match[1] === "help") continue;
      found.push(`${path}:${lineAt(text, match.index)}: there is no verb ${match[1]}`);
    }
  }
  return found;
}

/** Finds codes that the API's table of errors and the server's do not share. */
export function differentCodes(
  documented: ReadonlySet<string>,
  built: ReadonlySet<string>,
): string[] {
  return [
    ...[...built].filter((code) => !documented.has(code))
      .map((code) => `server/API.md: does not tell of the code ${code}`),
    ...[...documented].filter((code) => !built.has(code))
      .map((code) => `server/API.md: tells of the code ${code}, which the server does not have`),
  ];
}

/**
 * Finds lines of the table of guarantees whose test is not there.
 *
 * A line names its test as `path` and then the test's name, or the beginning of it, in quotes.
 */
export function unprovenGuarantees(tree: Tree, path: string): string[] {
  const text = tree.get(path) ?? "";
  const found: string[] = [];
  let rowCount = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|") || /^\|[\s|:-]+\|$/.test(line) || line.includes("| proven by")) {
      continue;
    }
    rowCount++;
    const proofs = [...line.matchAll(/`(tests\/[\w./-]+)` "([^"]+)"/g)];
    if (proofs.length === 0) found.push(`${path}: names no test: ${line.slice(0, 60)}`);
    for (const [, file, name] of proofs) {
      if (!(tree.get(file) ?? "").includes(name)) {
        found.push(`${path}: there is no test "${name}" in ${file}`);
      }
    }
  }
  if (rowCount === 0) found.push(`${path}: there is no guarantee in it`);
  return found;
}

/** Words that the glossary replaces, and by what. Only where the wrong sense is certain. */
const replaced: readonly { readonly pattern: RegExp; readonly say: string }[] = [
  { pattern: /\bdelete markers?\b/gi, say: "tombstone" },
  { pattern: /\blow[- ]water marks?\b/gi, say: "watermark" },
  { pattern: /\b(primary|master)[- ](node|replica)s?\b/gi, say: "leader" },
  { pattern: /\bwrite[- ]ahead log of the engine\b/gi, say: "node log" },
  { pattern: /\bvnodes?\b/gi, say: "hash range" },
];

/** Finds words that the glossary has another word for. */
export function wordsOutsideTheGlossary(tree: Tree): string[] {
  const paths = [...documentPaths(tree), ...codePaths(tree)];
  return paths.filter((path) => !path.startsWith("tests/tidy/")).flatMap((path) => {
    const text = tree.get(path) ?? "";
    return replaced.flatMap(({ pattern, say }) =>
      [...text.matchAll(pattern)].map((match) =>
        `${path}:${lineAt(text, match.index)}: say ${say}, not ${match[0]}`
      )
    );
  });
}

function exists(tree: Tree, path: string): boolean {
  if (tree.has(path) || path === "" || path === ".") return true;
  return [...tree.keys()].some((other) => other.startsWith(`${path}/`));
}

/** A room's own document may leave the room out of a path. */
function isBelowRoom(tree: Tree, document: string, name: string): boolean {
  const room = document.split("/", 1)[0];
  return document.includes("/") && exists(tree, `${room}/${name}`);
}

function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")
  );
}

/** Blanks code, where brackets are no links; lines stay where they are. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, " ");
  return text.replace(/^```[\s\S]*?^```/gm, blank).replace(/`[^`\n]*`/g, blank);
}
