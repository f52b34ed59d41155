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
import { Api, compareEntries, inPieces, keyPath, setOperation } from "./api.ts";
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
  const api = new Api(server);
  try {
    await importAll(api, first);
    options.onStep(`imported ${first.length} places`);
    await readAll(api, first, (place, value) => deepEqual(value, place.value));
    options.onStep("read each back");
    await readSingly(api, first);
    options.onStep("read some by their own URL");
    const countryCount = await listCountries(api, first);
    options.onStep(`listed ${countryCount} countries`);
    await exportAll(api, first);
    options.onStep("exported all");
    const second = places(2, options.placeCountMax);
    const acknowledged = await importAndKill(server, second);
    options.onStep(`killed the server after ${acknowledged.size} acknowledged writes`);
    server = await ServerProcess.start({ dataDirectory: options.dataDirectory });
    const unknownCount = await compareAfterKill(new Api(server), { first, second, acknowledged });
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

async function importAll(api: Api, list: readonly Place[]): Promise<void> {
  await inPieces(list, {
    sizeOfPiece: batchCount,
    workerCount: 4,
    async work(piece) {
      for (const result of await api.batch(piece.map(setOperation))) {
        ok(/^[0-9a-f]{20}$/.test(result.versionstamp ?? ""), JSON.stringify(result));
      }
    },
  });
}

async function readAll(
  api: Api,
  list: readonly Place[],
  compare: (place: Place, value: unknown) => void,
): Promise<void> {
  await inPieces(list, {
    sizeOfPiece: batchCount,
    workerCount: 4,
    async work(piece) {
      const results = await api.batch(piece.map(({ key }) => ({ op: "get", key })));
      piece.forEach((place, index) => compare(place, results[index].value));
    },
  });
}

/** Every hundredth place by the URL of its key, where slashes and all of UTF-8 must survive. */
async function readSingly(api: Api, list: readonly Place[]): Promise<void> {
  const strange = list.filter(({ key }) => /[^\x20-\x7e]|\/.*\/.*\/.*\//.test(key)).slice(0, 500);
  const chosen = [...list.filter((_, index) => index % 100 === 0), ...strange];
  await inPieces(chosen, {
    sizeOfPiece: 50,
    workerCount: 8,
    async work(piece) {
      for (const place of piece) {
        const { status, headers, body } = await api.send("GET", keyPath(place.key));
        equal(status, 200, place.key);
        equal(headers.get("content-type"), "application/json");
        deepEqual(JSON.parse(body), place.value);
      }
    },
  });
}

async function listCountries(api: Api, list: readonly Place[]): Promise<number> {
  const countries = Map.groupBy(inKeyOrder(list), ({ country }) => country);
  await inPieces([...countries], {
    sizeOfPiece: 1,
    workerCount: 4,
    async work([[country, want]]) {
      compareEntries(await api.list(`city/${country}/`, { limit: pageCount }), want);
    },
  });
  return countries.size;
}

async function exportAll(api: Api, list: readonly Place[]): Promise<void> {
  compareEntries(await api.stream("city/"), inKeyOrder(list));
}

/**
 * Imports until the server is killed, somewhere behind a third of the list.
 *
 * @returns The keys whose write was acknowledged.
 */
async function importAndKill(server: ServerProcess, list: readonly Place[]): Promise<Set<string>> {
  const api = new Api(server);
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
        await api.batch(piece.map(setOperation));
        acknowledge(piece);
      }),
  });
  const puts = inPieces(list.slice(middle), {
    sizeOfPiece: 1,
    workerCount: 16,
    work: ([place]) =>
      attempt(async () => {
        await api.put(place.key, place.value);
        acknowledge([place]);
      }),
  });
  await Promise.all([batches, puts]);
  ok(kill !== undefined, "the import ended before the server was killed");
  await kill;
  return acknowledged;
}

async function compareAfterKill(
  api: Api,
  imports: { first: Place[]; second: Place[]; acknowledged: ReadonlySet<string> },
): Promise<number> {
  const before = new Map(imports.first.map(({ key, value }) => [key, value]));
  let unknownCount = 0;
  await readAll(api, imports.second, (place, value) => {
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
