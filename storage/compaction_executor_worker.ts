/**
 * The CompactionExecutor of production: merges in a Worker, so that requests do not wait.
 *
 * The thread is started for the first job and lives until `close`, with the permissions of the
 * process. Where it dies, the job that ran is rejected and the next one starts another.
 *
 * Invariant: at most one job is at the thread.
 *
 * @module
 */
import { invariant, InvariantError } from "./env/mod.ts";
import type {
  CompactionExecutor,
  CompactionJob,
  CompactionOutcome,
} from "./compaction_executor.ts";
import type { RunningCompaction } from "./compaction_queue.ts";
import { CompactionQueue } from "./compaction_queue.ts";
import type { CompactionMessage, CompactionReply } from "./compaction_thread_worker.ts";
import { StorageError } from "./errors.ts";

const threadEntry = new URL("./compaction_thread_worker.ts", import.meta.url);

/** A {@linkcode CompactionExecutor} with a thread of its own. */
export class WorkerCompactionExecutor implements CompactionExecutor {
  readonly #entry: URL;
  readonly #queue = new CompactionQueue();
  #worker: Worker | undefined = undefined;
  #running: PromiseWithResolvers<CompactionOutcome> | undefined = undefined;
  #isClosed = false;

  /** @param options `entry` is the thread's module: another one in tests of a thread that dies. */
  constructor(options: { entry?: URL } = {}) {
    this.#entry = options.entry ?? threadEntry;
  }

  run(job: CompactionJob): Promise<CompactionOutcome> {
    return this.#queue.run(job, (isLifted) => this.#start(job, isLifted));
  }

  lift(job: CompactionJob): void {
    this.#queue.lift(job);
  }

  close(): void {
    this.#isClosed = true;
    this.#endThread(new StorageError("closed", "Cannot merge: the executor was closed"));
  }

  #start(job: CompactionJob, isLifted: boolean): RunningCompaction {
    if (this.#isClosed) throw new StorageError("closed", "Cannot merge: the executor was closed");
    invariant(this.#running === undefined, "The compaction thread has one job at a time");
    this.#worker ??= this.#startThread();
    const running = Promise.withResolvers<CompactionOutcome>();
    this.#running = running;
    const send = (message: CompactionMessage) => this.#worker?.postMessage(message);
    send({ kind: "job", job: isLifted ? { ...job, ioBytesPerSecond: 0 } : job });
    return { outcome: running.promise, lift: () => send({ kind: "lift" }) };
  }

  #startThread(): Worker {
    const worker = new Worker(this.#entry, { type: "module", name: "compaction" });
    worker.onmessage = (event: MessageEvent<CompactionReply>) => this.#settle(event.data);
    worker.onerror = (event) => {
      // Left alone, it would end the process as an error that nobody handled.
      event.preventDefault();
      this.#endThread(
        new StorageError("io", `Cannot merge: the compaction thread died: ${event.message}`),
      );
    };
    return worker;
  }

  #settle(reply: CompactionReply): void {
    const running = this.#running;
    invariant(running !== undefined, "An answer of the compaction thread has its job");
    this.#running = undefined;
    if (reply.ok) running.resolve(reply.outcome);
    else if (reply.code === undefined) running.reject(new InvariantError(reply.message));
    else running.reject(new StorageError(reply.code, reply.message));
  }

  #endThread(reason: StorageError): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#running?.reject(reason);
    this.#running = undefined;
  }
}
