/**
 * The entry of the compaction thread: takes a job, merges over the host's disk, answers.
 *
 * `compaction_executor_worker.ts` is the other end and sends one job at a time.
 *
 * @module
 */
import { DenoDisk } from "./env/mod.ts";
import type { CompactionJob, CompactionOutcome } from "./compaction_executor.ts";
import type { StorageErrorCode } from "./errors.ts";
import { StorageError } from "./errors.ts";
import { compact } from "./lsm/compaction.ts";

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
  onmessage: ((event: MessageEvent<CompactionJob>) => void) | null;
  postMessage(reply: CompactionReply): void;
}

const scope = globalThis as unknown as WorkerScope;
const disk = new DenoDisk();

scope.onmessage = (event) => {
  compact(event.data, { disk }).then(
    (outcome) => scope.postMessage({ ok: true, outcome }),
    (error: unknown) => scope.postMessage(replyOf(error)),
  );
};

function replyOf(error: unknown): CompactionReply {
  if (error instanceof StorageError) {
    return { ok: false, code: error.code, message: error.message };
  }
  const message = error instanceof Error ? error.stack ?? error.message : String(error);
  return { ok: false, code: undefined, message };
}
