/**
 * The main job on real input: `deno task cities`.
 *
 *  1. Imports every place through `POST /v1/batch`, and reads each back.
 *  2. Lists each country by its prefix, page by page, and compares keys, values and order.
 *  3. Exports all as NDJSON and compares again.
 *  4. Begins a second import with other values, part by batches and part by single puts, kills the
 *     server with -9 in the middle, starts it again, and reads every key: what was acknowledged is
 *     there, what was not is there whole or not at all.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { inKeyOrder, type Place, places } from "./places.ts";
import { ServerProcess } from "./server_process.ts";

/** What was done, for the caller to print. */
export interface CitiesReport {
  readonly placeCount: number;
  readonly countryCount: number;
  readonly acknowledgedCount: number;
  readonly unknownCount: number;
}

/** How the job is run. */
export interface CitiesOptions {
  /** An empty folder. */
  readonly dataDirectory: string;
  /** How many places; all by default. */
  readonly placeCountMax?: number;
  /** Is told of every step done. */
  onStep(text: string): void;
}

const batchCount = 1_000;
const pageCount = 5_000;

/** Runs the whole job. @throws AssertionError at the first difference. */
export async function runCities(options: CitiesOptions): Promise<CitiesReport> {
  const first = places(1, options.placeCountMax);
  let server = await ServerProcess.start({ dataDirectory: options.dataDirectory });
  try {
    await importAll(server.url, first);
    options.onStep(`imported ${first.length} places`);
    await readAll(server.url, first, (place, value) => deepEqual(value, place.value));
    options.onStep("read each back");
    await readSingly(server.url, first);
    options.onStep("read some by their own URL");
    const countryCount = await listCountries(server.url, first);
    options.onStep(`listed ${countryCount} countries`);
    await exportAll(server.url, first);
    options.onStep("exported all");
    const second = places(2, options.placeCountMax);
    const acknowledged = await importAndKill(server, second);
    options.onStep(`killed the server after ${acknowledged.size} acknowledged writes`);
    server = await ServerProcess.start({ dataDirectory: options.dataDirectory });
    const unknownCount = await compareAfterKill(server.url, { first, second, acknowledged });
    options.onStep("found every acknowledged write");
    equal(await server.stop(), 0, "the exit code after SIGTERM");
    return {
      placeCount: first.length,
      countryCount,
      acknowledgedCount: acknowledged.size,
      unknownCount,
    };
  } finally {
    await server.kill();
  }
}

/** Cuts a list into pieces and works on a few at once. */
async function inPieces<T>(
  list: readonly T[],
  options: { sizeOfPiece: number; workerCount: number; work(piece: T[]): Promise<void> },
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const start = next;
      next += options.sizeOfPiece;
      await options.work(list.slice(start, start + options.sizeOfPiece));
    }
  };
  await Promise.all(Array.from({ length: options.workerCount }, worker));
}

interface BatchResult {
  readonly key?: string;
  readonly value?: unknown;
  readonly versionstamp?: string;
  readonly contentType?: string;
}

async function batch(url: string, operations: readonly unknown[]): Promise<BatchResult[]> {
  const response = await fetch(`${url}/v1/batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ operations }),
  });
  const body = await response.text();
  equal(response.status, 200, body);
  const { results } = JSON.parse(body) as { results: BatchResult[] };
  equal(results.length, operations.length);
  return results;
}

function setOperation({ key, value }: Place): unknown {
  return { op: "set", key, value };
}

async function importAll(url: string, list: readonly Place[]): Promise<void> {
  await inPieces(list, {
    sizeOfPiece: batchCount,
    workerCount: 4,
    async work(piece) {
      for (const result of await batch(url, piece.map(setOperation))) {
        ok(/^[0-9a-f]{20}$/.test(result.versionstamp ?? ""), JSON.stringify(result));
      }
    },
  });
}

async function readAll(
  url: string,
  list: readonly Place[],
  compare: (place: Place, value: unknown) => void,
): Promise<void> {
  await inPieces(list, {
    sizeOfPiece: batchCount,
    workerCount: 4,
    async work(piece) {
      const results = await batch(url, piece.map(({ key }) => ({ op: "get", key })));
      piece.forEach((place, index) => compare(place, results[index].value));
    },
  });
}

/** Every hundredth place by the URL of its key, where slashes and all of UTF-8 must survive. */
async function readSingly(url: string, list: readonly Place[]): Promise<void> {
  const strange = list.filter(({ key }) => /[^\x20-\x7e]|\/.*\/.*\/.*\//.test(key)).slice(0, 500);
  const chosen = [...list.filter((_, index) => index % 100 === 0), ...strange];
  await inPieces(chosen, {
    sizeOfPiece: 50,
    workerCount: 8,
    async work(piece) {
      for (const place of piece) {
        const response = await fetch(keyUrl(url, place.key));
        equal(response.status, 200, place.key);
        equal(response.headers.get("content-type"), "application/json");
        deepEqual(await response.json(), place.value);
      }
    },
  });
}

function keyUrl(url: string, key: string): string {
  return `${url}/v1/kv/${key.split("/").map(encodeURIComponent).join("/")}`;
}

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly contentType: string;
}

function compareEntries(entries: readonly Entry[], want: readonly Place[]): void {
  equal(entries.length, want.length);
  want.forEach((place, index) => {
    equal(entries[index].key, place.key);
    equal(entries[index].contentType, "application/json");
    deepEqual(entries[index].value, place.value);
  });
}

async function listCountries(url: string, list: readonly Place[]): Promise<number> {
  const countries = Map.groupBy(inKeyOrder(list), ({ country }) => country);
  await inPieces([...countries], {
    sizeOfPiece: 1,
    workerCount: 4,
    async work([[country, want]]) {
      const entries: Entry[] = [];
      const versions = new Set<string>();
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ prefix: `city/${country}/`, limit: `${pageCount}` });
        if (cursor !== null) query.set("cursor", cursor);
        const response = await fetch(`${url}/v1/kv?${query}`);
        equal(response.status, 200, country);
        const page = await response.json();
        entries.push(...page.entries);
        versions.add(page.versionstamp);
        cursor = page.cursor;
      } while (cursor !== null);
      equal(versions.size, 1, `the pages of ${country} see one version`);
      compareEntries(entries, want);
    },
  });
  return countries.size;
}

async function exportAll(url: string, list: readonly Place[]): Promise<void> {
  const response = await fetch(`${url}/v1/kv?prefix=${encodeURIComponent("city/")}`, {
    headers: { accept: "application/x-ndjson" },
  });
  equal(response.status, 200);
  const lines = (await response.text()).trimEnd().split("\n");
  const entries = lines.map((line) => JSON.parse(line)).filter((line) => "key" in line);
  compareEntries(entries, inKeyOrder(list));
}

/**
 * Imports until the server is killed, somewhere behind a third of the list.
 *
 * @returns The keys whose write was acknowledged.
 */
async function importAndKill(server: ServerProcess, list: readonly Place[]): Promise<Set<string>> {
  const acknowledged = new Set<string>();
  let isKilled = false;
  let kill: Promise<void> | undefined;
  const acknowledge = (piece: readonly Place[]): void => {
    for (const { key } of piece) acknowledged.add(key);
    if (kill !== undefined || acknowledged.size < list.length / 3) return;
    isKilled = true;
    kill = server.kill();
  };
  const middle = Math.floor(list.length * 0.95);
  const attempt = async (write: () => Promise<void>): Promise<void> => {
    if (isKilled) return;
    try {
      await write();
    } catch (error) {
      // Once the server is dead the connection breaks; before, nothing may fail.
      if (!isKilled) throw error;
    }
  };
  const batches = inPieces(list.slice(0, middle), {
    sizeOfPiece: 200,
    workerCount: 4,
    work: (piece) =>
      attempt(async () => {
        await batch(server.url, piece.map(setOperation));
        acknowledge(piece);
      }),
  });
  const puts = inPieces(list.slice(middle), {
    sizeOfPiece: 1,
    workerCount: 16,
    work: ([place]) =>
      attempt(async () => {
        const response = await fetch(keyUrl(server.url, place.key), {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(place.value),
        });
        const body = await response.text();
        equal(response.status, 200, body);
        acknowledge([place]);
      }),
  });
  await Promise.all([batches, puts]);
  ok(kill !== undefined, "the import ended before the server was killed");
  await kill;
  return acknowledged;
}

async function compareAfterKill(
  url: string,
  imports: { first: Place[]; second: Place[]; acknowledged: ReadonlySet<string> },
): Promise<number> {
  const before = new Map(imports.first.map(({ key, value }) => [key, value]));
  let unknownCount = 0;
  await readAll(url, imports.second, (place, value) => {
    if (imports.acknowledged.has(place.key)) return deepEqual(value, place.value);
    unknownCount++;
    const isSecond = (value as { edition?: number } | undefined)?.edition === 2;
    deepEqual(value, isSecond ? place.value : before.get(place.key));
  });
  return unknownCount;
}

if (import.meta.main) {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo_cities_" });
  const started = performance.now();
  const print = (text: string) => {
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    Deno.stdout.writeSync(new TextEncoder().encode(`${seconds.padStart(6)} s  ${text}\n`));
  };
  try {
    const report = await runCities({ dataDirectory, onStep: print });
    print(JSON.stringify(report));
  } finally {
    Deno.removeSync(dataDirectory, { recursive: true });
  }
}
