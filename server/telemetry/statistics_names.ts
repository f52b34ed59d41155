/**
 * From the nested numbers that the rooms report to flat metric names.
 *
 * @module
 */
import type { DurationStatistics } from "../../storage/env/mod.ts";

const depthMax = 5;
const nameCountMax = 500;

/** Nested statistics by flat names. */
export interface FlatStatistics {
  readonly numbers: ReadonlyMap<string, number>;
  readonly durations: ReadonlyMap<string, DurationStatistics>;
}

/**
 * Returns the name and value that Prometheus' conventions ask for: seconds, and no `_count`, which
 * is a histogram's.
 */
function conventional(path: string, value: number): [string, number] {
  const time = /^(.*_)(ms|micros)((?:_max)?)$/.exec(path);
  if (time !== null) {
    const [, noun, unit, bound] = time;
    return [`${noun}seconds${bound}`, value / (unit === "ms" ? 1_000 : 1_000_000)];
  }
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
 * the plural of its noun, a time in seconds. A histogram stays whole: that of
 * `{ disk: { syncDuration } }` is `disk_sync_duration_seconds`. Lists are left out: their length has
 * no bound.
 */
export function flattenStatistics(statistics: object): FlatStatistics {
  const flat = { numbers: new Map<string, number>(), durations: new Map() };
  collect(statistics, { flat, path: "", depth: 0 });
  return flat;
}

interface Place {
  readonly flat: {
    readonly numbers: Map<string, number>;
    readonly durations: Map<string, DurationStatistics>;
  };
  readonly path: string;
  readonly depth: number;
}

function collect(value: object, into: Place): void {
  const { numbers, durations } = into.flat;
  for (const [name, field] of Object.entries(value)) {
    if (numbers.size + durations.size >= nameCountMax) return;
    const path = into.path === "" ? snakeCase(name) : `${into.path}_${snakeCase(name)}`;
    if (typeof field === "number" && Number.isFinite(field)) {
      numbers.set(...conventional(path, field));
    } else if (typeof field === "boolean") numbers.set(path, field ? 1 : 0);
    else if (isDurations(field)) durations.set(`${path}_seconds`, field);
    else if (isPlain(field) && into.depth < depthMax) {
      collect(field, { flat: into.flat, path, depth: into.depth + 1 });
    }
  }
}

function isDurations(value: unknown): value is DurationStatistics {
  return isPlain(value) && Array.isArray((value as Partial<DurationStatistics>).bucketCounts);
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value);
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_").toLowerCase();
}
