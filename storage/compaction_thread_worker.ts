/**
 * The entry of the compaction thread: takes a job, merges over the host's disk, answers.
 *
 * `compaction_executor_worker.ts` is the other end and sends one job at a time; while it runs, at
 * most that its limit is lifted. A job with a limit waits by this thread's own timer between steps, and
 * only there does it hear of that.
 *
 * @module
 */
import { DenoDisk } from "./env/mod.ts";
import type { CompactionJob, CompactionOutcome } from "./compaction_executor.ts";
import type { StorageErrorCode } from "./errors.ts";
import { StorageError } from "./errors.ts";
import { IoPacer } from "./io_pacer.ts";
import { compact } from "./lsm/compaction.ts";

/** What the thread is told. */
export type CompactionMessage =
  | { readonly kind: "job"; readonly job: CompactionJob }
  /** The job that runs has no limit any more. One that has just ended does not mind. */
  | { readonly kind: "lift" };

/** What the thread answers. */
export type CompactionReply =
  | { readonly ok: true; readonly outcome: CompactionOutcome }
  | {
    readonly ok: false;
    /** Undefined where the error is not the world's but ours. */
    readonly code: StorageErrorCode | undefined;
    readonly message: string;
  };

/** The part of a Worker's own scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<CompactionMessage>) => void) | null;
  postMessage(reply: CompactionReply): void;
}

const scope = globalThis as unknown as WorkerScope;
const disk = new DenoDisk();
/** Lifts the limit of the job that runs. */
let lift: () => void = () => {};

scope.onmessage = ({ data }) => {
  if (data.kind === "lift") return lift();
  merge(data.job).then(
    (outcome) => scope.postMessage({ ok: true, outcome }),
    (error: unknown) => scope.postMessage(replyOf(error)),
  );
};

async function merge(job: CompactionJob): Promise<CompactionOutcome> {
  const pacer = new IoPacer(job.ioBytesPerSecond);
  let wake = () => {};
  lift = () => {
    pacer.lift();
    wake();
  };
  const pause = async (ioBytes: number) => {
    const startMs = performance.now();
    const delayMs = pacer.delayMs(ioBytes, startMs);
    if (delayMs === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    pacer.throttledMs += performance.now() - startMs;
  };
  const result = await compact(job, { disk, pause });
  return { ...result, throttledMs: pacer.throttledMs };
}

function replyOf(error: unknown): CompactionReply {
  if (error instanceof StorageError) {
    return { ok: false, code: error.code, message: error.message };
  }
  const message = error instanceof Error ? error.stack ?? error.message : String(error);
  return { ok: false, code: undefined, message };
}
