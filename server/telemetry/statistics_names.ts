/**
 * From the nested numbers that the rooms report to flat metric names.
 *
 * @module
 */

const depthMax = 5;
const nameCountMax = 500;

/**
 * Returns the name and value that Prometheus' conventions ask for: seconds, and no `_count`, which
 * is a histogram's.
 */
function conventional(path: string, value: number): [string, number] {
  if (path.endsWith("_ms")) return [path.slice(0, -"ms".length) + "seconds", value / 1_000];
  if (path.endsWith("_count")) return [plural(path.slice(0, -"_count".length)), value];
  return [path, value];
}

function plural(noun: string): string {
  if (noun.endsWith("ed")) return noun;
  if (/[^aeiou]y$/.test(noun)) return noun.slice(0, -1) + "ies";
  return noun + (/(s|sh|ch|x)$/.test(noun) ? "es" : "s");
}

/**
 * Returns every finite number (and truth value, as 0 or 1) of nested plain objects by its path in
 * snake case: `{ engine: { memtableSizeBytes: 7 } }` is `engine_memtable_size_bytes`. A count is
 * the plural of its noun, a time in seconds. Lists are left out: their length has no bound.
 */
export function flattenStatistics(statistics: object): ReadonlyMap<string, number> {
  const flat = new Map<string, number>();
  collect(statistics, { flat, path: "", depth: 0 });
  return flat;
}

function collect(
  value: object,
  into: { readonly flat: Map<string, number>; readonly path: string; readonly depth: number },
): void {
  for (const [name, field] of Object.entries(value)) {
    if (into.flat.size >= nameCountMax) return;
    const path = into.path === "" ? snakeCase(name) : `${into.path}_${snakeCase(name)}`;
    if (typeof field === "number" && Number.isFinite(field)) {
      into.flat.set(...conventional(path, field));
    } else if (typeof field === "boolean") into.flat.set(path, field ? 1 : 0);
    else if (isPlain(field) && into.depth < depthMax) {
      collect(field, { flat: into.flat, path, depth: into.depth + 1 });
    }
  }
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value);
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_").toLowerCase();
}
