/**
 * Walks a range of a tree without keeping others from their work.
 *
 * A short walk runs in one go. A longer one takes a hold, gives way every few milliseconds and looks
 * at its deadline each time, on its way over deleted keys too.
 *
 * @module
 */
import type { Clock } from "../storage/env/mod.ts";
import type { TreeRange } from "./command.ts";
import type { SnapshotHold } from "./database.ts";
import { checkDeadline } from "./failures.ts";
import type { ReadStore, StoreCursor } from "./replica_store.ts";

const sliceMsMax = 2;
const stepsPerLook = 64;
const passedPerLook = 2_048;

/** What a walk needs. */
export interface WalkOptions {
  readonly store: ReadStore;
  readonly clock: Clock;
  readonly range: TreeRange;
  readonly version: number;
  readonly reverse?: boolean;
  /** Until when it may take, on the monotonic clock. */
  readonly deadlineMs: number;
  /** Takes a hold at `version`: called at most once, before the walk first gives way. */
  hold(): SnapshotHold;
}

/**
 * Visits the live values of a range in order until the visitor returns false or the range ends.
 *
 * @throws {ShardError} `deadline_exceeded`.
 */
export async function walkRange(
  options: WalkOptions,
  visit: (cursor: StoreCursor) => boolean,
): Promise<void> {
  const { store, clock, range, version, reverse, deadlineMs } = options;
  checkDeadline(clock.monotonicMs(), deadlineMs);
  if (range.start >= range.end) return;
  const { start, end } = range;
  const cursor = store.cursor({ start, end, version, reverse, pauseAfterCount: passedPerLook });
  let held: SnapshotHold | undefined;
  try {
    let sliceStartMs = clock.monotonicMs();
    let stepCount = 0;
    while (cursor.isValid || cursor.isPaused) {
      if (cursor.isPaused) {
        cursor.resume();
      } else {
        if (!visit(cursor)) break;
        cursor.next();
        stepCount++;
      }
      if (!cursor.isPaused && stepCount % stepsPerLook !== 0) continue;
      if (clock.monotonicMs() - sliceStartMs < sliceMsMax) continue;
      held ??= options.hold();
      await clock.yield();
      sliceStartMs = clock.monotonicMs();
      checkDeadline(sliceStartMs, deadlineMs);
    }
  } finally {
    cursor.close();
    held?.release();
  }
}
