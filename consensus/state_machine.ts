/**
 * The StateMachine seam: what a Raft group drives, without knowing what it does.
 *
 * An entry's payload is a header that the machine writes when the batch is closed, and then the
 * commands of the batch, each behind its length:
 *
 * ```
 * header (headerSizeBytes) | u32 length, command | u32 length, command | …
 * ```
 *
 * @module
 */

/** A committed entry on its way into the machine. */
export interface CommittedEntry {
  /** Its place in the group's log, from 1. */
  readonly index: number;
  /** The term it was proposed in. */
  readonly term: number;
  /** Header and commands. Valid during the call only; not to be modified. */
  readonly payload: Uint8Array;
}

/**
 * What a group drives.
 *
 * @typeParam Result What one command answers.
 */
export interface StateMachine<Result> {
  /** The index of the last entry applied, 0 before the first. Those up to it are never replayed. */
  readonly appliedIndex: number;
  /** The term of that entry. */
  readonly appliedTerm: number;
  /** The index up to which what was applied is durable in the machine itself. */
  readonly durableIndex: number;
  /** How many bytes the machine's header takes. Constant. */
  readonly headerSizeBytes: number;

  /**
   * Writes the header of a batch that has just been closed.
   *
   * @param target Where to; exactly `headerSizeBytes` bytes from `position` on.
   * @param commandCount How many commands the batch holds, at least 1.
   */
  sealHeader(target: Uint8Array, position: number, commandCount: number): void;

  /** Says that the entry sealed last will never be applied: the log did not take it. */
  abandon(): void;

  /**
   * Applies an entry: the same on every replica, in one turn, in log order. Whatever it throws ends
   * the process.
   *
   * @returns One result per command, in order.
   */
  apply(entry: CommittedEntry): Result[];

  /**
   * Says whether more may be applied: `undefined` when it may, else a promise that resolves when the
   * machine has slowed its callers enough. The group takes no new batch before.
   *
   * @throws {StorageError} `disk_full`, `io`, `corruption` (thrown or rejected) where writes must be
   * refused and reads may go on. Anything else ends the process.
   */
  admission(): Promise<void> | undefined;

  /** Makes everything applied durable in the machine, so that its log may be cut. */
  flush(): Promise<void>;
}
