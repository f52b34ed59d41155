/**
 * How the past is read back: at noted times, by the history of keys, and from the watch.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { compareEntries, inPieces, keyPath } from "./api.ts";
import type { Moment, TimeRun } from "./time_run.ts";
import type { WatchedCommit, WatchedEvent } from "./watcher.ts";

const sampleCount = 200;
const pageCount = 400;

/** Reads everything back as of a time: single keys, whole countries, the count, and all at once. */
export async function checkMoment(run: TimeRun, { edition, at }: Moment): Promise<void> {
  const { importer } = run;
  const query = new URLSearchParams({ at });
  const step = Math.ceil(run.base.length / sampleCount);
  await inPieces(run.edition(edition, run.base.filter((_, index) => index % step === 0)), {
    sizeOfPiece: 10,
    workerCount: 4,
    async work(piece) {
      for (const { key, value } of piece) {
        deepEqual(await importer.json("GET", `${keyPath(key)}?${query}`), value, `${key} at ${at}`);
      }
    },
  });
  for (const country of run.chosen) {
    const want = run.edition(edition, run.countries.get(country));
    compareEntries(await importer.list(`city/${country}/`, { limit: pageCount, at }), want);
  }
  query.set("prefix", "city/");
  const { count } = await importer.json<{ count: number }>("GET", `/v1/kv?${query}&count_only`);
  equal(count, run.base.length);
  compareEntries(await importer.stream("city/", { at }), run.edition(edition));
}

/** Holds the histories of some places against the editions that were written. */
export async function checkHistories(run: TimeRun, editionCount: number): Promise<void> {
  const { importer } = run;
  const single = new Set(run.chosen.slice(0, 2));
  const step = Math.ceil(run.base.length / sampleCount);
  // Transactions have written some places twice an edition.
  const list = run.base.filter(({ country, key }, index) =>
    index % step === 0 && !single.has(country) && !run.unknownKeys.has(key)
  );
  ok(list.length > sampleCount / 2, `${list.length} places of one write an edition`);
  for (const { key } of list) {
    const versions = await importer.history(key);
    deepEqual(
      versions.map(({ value }) => (value as { edition: number }).edition),
      Array.from({ length: editionCount }, (_, index) => editionCount - index),
      key,
    );
    versions.forEach((version, index) => {
      equal(version.op, "set");
      equal(version.node, "node1");
      equal(version.token, "importer");
      const newer = versions[index - 1];
      ok(newer === undefined || version.versionstamp < newer.versionstamp, "newest first");
      ok(newer === undefined || version.time < newer.time, "newest first");
    });
  }
}

/** Deletes a place, brings its second edition back, and looks at who did what. */
export async function checkUndelete(run: TimeRun): Promise<void> {
  const { editor } = run;
  const [victim] = run.countries.get(run.chosen[0]) ?? [];
  const path = keyPath(victim.key);
  const deleted = await editor
    .json<{ deleted: boolean; versionstamp: string }>("DELETE", path);
  equal(deleted.deleted, true);
  run.noteCommit(deleted.versionstamp, [victim.key]);
  equal((await editor.send("GET", path)).status, 404);
  const moment = run.moments.find(({ edition }) => edition === 2);
  const body = { revertTo: moment?.at };
  const { versionstamp } = await editor
    .json<{ versionstamp: string }>("POST", keyPath(victim.key, "/v1/history/"), { body });
  run.noteCommit(versionstamp, [victim.key]);
  const [second] = run.edition(2, [victim]);
  deepEqual(await editor.json("GET", path), second.value);
  const [newest, before, ...rest] = await editor.history(victim.key);
  deepEqual(newest.value, second.value);
  deepEqual([newest.op, newest.node, newest.token], ["set", "node1", "editor"]);
  deepEqual([before.op, before.node, before.token], ["delete", "node1", "editor"]);
  equal(newest.versionstamp, versionstamp);
  equal(before.versionstamp, deleted.versionstamp);
  ok(rest.length >= 4 && rest.every(({ token }) => token === "importer"));
  // As it was again, for the steps behind.
  const [last] = run.edition(run.moments.length, [victim]);
  run.noteCommit(await editor.put(victim.key, last.value), [victim.key]);
}

/** Writes a key that lives for a second, and waits until the watch tells that it is gone. */
export async function checkExpiry(run: TimeRun): Promise<void> {
  const { editor, watcher } = run;
  const key = `${run.watchedPrefix}soon gone`;
  const put = await editor.put(key, { is: "here" }, "?ttl=1s");
  run.noteCommit(put, [key]);
  const path = keyPath(key);
  const found = await editor.send("GET", path);
  ok(found.headers.has("expires"));
  const isExpire = ({ op }: WatchedEvent) => op === "expire";
  await watcher.until(
    () => watcher.commits.some(({ events }) => events.some(isExpire)),
    `the end of ${key}`,
  );
  equal((await editor.send("GET", path)).status, 404);
  deepEqual(await editor.json("GET", `${path}?at=${put}`), { is: "here" });
  const [newest, before] = await editor.history(key);
  deepEqual([newest.op, newest.token], ["expire", ""]);
  equal(before.versionstamp, put);
}

/**
 * Holds what the watch has told against the histories of all keys that it watches, against what was
 * acknowledged, and against a watch that begins now where the first one began.
 *
 * @returns How many commits there were.
 */
export async function checkWatch(run: TimeRun, from: string): Promise<number> {
  const { editor, watcher, acknowledged } = run;
  const lastKey = `${run.watchedPrefix}the last`;
  run.noteCommit(await editor.put(lastKey, 1), [lastKey]);
  const { versionstamp: last } = await editor
    .json<{ versionstamp: string }>("DELETE", keyPath(lastKey));
  run.noteCommit(last, [lastKey]);
  await watcher.untilVersion(last);
  const told = watcher.commits.map(plain);
  const kept = await commitsOfHistories(run);
  deepEqual(told, kept);
  const writes = new Map(told.map(({ versionstamp, events }) => [versionstamp, events]));
  for (const [versionstamp, keys] of acknowledged) {
    const events = writes.get(versionstamp) ?? [];
    deepEqual(events.map(({ key }) => key), keys.toSorted(), `the commit ${versionstamp}`);
  }
  for (const { versionstamp, events } of told) {
    if (acknowledged.has(versionstamp)) continue;
    const isUnknown = ({ op, key }: WatchedEvent) => op === "expire" || run.unknownKeys.has(key);
    ok(events.every(isUnknown), `${versionstamp} was told, but never asked for`);
  }
  const again = run.newWatcher({ from, withPrevious: true });
  await again.connect(run.server.url);
  await again.untilVersion(last);
  await again.close();
  deepEqual(again.commits.map(plain), told);
  checkPrevious(again.commits);
  return told.length;
}

/** Returns a commit with its events in the order of their keys, and without what was before. */
function plain({ versionstamp, events }: WatchedCommit): WatchedCommit {
  const shown = events.map((event): WatchedEvent => {
    equal(event.versionstamp, versionstamp);
    const { op, key, value } = event;
    return { op, key, value: op === "set" ? value : undefined, versionstamp };
  });
  return { versionstamp, events: shown.sort((left, right) => left.key < right.key ? -1 : 1) };
}

async function commitsOfHistories(run: TimeRun): Promise<WatchedCommit[]> {
  const { editor, watchedPrefix } = run;
  const commits = new Map<string, WatchedEvent[]>();
  const keys = [
    ...(run.countries.get(run.chosen[0]) ?? []).map(({ key }) => key),
    `${watchedPrefix}soon gone`,
    `${watchedPrefix}the last`,
  ];
  await inPieces(keys, {
    sizeOfPiece: 20,
    workerCount: 4,
    async work(piece) {
      for (const key of piece) {
        for (const { op, value, versionstamp } of await editor.history(key)) {
          const events = commits.get(versionstamp) ?? [];
          commits.set(versionstamp, events);
          events.push({ op, key, value, versionstamp });
        }
      }
    },
  });
  return [...commits].sort(([left], [right]) => left < right ? -1 : 1)
    .map(([versionstamp, events]) => plain({ versionstamp, events }));
}

/** Each event's value before is the one that the event before it told. */
function checkPrevious(commits: readonly WatchedCommit[]): void {
  const values = new Map<string, unknown>();
  for (const { op, key, value, prev, versionstamp } of commits.flatMap(({ events }) => events)) {
    if (op !== "expire") deepEqual(prev?.value, values.get(key), `${key} before ${versionstamp}`);
    values.set(key, op === "set" ? value : undefined);
  }
}
