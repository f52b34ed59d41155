/**
 * How the past becomes shorter: by rules of a prefix, by a short retention, and by VACUUM while
 * others read and write.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type Answer, type Api, compareEntries, keyPath, versionOf } from "./api.ts";
import { folderBytes } from "./folder.ts";
import type { Place } from "./places.ts";
import type { TimeRun } from "./time_run.ts";

/** What VACUUM came to. */
export interface VacuumFigures {
  /** What the tables took with all editions. */
  readonly tableBytesBefore: number;
  /** What they took once only the last edition was left. */
  readonly tableBytesAfter: number;
  /** Keys and values of that edition. */
  readonly liveBytes: number;
  /** Requests that were answered while VACUUM ran. */
  readonly requestCount: number;
}

const vacuumPath = "/v1/admin/vacuum";
/** How much more than keys and values the tables may take: restarts, filters, indexes. */
const bloatMax = 1.3;

/** Gives three countries rules of their own: a short past, two versions, a long past. */
export async function checkRules(run: TimeRun): Promise<void> {
  const { editor, chosen: [, short, counted, long] } = run;
  await setRule(run, short, { retention: "1ms" });
  await setRule(run, counted, { versions: 2 });
  await setRule(run, long, { retention: "1h" });
  const [first] = run.moments;
  for (const country of [short, counted]) {
    await editor.job(vacuumPath, { body: { prefix: `city/${country}/` } });
    await checkGone(
      run,
      `/v1/kv?${new URLSearchParams({ prefix: `city/${country}/`, at: first.at })}`,
    );
  }
  const [placeOfShort] = run.countries.get(short) ?? [];
  await checkGone(run, `${keyPath(placeOfShort.key)}?at=${first.at}`);
  deepEqual(await editionsOf(editor, placeOfShort), [4]);
  const [placeOfCounted] = run.countries.get(counted) ?? [];
  deepEqual(await editionsOf(editor, placeOfCounted), [4, 3]);
  for (const country of [run.chosen[0], long]) await checkCountry(run, country);
  run.options.onStep("rules shortened the past of two countries, and of no other");
}

async function setRule(run: TimeRun, country: string, rule: object): Promise<void> {
  const query = new URLSearchParams({ prefix: `city/${country}/` });
  await run.editor.json("PUT", `/v1/admin/retention?${query}`, { body: rule });
}

async function editionsOf(api: Api, { key }: Place): Promise<number[]> {
  return (await api.history(key)).map(({ value }) => (value as { edition: number }).edition);
}

/** Reads a country back at every noted time. */
async function checkCountry(run: TimeRun, country: string): Promise<void> {
  for (const { edition, at } of run.moments) {
    const want = run.edition(edition, run.countries.get(country));
    compareEntries(await run.importer.list(`city/${country}/`, { limit: 400, at }), want);
  }
}

/** A past that is gone is told as such, and what is left is named and can be read. */
async function checkGone(run: TimeRun, path: string): Promise<void> {
  const { status, body } = await run.importer.send("GET", path);
  equal(status, 410, `${path}: ${body}`);
  const { code, oldest } = JSON.parse(body);
  equal(code, "version_vacuumed");
  ok(oldest > run.moments[2].at && oldest <= newestOf(run), `${oldest} is the oldest`);
  const again = new URL(path, run.server.url);
  again.searchParams.set("at", oldest);
  const answer = await run.importer.send("GET", again.pathname + again.search);
  equal(answer.status, 200, answer.body);
}

/** No version is above now. */
function newestOf({ lastVersionstamp }: TimeRun): string {
  const version = Math.max(Date.now() * 1_000, versionOf(lastVersionstamp));
  return version.toString(16).padStart(16, "0") + "0000";
}

/** Restarts with a short retention, vacuums under load, and sees the space come back. */
export async function checkVacuum(run: TimeRun): Promise<VacuumFigures> {
  const { options, chosen } = run;
  equal(await run.server.stop(), 0, "the exit code after SIGTERM");
  const tableBytesBefore = tableBytes(options.dataDirectory);
  await run.restart(["--retention", "1s"]);
  const load = new Load(run);
  await run.editor.job(vacuumPath, { body: {}, between: () => load.step() });
  await load.check();
  options.onStep(`vacuumed while ${load.requestCount} requests were answered`);
  const [first, second, third] = run.moments;
  for (const { at } of [first, second, third]) {
    await checkGone(
      run,
      `/v1/kv?${new URLSearchParams({ prefix: "city/", at, count_only: "true" })}`,
    );
  }
  await checkCountry(run, chosen[3]);
  await checkHolders(run);
  for (const country of chosen.slice(1, 4)) {
    const query = new URLSearchParams({ prefix: `city/${country}/` });
    await run.editor.json("DELETE", `/v1/admin/retention?${query}`);
  }
  // What a rule has given up already stays so until the retention of the node has passed it.
  do await run.editor.job(vacuumPath, { body: {} }); while ((await holdersOf(run)).length > 1);
  const liveBytes = await checkReport(run);
  const tableBytesAfter = tableBytes(options.dataDirectory);
  ok(tableBytesBefore > 2.5 * liveBytes, `${tableBytesBefore} of ${liveBytes} bytes before`);
  ok(tableBytesAfter < bloatMax * liveBytes, `${tableBytesAfter} of ${liveBytes} bytes after`);
  compareEntries(await run.importer.stream("city/"), run.edition(run.moments.length));
  const { isSound, problems } = await run.editor.job("/v1/admin/check");
  equal(isSound, true, JSON.stringify(problems));
  options.onStep(`the tables shrank from ${tableBytesBefore} to ${tableBytesAfter} bytes`);
  return { tableBytesBefore, tableBytesAfter, liveBytes, requestCount: load.requestCount };
}

/** Readers and writers beside VACUUM. */
class Load {
  requestCount = 0;
  readonly #run: TimeRun;
  readonly #live: readonly Place[];
  /** What each key of the load holds. */
  readonly #written = new Map<string, number>();

  constructor(run: TimeRun) {
    this.#run = run;
    this.#live = run.edition(run.moments.length);
  }

  /** Reads some places and overwrites some keys. */
  async step(): Promise<void> {
    const { importer } = this.#run;
    const work = Array.from({ length: 16 }, async (_, worker) => {
      const number = this.requestCount++;
      if (worker % 2 === 0) {
        const key = `load/${worker}`;
        await importer.put(key, number);
        this.#written.set(key, number);
      } else {
        const { key, value } = this.#live[number * 7_919 % this.#live.length];
        deepEqual(await importer.json("GET", keyPath(key)), value);
      }
    });
    await Promise.all(work);
  }

  /** Everything live is as it was, and as it was written meanwhile. */
  async check(): Promise<void> {
    const { importer } = this.#run;
    ok(this.#written.size > 0, "the job ended before anything was written");
    for (const { key, value } of await importer.stream("load/")) {
      equal(value, this.#written.get(key), key);
    }
    compareEntries(await importer.stream("city/"), this.#live);
  }
}

/** A cursor shows as a holder, and an operator can end it. */
async function checkHolders(run: TimeRun): Promise<void> {
  const { importer, editor, chosen } = run;
  const query = new URLSearchParams({ prefix: `city/${chosen[3]}/`, limit: "1" });
  const page = await importer.json<{ cursor: string }>("GET", `/v1/kv?${query}`);
  const holders = await holdersOf(run);
  deepEqual(holders.map(({ kind }) => kind), ["cursor", "retention", "rule", "rule", "rule"]);
  const cursor = holders.find(({ kind }) => kind === "cursor");
  ok(cursor !== undefined && cursor.owner.includes("importer"), cursor?.owner);
  await editor.json("POST", vacuumPath, { body: { release: cursor.id } });
  query.set("cursor", page.cursor);
  const answer: Answer = await importer.send("GET", `/v1/kv?${query}`);
  equal(answer.status, 410, answer.body);
}

interface Holder {
  readonly id: string;
  readonly kind: string;
  readonly owner: string;
}

/** Returns who keeps old versions, by kind. */
async function holdersOf({ editor }: TimeRun): Promise<Holder[]> {
  const { holders } = await editor.json<{ holders: Holder[] }>("GET", "/v1/admin/holders");
  return holders.sort((left, right) => left.kind < right.kind ? -1 : 1);
}

/** @returns The bytes of live keys and values of all places. */
async function checkReport(run: TimeRun): Promise<number> {
  const body = { report: true, prefix: "city/" };
  const report = await run.editor.job(vacuumPath, { body });
  const { totals, holders } = report as unknown as {
    totals: { liveCount: number; liveBytes: number; deadCount: number; heldCount: number };
    holders: Holder[];
  };
  equal(totals.liveCount, run.base.length);
  equal(totals.deadCount, 0);
  equal(totals.heldCount, 0);
  deepEqual(holders.map(({ kind }) => kind), ["retention"]);
  return totals.liveBytes;
}

/** Returns what all tables take. */
function tableBytes(directory: string): number {
  return folderBytes(directory, ".sst");
}
