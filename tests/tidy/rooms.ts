/**
 * The rooms, their doors and the arrows between them, as data and pure functions.
 *
 * ARCHITECTURE.md draws the same picture. The lint plugin asks here for every import, so that an
 * arrow that is not in the table cannot be added unseen.
 *
 * @module
 */

/** The rooms, the floor (`storage/env`) counted as one of its own, and the folders beside them. */
export type Room =
  | "floor"
  | "storage"
  | "consensus"
  | "sharding"
  | "server"
  | "client"
  | "deploy"
  | "tests"
  | "root";

/** Where each room may point. A room may always import its own files. */
const arrows: Readonly<Record<Room, readonly Room[]>> = {
  floor: [],
  storage: ["floor"],
  consensus: ["storage", "floor"],
  sharding: ["consensus", "storage", "floor"],
  server: ["sharding", "floor"],
  client: [],
  deploy: ["server"],
  tests: ["floor", "storage", "consensus", "sharding", "server", "client", "deploy", "root"],
  root: ["server", "client"],
};

/** The only files of a room that others may import. */
const doors: ReadonlySet<string> = new Set([
  "storage/mod.ts",
  "storage/env/mod.ts",
  "storage/log/mod.ts",
  "consensus/mod.ts",
  "sharding/mod.ts",
  "server/mod.ts",
  "client/mod.ts",
]);

/** The composition root joins all rooms, and so may open every door. */
const compositionRoot = "server/assemble.ts";

/** Returns the room that a file belongs to. `path` is relative to the root of the repository. */
export function roomOf(path: string): Room {
  if (path.startsWith("storage/env/")) return "floor";
  const first = path.split("/", 1)[0];
  switch (first) {
    case "storage":
    case "consensus":
    case "sharding":
    case "server":
    case "client":
    case "deploy":
    case "tests":
      return first;
    default:
      return "root";
  }
}

/** Tells whether a file is a door. */
export function isDoor(path: string): boolean {
  return doors.has(path) || path === "mod.ts";
}

/** Tells whether a file may call the host: all from `server/` on, and the adapter of each seam. */
export function mayCallHost(path: string): boolean {
  const room = roomOf(path);
  if (room !== "floor" && room !== "storage" && room !== "consensus" && room !== "sharding") {
    return true;
  }
  return /_(system|deno|worker)\.ts$/.test(path);
}

/**
 * Says what is wrong with an import, or nothing.
 *
 * @param importer The importing file, relative to the root.
 * @param specifier What stands in the import. Only relative ones are judged.
 */
export function judgeImport(importer: string, specifier: string): string | undefined {
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) return undefined;
  const target = resolvePath(importer, specifier);
  const from = roomOf(importer);
  const to = roomOf(target);
  // Whoever wants to know the version may read it where it stands.
  if (from === "tests" || target === "deno.json") return undefined;
  if (from === to) {
    return target === `${folderOf(importer)}/mod.ts` && !isDoor(importer)
      ? `Cannot import the room's own door ${target}: import the file itself`
      : undefined;
  }
  if (importer === compositionRoot && isDoor(target)) return undefined;
  if (!arrows[from].includes(to)) {
    return `Cannot import ${target} from ${importer}: there is no arrow from ${from} to ${to}`;
  }
  if (!isDoor(target)) {
    return `Cannot import ${target} from ${importer}: it is not a door of ${to}`;
  }
  return undefined;
}

/** Resolves a relative specifier against the file that holds it. */
export function resolvePath(importer: string, specifier: string): string {
  const parts = importer.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function folderOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}
