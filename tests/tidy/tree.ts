/**
 * The files of the repository, as the tidy rules see them: a map from path to text.
 *
 * Rules take such a map and nothing else, so that a test can hand them a planted tree.
 *
 * @module
 */

/** Paths relative to the root, with `/`, and what the files hold. */
export type Tree = ReadonlyMap<string, string>;

/** Folders that hold no source: what a run or a package manager leaves behind. */
const skipped: ReadonlySet<string> = new Set([
  ".git",
  ".tmp",
  "node_modules",
  "data",
  "coverage",
]);

const textEndings = /\.(ts|tsx|md|json|txt|yaml|yml|html|css|js|sh)$|^\.ci\/run$|^LICENSE$/;

/** Reads every text file of the repository. */
export function readTree(root: URL): Tree {
  const tree = new Map<string, string>();
  const visit = (folder: string): void => {
    const entries = [...Deno.readDirSync(new URL(folder, root))];
    entries.sort((left, right) => left.name < right.name ? -1 : 1);
    for (const entry of entries) {
      const path = folder === "./" ? entry.name : `${folder}${entry.name}`;
      if (entry.isDirectory) {
        if (!skipped.has(entry.name)) visit(`${path}/`);
      } else if (entry.isFile && textEndings.test(path)) {
        tree.set(path, Deno.readTextFileSync(new URL(path, root)));
      }
    }
  };
  visit("./");
  return tree;
}

/** Returns the TypeScript files of the rooms: what is not a test, a bench or a tool of theirs. */
export function sourcePaths(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => /\.tsx?$/.test(path) && !path.startsWith("tests/"));
}

/** Returns all TypeScript files. */
export function codePaths(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => /\.tsx?$/.test(path));
}

/** Returns the Markdown files. */
export function documentPaths(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => path.endsWith(".md"));
}

/** Returns the line, counted from 1, in which an offset of a text lies. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
