/**
 * VACUUM by request: one sweep over a range of a tree, a merge at a time, between the urgent ones of the
 * compaction lane. Flushes, writes and reads go on beside it.
 *
 * A tree has one at a time; further requests wait for their turn. What was merged stays merged: a run
 * that was cancelled, ran into a full disk or ended with the process is taken up by the next one, which
 * finds less to do.
 *
 * | what ends a run early | what follows |
 * | --- | --- |
 * | `isCancelled` | the merge that runs goes on without limit, to its end; the outcome says so |
 * | `disk_full`, `io`, `corruption` of its merge | the run rejects; the lane goes on, and no write is refused for it |
 * | a lane that cannot get on with an urgent merge | the run rejects with its failure |
 * | `close` | the run rejects with `closed` |
 *
 * @module
 */
import type { WorkLane } from "./background.ts";
import { isBearable } from "./background.ts";
import type { Clock } from "./env/mod.ts";
import { StorageError } from "./errors.ts";
import type { Horizons } from "./key_space.ts";
import type { CompactionPlan, CompactionState } from "./lsm/compaction_picker.ts";
import type { ReclaimMemory } from "./reclaim_memory.ts";
import { VacuumSweep } from "./vacuum_sweep.ts";

/** How often a request is asked whether it was cancelled while a merge runs. */
const cancelPollMs = 200;

/** What is to be vacuumed. */
export interface VacuumRequest {
  /** The first tree key; all if not given. */
  readonly start?: string;
  /** The first tree key behind; no end if not given. */
  readonly end?: string;
  /** Bytes read and written a second, together; 0 for no limit; the tree's option if not given. */
  readonly ioBytesPerSecond?: number;
  /** Asked now and then: whether to give up. */
  isCancelled?(): boolean;
  /** Called between merges. Must not throw. */
  onProgress?(progress: VacuumProgress): void;
}

/** How far a vacuum has come, in bytes of tables. */
export interface VacuumProgress {
  /** Merged. */
  readonly doneBytes: number;
  /** Those, and what is still to be looked at. Grows as tables go down to levels not looked at yet. */
  readonly totalBytes: number;
}

/** What merges came to. */
export interface MergeFigures {
  /** Bytes of the tables that were merged. */
  readonly readBytes: number;
  /** Bytes of their results. */
  readonly writtenBytes: number;
  /** Entries that were dropped. */
  readonly droppedCount: number;
  /** Bytes of keys and values of those. */
  readonly droppedBytes: number;
  /** Tables that were merged or moved. */
  readonly tableCount: number;
}

/** What a vacuum came to. */
export interface VacuumOutcome extends MergeFigures {
  /** Whether it gave up because it was told to. */
  readonly isCancelled: boolean;
}

/** What a {@linkcode Vacuum} stands on. */
export interface VacuumConfig {
  /** For looking whether a request was cancelled. */
  readonly clock: Clock;
  /** What merges have left. */
  readonly memory: ReclaimMemory;
  /** The limit of a request that names none. */
  readonly ioBytesPerSecond: number;
  /** Returns the tables as they are. */
  readonly state: () => CompactionState;
  /** Returns what may be dropped: as of the last flush. */
  readonly horizons: () => Horizons;
  /** Takes out tables that are dead as a whole; undefined where there is none. */
  readonly dropDead: () => Promise<MergeFigures | undefined>;
  /** Merges. */
  readonly carryOut: (plan: CompactionPlan, ioBytesPerSecond: number) => Promise<MergeFigures>;
  /** Takes the limit from the merge that runs. */
  readonly makeHaste: () => void;
}

/** Where the steps are done, and who waits for them. */
export interface VacuumLane {
  /** Calls `Vacuum.step`. */
  readonly lane: WorkLane;
  /** Resolves once the lane has got on, or failed, or the engine is closing. */
  progress(): Promise<void>;
  /** Throws where the engine takes no more work at all. */
  checkUsable(): void;
}

/** One request that has its turn. */
class Run {
  readonly request: VacuumRequest;
  readonly sweep: VacuumSweep;
  isEnded = false;
  isCancelled = false;
  failure: StorageError | undefined;
  readonly #figures = { ...noFigures };

  constructor(request: VacuumRequest, sweep: VacuumSweep) {
    this.request = request;
    this.sweep = sweep;
  }

  get outcome(): VacuumOutcome {
    return { ...this.#figures, isCancelled: this.isCancelled };
  }

  add(merged: MergeFigures): void {
    const figures = this.#figures;
    figures.readBytes += merged.readBytes;
    figures.writtenBytes += merged.writtenBytes;
    figures.droppedCount += merged.droppedCount;
    figures.droppedBytes += merged.droppedBytes;
    figures.tableCount += merged.tableCount;
  }
}

/** Nothing is done while the lane waits after an urgent merge that failed. */
function checkGoesOn({ failure, isBusy }: WorkLane): void {
  if (failure !== undefined && !isBusy) throw again(failure);
}

/** Thrown to one caller: a failure that others meet too gets a stack each time. */
function again({ code, message }: StorageError): StorageError {
  return new StorageError(code, `Cannot vacuum: ${message}`);
}

/** Of no merge. */
export const noFigures: MergeFigures = {
  readBytes: 0,
  writtenBytes: 0,
  droppedCount: 0,
  droppedBytes: 0,
  tableCount: 0,
};

/** The manual VACUUM of one tree. */
export class Vacuum {
  readonly #config: VacuumConfig;
  #run: Run | undefined;

  constructor(config: VacuumConfig) {
    this.#config = config;
  }

  /** Whether a request has its turn. */
  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Vacuums: as `Engine.vacuum()`.
   *
   * @throws {StorageError} `disk_full`, `io`, `corruption`, `closed`.
   */
  async run(
    request: VacuumRequest,
    { lane, progress, checkUsable }: VacuumLane,
  ): Promise<VacuumOutcome> {
    while (this.#run !== undefined) {
      if (request.isCancelled?.() === true) return { ...noFigures, isCancelled: true };
      checkGoesOn(lane);
      await progress();
      checkUsable();
    }
    const run = new Run(request, this.#sweepOf(request));
    this.#run = run;
    const stopPolling = this.#pollCancel(run);
    try {
      lane.retry();
      lane.wake();
      while (!run.isEnded) {
        checkGoesOn(lane);
        await progress();
        checkUsable();
      }
      if (run.failure !== undefined) throw again(run.failure);
      return run.outcome;
    } finally {
      stopPolling();
      this.#end(run);
    }
  }

  /** Does one merge of the request that has its turn. @returns Whether there is one. */
  async step(): Promise<boolean> {
    const run = this.#run;
    if (run === undefined) return false;
    run.isCancelled = run.request.isCancelled?.() === true;
    try {
      if (run.isCancelled || !await this.#advance(run)) this.#end(run);
    } catch (error) {
      this.#end(run);
      if (!(error instanceof StorageError) || !isBearable(error)) throw error;
      run.failure = error;
    }
    return true;
  }

  /** Does one merge. @returns Whether there was one. */
  async #advance(run: Run): Promise<boolean> {
    const { dropDead, carryOut, state, ioBytesPerSecond } = this.#config;
    const { request, sweep } = run;
    const dropped = await dropDead();
    if (dropped !== undefined) run.add(dropped);
    const plan = sweep.next(state());
    if (plan !== undefined) {
      run.add(await carryOut(plan, request.ioBytesPerSecond ?? ioBytesPerSecond));
      sweep.done(plan);
    }
    const doneBytes = run.outcome.readBytes;
    const remainingBytes = plan === undefined ? 0 : sweep.remainingBytes(state());
    request.onProgress?.({ doneBytes, totalBytes: doneBytes + remainingBytes });
    return plan !== undefined;
  }

  #sweepOf({ start = "", end }: VacuumRequest): VacuumSweep {
    const { memory } = this.#config;
    const tables = this.#config.state().levels.flat();
    const lastTableNumber = tables.reduce((last, { number }) => Math.max(last, number), 0);
    return new VacuumSweep({
      start,
      end,
      lastTableNumber,
      horizons: this.#config.horizons(),
      memory,
    });
  }

  /** A throttled merge may take minutes: one that nobody waits for any more makes haste. */
  #pollCancel({ request }: Run): () => void {
    if (request.isCancelled === undefined) return () => {};
    const { clock, makeHaste } = this.#config;
    const look = () => {
      if (request.isCancelled?.() === true) makeHaste();
      timer = clock.setTimer(cancelPollMs, look);
    };
    let timer = clock.setTimer(cancelPollMs, look);
    return () => timer.cancel();
  }

  #end(run: Run): void {
    run.isEnded = true;
    if (this.#run === run) this.#run = undefined;
  }
}
