/**
 * The past of real input: `deno task cities:time`.
 *
 *  1. Imports every place and writes all of them three times more, each time noting when that was
 *     so. While the last edition is written, the first is read back.
 *  2. In the middle of one edition the server is killed with -9. A watch of one country, opened
 *     before the first write, resumes.
 *  3. Reads everything back at each noted time; histories tell of every edition and who wrote it.
 *  4. Deletes a place and brings it back; waits for a key that expires.
 *  5. The watch has told every commit of its country exactly once and in order: those acknowledged,
 *     and those of unknown outcome that the histories tell of.
 *  6. Retention shortens the past, and VACUUM gives its space back while others read and write.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import { inPieces, setOperation } from "./api.ts";
import type { Place } from "./places.ts";
import {
  checkExpiry,
  checkHistories,
  checkMoment,
  checkUndelete,
  checkWatch,
} from "./time_checks.ts";
import { TimeRun, type TimeRunOptions } from "./time_run.ts";
import { checkRules, checkVacuum, type VacuumFigures } from "./vacuum_checks.ts";

/** What was done, for the caller to print. */
export interface CitiesTimeReport extends VacuumFigures {
  readonly placeCount: number;
  readonly watchedCommitCount: number;
  readonly connectionCount: number;
  readonly unknownCount: number;
}

/** Runs the whole job. @throws AssertionError at the first difference. */
export async function runCitiesTime(options: TimeRunOptions): Promise<CitiesTimeReport> {
  const run = await TimeRun.start(options);
  try {
    const from = await run.editor.put("before", "everything");
    await run.watcher.connect(run.server.url);
    await run.writeEdition(1);
    await run.noteMoment(1, "versionstamp");
    options.onStep(`imported ${run.base.length} places`);
    await run.writeEdition(2);
    await run.noteMoment(2, "clock");
    options.onStep("wrote all of them again");
    await writeThroughKill(run, 3);
    await run.noteMoment(3, "versionstamp");
    options.onStep(`wrote all of them through a kill, ${run.unknownKeys.size} in doubt`);
    await Promise.all([run.writeEdition(4), checkMoment(run, run.moments[0])]);
    await run.noteMoment(4, "versionstamp");
    options.onStep("wrote all of them while the first edition was read");
    for (const moment of run.moments) await checkMoment(run, moment);
    options.onStep("read every edition back at its time");
    await checkHistories(run, run.moments.length);
    await checkUndelete(run);
    await checkExpiry(run);
    options.onStep("undeleted a place by its history, and saw a key expire");
    const watchedCommitCount = await checkWatch(run, from);
    options.onStep(`found ${watchedCommitCount} commits in the watch, each once`);
    await run.watcher.close();
    await checkRules(run);
    const figures = await checkVacuum(run);
    equal(await run.server.stop(), 0, "the exit code after SIGTERM");
    return {
      placeCount: run.base.length,
      watchedCommitCount,
      connectionCount: run.watcher.connectionCount,
      unknownCount: run.unknownKeys.size,
      ...figures,
    };
  } finally {
    await run.server.kill();
    await run.watcher.close();
  }
}

/** Writes an edition; the server is killed about in the middle, and the next one gets the rest. */
async function writeThroughKill(run: TimeRun, edition: number): Promise<void> {
  const list = run.scattered(run.edition(edition));
  const acknowledged = new Set<string>();
  let kill: Promise<void> | undefined;
  const { server, importer } = run;
  const write = async (piece: readonly Place[]): Promise<void> => {
    if (kill !== undefined) return;
    const answer = importer.batch(piece.map(setOperation));
    // With this request on its way, and those of the other workers.
    if (acknowledged.size >= list.length / 2) kill = server.kill();
    try {
      run.note(piece, await answer);
    } catch (error) {
      // Once the server is dead the connection breaks; before, nothing may fail.
      if (kill === undefined) throw error;
      for (const { key } of piece) run.unknownKeys.add(key);
      return;
    }
    for (const { key } of piece) acknowledged.add(key);
  };
  await inPieces(list, { sizeOfPiece: 200, workerCount: 8, work: write });
  ok(kill !== undefined, "all was written before the server was killed");
  await kill;
  await run.watcher.broken();
  await run.restart();
  const rest = list.filter(({ key }) => !acknowledged.has(key));
  const middle = Math.floor(rest.length / 3);
  await run.write(rest.slice(0, middle));
  await Promise.all([run.watcher.connect(run.server.url), run.write(rest.slice(middle))]);
  await run.writeTogether(edition);
}

if (import.meta.main) {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo_cities_time_" });
  const started = performance.now();
  const print = (text: string) => {
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    Deno.stdout.writeSync(new TextEncoder().encode(`${seconds.padStart(6)} s  ${text}\n`));
  };
  try {
    const placeCountMax = Number(Deno.args[0] ?? Infinity);
    const report = await runCitiesTime({ dataDirectory, placeCountMax, onStep: print });
    print(JSON.stringify(report));
  } finally {
    Deno.removeSync(dataDirectory, { recursive: true });
  }
}
