/**
 * One Raft group on this node: proposals in, entries through the log, results out.
 *
 * Until the Raft core stands between proposing and appending, a group has this one voter, and an
 * entry is committed once it is durable here.
 *
 * 1. `propose` encodes a command into the batch that gathers.
 * 2. Once no entry is in flight and the machine admits more, the batch is closed: the machine writes
 *    its header, and the log takes the entry.
 * 3. Once that is durable, the next batch is handed to the log first, so that its sync runs while
 *    the entry before is applied.
 * 4. Each proposal gets its result, in order.
 *
 * Invariants:
 *
 *  1. Entries are applied in the order of their indexes, each once, only after they are durable.
 *  2. The hard state is durable before the first entry.
 *  3. A proposal rejected with another code than `outcome_unknown` was not and will not be applied.
 *
 * @module
 */
import type { ByteWriter, Clock, DurationStatistics, Logger, Timer } from "../storage/env/mod.ts";
import { DurationHistogram, invariant } from "../storage/env/mod.ts";
import { StorageError } from "../storage/log/mod.ts";
import { ConsensusError } from "./errors.ts";
import { replayGroup } from "./group_replay.ts";
import type { RaftGroupOptions } from "./group_options.ts";
import { raftGroupOptions } from "./group_options.ts";
import type { NodeLog } from "./node_log.ts";
import { ProposalBatch } from "./proposal_batch.ts";
import type { StateMachine } from "./state_machine.ts";

/** What a group is opened with. */
export interface RaftGroupConfig<Result> {
  readonly groupId: number;
  readonly log: NodeLog;
  readonly machine: StateMachine<Result>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options?: Partial<RaftGroupOptions>;
  /** Called once, when applying has failed: the process must end. */
  onFatal(error: unknown): void;
}

/** Plain numbers for metrics and status. The counts only rise. */
export interface RaftGroupStatistics {
  readonly term: number;
  readonly lastIndex: number;
  readonly appliedIndex: number;
  readonly durableIndex: number;
  readonly proposalCount: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly refusedCount: number;
  readonly waitingBytes: number;
  /** How long the first command of each entry waited until the log was given the entry. */
  readonly entryWait: DurationStatistics;
  /** Applied again when the group was opened. */
  readonly replayedCount: number;
}

/** A group's part on this node. */
export class RaftGroup<Result> {
  readonly #config: RaftGroupConfig<Result>;
  readonly #options: RaftGroupOptions;
  readonly #term: number;
  readonly #batchesFree: ProposalBatch<Result>[] = [];
  /** Those that gather, oldest first; only the last takes more. */
  readonly #queue: ProposalBatch<Result>[] = [];
  #inFlight: ProposalBatch<Result> | undefined;
  #lastIndex: number;
  #waitingBytes = 0;
  #isScheduled = false;
  #admitting: Promise<void> | undefined;
  #deadlineTimer: Timer | undefined;
  #isStopped = false;
  #hasFailed = false;
  #onIdle: (() => void) | undefined;
  #counters = { proposalCount: 0, entryCount: 0, entryBytes: 0, refusedCount: 0 };
  readonly #entryWait = new DurationHistogram();
  readonly #replayedCount: number;

  private constructor(
    config: RaftGroupConfig<Result>,
    start: { options: RaftGroupOptions; term: number; replayedCount: number },
  ) {
    this.#config = config;
    this.#options = start.options;
    this.#term = start.term;
    this.#replayedCount = start.replayedCount;
    this.#lastIndex = config.machine.appliedIndex;
    config.log.onPinned(config.groupId, async () => {
      await config.machine.flush();
      this.#truncate();
    });
    this.#truncate();
  }

  /**
   * Opens a group: applies the committed entries that the machine has not, then takes proposals.
   *
   * @throws {ConsensusError} `corruption`, `disk_full`, `outcome_unknown`.
   */
  static async open<Result>(config: RaftGroupConfig<Result>): Promise<RaftGroup<Result>> {
    const given = raftGroupOptions(config.options);
    const room = config.log.payloadSizeBytesMax - config.machine.headerSizeBytes - 4;
    const options = {
      ...given,
      proposalSizeBytesMax: Math.min(given.proposalSizeBytesMax, room),
      entrySizeBytesMax: Math.min(given.entrySizeBytesMax, room),
    };
    const { term, replayedCount } = await replayGroup(config, options);
    return new RaftGroup(config, { options, term, replayedCount });
  }

  /** Whether this node leads the group. The only voter does. */
  get isLeader(): boolean {
    return !this.#isStopped;
  }

  /**
   * Proposes a command; resolves with its result once it is durable and applied.
   *
   * @param encode Appends the command's bytes; called once, before this returns.
   * @param options.deadlineMs On the monotonic clock. @param options.isUpkeep Whether it asks nothing of
   * the machine: it has an entry of its own, though the machine takes no more.
   * @throws {ConsensusError} Any code but `corruption` and `unsupported_format`.
   */
  propose(
    encode: (out: ByteWriter) => void,
    options: { readonly deadlineMs: number; readonly isUpkeep?: boolean },
  ): Promise<Result> {
    if (this.#isStopped) return this.#refuse("stopped", "the group is closed");
    let batch = options.isUpkeep === true ? this.#upkeepBatch() : this.#gathering();
    const sizeBytes = batch.encode(encode);
    const { proposalSizeBytesMax, waitingSizeBytesMax, entrySizeBytesMax } = this.#options;
    if (sizeBytes > proposalSizeBytesMax) {
      batch.discard();
      return this.#refuse("proposal_too_large", `${sizeBytes} of ${proposalSizeBytesMax} bytes`);
    }
    if (this.#waitingBytes > 0 && this.#waitingBytes + sizeBytes > waitingSizeBytesMax) {
      batch.discard();
      return this.#refuse("overloaded", `${this.#waitingBytes} bytes wait already`);
    }
    if (batch.count > 0 && batch.payload.length > entrySizeBytesMax) {
      const next = this.#newBatch();
      batch.moveLastTo(next);
      batch = next;
    }
    if (batch.count === 0) batch.gatheringSinceMs = this.#config.clock.monotonicMs();
    this.#waitingBytes += sizeBytes;
    this.#counters.proposalCount++;
    this.#schedule();
    return batch.join(options.deadlineMs);
  }

  /** Returns plain numbers for metrics and status. */
  statistics(): RaftGroupStatistics {
    const { machine } = this.#config;
    return {
      ...this.#counters,
      term: this.#term,
      lastIndex: this.#lastIndex,
      appliedIndex: machine.appliedIndex,
      durableIndex: machine.durableIndex,
      waitingBytes: this.#waitingBytes,
      entryWait: this.#entryWait.statistics(),
      replayedCount: this.#replayedCount,
    };
  }

  /** Refuses what has not reached the log, and waits for what has. The machine stays open. */
  async close(): Promise<void> {
    this.#stop(stopped("the group is closed"));
    if (this.#inFlight !== undefined) await new Promise<void>((done) => this.#onIdle = done);
    this.#config.log.onPinned(this.#config.groupId, undefined);
    this.#deadlineTimer?.cancel();
  }

  #refuse(code: "stopped" | "proposal_too_large" | "overloaded", why: string): Promise<Result> {
    this.#counters.refusedCount++;
    return Promise.reject(new ConsensusError(code, `Cannot propose: ${why}`));
  }

  #gathering(): ProposalBatch<Result> {
    const last = this.#queue.at(-1);
    return last === undefined || last.isUpkeep ? this.#newBatch() : last;
  }

  #newBatch(): ProposalBatch<Result> {
    return this.#queue[this.#queue.push(this.#freeBatch()) - 1];
  }

  /** Upkeep goes first: the machine may need it to take more again. */
  #upkeepBatch(): ProposalBatch<Result> {
    const batch = this.#freeBatch();
    batch.isUpkeep = true;
    this.#queue.unshift(batch);
    return batch;
  }

  #freeBatch(): ProposalBatch<Result> {
    const { machine } = this.#config;
    return this.#batchesFree.pop() ?? new ProposalBatch<Result>(machine.headerSizeBytes);
  }

  /** Starts an entry once the events already waiting have been handled: they share it. */
  #schedule(): void {
    this.#armDeadlines();
    if (this.#isScheduled || this.#inFlight !== undefined || this.#isHeldBack) return;
    this.#isScheduled = true;
    this.#config.clock.defer(() => {
      this.#isScheduled = false;
      this.#startNext();
    });
  }

  /** Whether the machine holds back all that there is. */
  get #isHeldBack(): boolean {
    return this.#admitting !== undefined && this.#queue.at(0)?.isUpkeep !== true;
  }

  /** Hands the oldest batch to the log, unless one is in flight or the machine holds back. */
  #startNext(): void {
    if (this.#isStopped || this.#inFlight !== undefined || this.#isHeldBack) return;
    if (this.#queue.length === 0) return;
    if (this.#queue[0].isUpkeep) return this.#handOver();
    let admission: Promise<void> | undefined;
    try {
      admission = this.#config.machine.admission();
    } catch (error) {
      return this.#refuseGathering(error);
    }
    if (admission === undefined) return this.#handOver();
    // Not waited for on close: a machine that has no room may hold back for ever.
    this.#admitting = admission.then(() => {
      this.#admitting = undefined;
      // Not asked again: a machine that slows every writer a little would hold this one for ever.
      if (!this.#isStopped && !this.#inFlight && this.#queue.length > 0) this.#handOver();
    }, (error) => {
      this.#admitting = undefined;
      this.#refuseGathering(error);
    });
  }

  #handOver(): void {
    const { clock, machine, log, groupId } = this.#config;
    const batch = this.#queue[0];
    const bytesBefore = batch.waitingBytes;
    const nowMs = clock.monotonicMs();
    batch.expireGathering(nowMs, deadlineExceeded);
    this.#waitingBytes -= bytesBefore - batch.waitingBytes;
    if (batch.count === 0) {
      this.#queue.shift();
      this.#free(batch);
      return this.#startNext();
    }
    this.#queue.shift();
    this.#entryWait.observe(nowMs - batch.gatheringSinceMs);
    this.#inFlight = batch;
    const index = this.#lastIndex + 1;
    try {
      batch.seal((target, position, count) => machine.sealHeader(target, position, count));
    } catch (error) {
      return this.#crash(error, batch);
    }
    const record = { groupId, term: this.#term, index, payload: batch.payload };
    log.append([{ kind: "entry", ...record }]).then(
      () => this.#finish(batch, index),
      (error) => this.#fail(batch, error),
    );
  }

  /** The entry is durable: starts the next, then applies this one. */
  #finish(batch: ProposalBatch<Result>, index: number): void {
    invariant(index === this.#lastIndex + 1, () => `Entry ${index} follows ${this.#lastIndex}`);
    this.#lastIndex = index;
    this.#inFlight = undefined;
    this.#counters.entryCount++;
    this.#counters.entryBytes += batch.payload.length;
    this.#startNext();
    // Applying the entry before may have failed, or sealing the next.
    if (this.#hasFailed) return this.#settle(batch, outcomeUnknown("the group has failed"));
    try {
      const { machine } = this.#config;
      const results = machine.apply({ index, term: this.#term, payload: batch.payload });
      invariant(machine.appliedIndex === index, () => `Entry ${index} is applied`);
      batch.resolve(results);
    } catch (error) {
      return this.#crash(error, batch);
    }
    this.#release(batch);
    this.#truncate();
  }

  /** The log did not take the entry, or cannot tell. */
  #fail(batch: ProposalBatch<Result>, error: unknown): void {
    this.#inFlight = undefined;
    const isRefused = error instanceof ConsensusError && error.code === "disk_full";
    // Where it is not known what the log holds, nothing is sealed any more either.
    if (isRefused) this.#config.machine.abandon();
    else this.#stop(stopped(error));
    this.#settle(batch, error);
    this.#startNext();
  }

  /** Nothing can be trusted any more: the process must end. */
  #crash(error: unknown, batch?: ProposalBatch<Result>): void {
    if (batch !== undefined) {
      if (this.#inFlight === batch) this.#inFlight = undefined;
      this.#settle(batch, outcomeUnknown(error));
    }
    this.#stop(stopped(error));
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#config.onFatal(error);
  }

  /** The machine refuses writes: nothing of what gathers was sealed. */
  #refuseGathering(error: unknown): void {
    if (this.#isStopped) return;
    const refusal = machineRefusal(error);
    if (refusal === undefined) return this.#crash(error);
    for (const batch of this.#queue.splice(0)) {
      if (batch.isUpkeep) this.#queue.push(batch);
      else this.#settle(batch, refusal);
    }
  }

  #stop(error: ConsensusError): void {
    this.#isStopped = true;
    for (const batch of this.#queue.splice(0)) this.#settle(batch, error);
  }

  #settle(batch: ProposalBatch<Result>, error: unknown): void {
    batch.reject(error);
    this.#release(batch);
  }

  #release(batch: ProposalBatch<Result>): void {
    this.#waitingBytes -= batch.waitingBytes;
    invariant(this.#waitingBytes >= 0, () => `Not less than nothing waits: ${this.#waitingBytes}`);
    this.#free(batch);
    if (this.#inFlight === undefined) this.#onIdle?.();
  }

  #free(batch: ProposalBatch<Result>): void {
    batch.clear();
    batch.isUpkeep = false;
    if (this.#batchesFree.length < 2) this.#batchesFree.push(batch);
  }

  /** One coarse timer for all that wait: a timer each would cost more than the rest of them. */
  #armDeadlines(): void {
    if (this.#deadlineTimer !== undefined) return;
    const { clock } = this.#config;
    this.#deadlineTimer = clock.setTimer(this.#options.deadlineCheckMs, () => {
      this.#deadlineTimer = undefined;
      const nowMs = clock.monotonicMs();
      this.#inFlight?.expireHanded(nowMs, () => outcomeUnknown("its deadline has passed"));
      for (const batch of this.#queue) {
        const bytesBefore = batch.waitingBytes;
        batch.expireGathering(nowMs, deadlineExceeded);
        this.#waitingBytes -= bytesBefore - batch.waitingBytes;
      }
      if (this.#inFlight !== undefined || this.#queue.length > 0) this.#armDeadlines();
    });
  }

  #truncate(): void {
    const { log, groupId, machine } = this.#config;
    log.truncate(groupId, machine.durableIndex);
  }
}

/** Returns what clients hear where the machine refuses writes, undefined where it cannot go on. */
function machineRefusal(error: unknown): ConsensusError | undefined {
  if (!(error instanceof StorageError)) return undefined;
  const { code, message } = error;
  if (code !== "disk_full" && code !== "io" && code !== "corruption") return undefined;
  return new ConsensusError(
    code === "disk_full" ? "disk_full" : "machine_failed",
    `Cannot propose: ${message}`,
    { cause: error },
  );
}

function deadlineExceeded(): ConsensusError {
  return new ConsensusError("deadline_exceeded", "Cannot propose: the deadline has passed");
}

function stopped(cause: unknown): ConsensusError {
  return new ConsensusError("stopped", `Cannot propose: ${String(cause)}`, { cause });
}

function outcomeUnknown(cause: unknown): ConsensusError {
  return new ConsensusError("outcome_unknown", `Cannot tell what became of it: ${String(cause)}`, {
    cause,
  });
}
