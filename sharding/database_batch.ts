/**
 * Batches: many operations in one request, each on its own, those on one key in their order.
 *
 * 1. A get that no earlier operation of the batch writes to reads the state before the batch, all of
 *    them at one version.
 * 2. Writes are proposed in order without waiting, so that they share entries of the log.
 * 3. A get behind a write of its key is proposed too, as a transaction that only reads: the log then
 *    puts it exactly between the writes around it.
 *
 * With a request identity every operation, gets included, is a command with an identity of its own,
 * made of the request's and the operation's place. The first is decided alone: where it shows that
 * the identity is remembered with another body, or fails, nothing else runs.
 *
 * @module
 */
import { type Clock, InvariantError } from "../storage/env/mod.ts";
import type {
  BatchOperation,
  BatchOperationResult,
  Command,
  CommandResult,
  Database,
  RequestIdentity,
  SnapshotHold,
  WriteOptions,
} from "./database.ts";
import { readsSizeBytesMax } from "./apply_transaction.ts";
import { ShardError } from "./errors.ts";

/** How many operations of a batch wait in front of the log at a time. */
const inFlightCountMax = 1_024;

/**
 * How many bytes of values of a batch wait there: a quarter of what the log lets wait, or a large
 * batch would be refused for want of room that it takes itself.
 */
const inFlightSizeBytesMax = 16_777_216;

/** How many keys are read in one go before others get their turn. */
const readCountPerTurn = 256;

/** What a batch runs on. */
export interface BatchTarget extends Pick<Database, "get" | "hold"> {
  readonly clock: Clock;
  /** Offers a command to the log, one that only reads included. */
  propose(command: Command, options: WriteOptions): Promise<CommandResult>;
}

/** Results by the place of their operation; undefined until it is decided. */
type Results = (BatchOperationResult | undefined)[];

/**
 * Runs a batch.
 *
 * @returns One result per operation, in order; a failed one does not touch the others.
 */
export function runBatch(
  operations: readonly BatchOperation[],
  options: WriteOptions,
  target: BatchTarget,
): Promise<readonly BatchOperationResult[]> {
  return options.request === undefined
    ? runPlain(operations, options, target)
    : runRemembered(operations, { ...options, request: options.request }, target);
}

async function runPlain(
  operations: readonly BatchOperation[],
  options: WriteOptions,
  target: BatchTarget,
): Promise<readonly BatchOperationResult[]> {
  const written = new Set<string>();
  const early: number[] = [];
  const late: number[] = [];
  for (let index = 0; index < operations.length; index++) {
    const { op, key } = operations[index];
    if (op === "get" && !written.has(key)) {
      early.push(index);
    } else {
      late.push(index);
      if (op !== "get") written.add(key);
    }
  }
  const results: Results = new Array(operations.length);
  const readOptions = { deadlineMs: options.deadlineMs };
  await readEarly(early, { operations, results, target, ...readOptions });
  const run = (index: number) => runOne(operations[index], options, target);
  await runInOrder(late, operations, { results, run });
  return complete(results);
}

async function runRemembered(
  operations: readonly BatchOperation[],
  options: WriteOptions & { readonly request: RequestIdentity },
  target: BatchTarget,
): Promise<readonly BatchOperationResult[]> {
  if (operations.length === 0) return [];
  const run = (index: number) => {
    const request = requestOfOperation(options.request, index);
    return runOne(operations[index], { ...options, request }, target);
  };
  const first = await run(0);
  const isRefused = first.kind === "failed" ||
    (first.kind === "write" && first.result.outcome === "request_mismatch");
  if (isRefused) return operations.map(() => first);
  const results: Results = new Array(operations.length);
  results[0] = first;
  const others = operations.map((_, index) => index).slice(1);
  await runInOrder(others, operations, { results, run });
  return complete(results);
}

/** Reads at one version, some keys at a time, so that others get their turn in between. */
async function readEarly(
  indexes: readonly number[],
  batch: {
    operations: readonly BatchOperation[];
    results: Results;
    target: BatchTarget;
    deadlineMs: number;
  },
): Promise<void> {
  if (indexes.length === 0) return;
  const { operations, results, target, deadlineMs } = batch;
  const snapshot = target.hold({ kind: "read", owner: "batch" });
  try {
    let sizeBytes = 0;
    for (let count = 0; count < indexes.length; count++) {
      if (count > 0 && count % readCountPerTurn === 0) await target.clock.yield();
      const { key } = operations[indexes[count]];
      const result = sizeBytes > readsSizeBytesMax
        ? { kind: "failed" as const, error: readsTooLarge() }
        : await readOne(key, { deadlineMs, snapshot, target });
      if (result.kind === "read") sizeBytes += result.result.value?.bytes.length ?? 0;
      results[indexes[count]] = result;
    }
  } finally {
    snapshot.release();
  }
}

async function readOne(
  key: string,
  options: { deadlineMs: number; snapshot: SnapshotHold; target: BatchTarget },
): Promise<BatchOperationResult> {
  const { deadlineMs, snapshot, target } = options;
  try {
    return { kind: "read", result: await target.get(key, { deadlineMs, snapshot }) };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** Starts operations in order, bounded in number and bytes ahead of the oldest that is undecided. */
async function runInOrder(
  indexes: readonly number[],
  operations: readonly BatchOperation[],
  target: { results: Results; run(index: number): Promise<BatchOperationResult> },
): Promise<void> {
  const pending: { readonly settled: Promise<void>; readonly sizeBytes: number }[] = [];
  let oldest = 0;
  let sizeBytesInFlight = 0;
  for (const index of indexes) {
    const operation = operations[index];
    const sizeBytes = operation.op === "set" ? operation.value.bytes.length : 0;
    while (
      pending.length - oldest >= inFlightCountMax ||
      (pending.length > oldest && sizeBytesInFlight + sizeBytes > inFlightSizeBytesMax)
    ) {
      await pending[oldest].settled;
      sizeBytesInFlight -= pending[oldest].sizeBytes;
      oldest++;
    }
    sizeBytesInFlight += sizeBytes;
    const settled = target.run(index).then((result) => {
      target.results[index] = result;
    });
    pending.push({ settled, sizeBytes });
  }
  await Promise.all(pending.map(({ settled }) => settled));
}

/** Proposes one operation. Never rejects: a failure is its result. */
async function runOne(
  operation: BatchOperation,
  options: WriteOptions,
  target: BatchTarget,
): Promise<BatchOperationResult> {
  try {
    const result = await target.propose(commandOf(operation), options);
    return operation.op === "get" ? readResultOf(result) : { kind: "write", result };
  } catch (error) {
    return { kind: "failed", error };
  }
}

function commandOf(operation: BatchOperation): Command {
  switch (operation.op) {
    case "get":
      return { kind: "transaction", checks: [], mutations: [], reads: [operation.key] };
    case "set": {
      const { key, value, condition } = operation;
      return { kind: "put", key, value, condition };
    }
    case "delete":
      return { kind: "delete", key: operation.key, condition: operation.condition };
  }
}

function readResultOf(result: CommandResult): BatchOperationResult {
  if (result.outcome !== "committed") return { kind: "write", result };
  return { kind: "read", result: { value: result.reads[0], version: result.version } };
}

/**
 * Returns the identity of one operation of a batch. Ids are spread evenly, so laying the place over
 * the last four bytes meets no other request's.
 */
function requestOfOperation(request: RequestIdentity, index: number): RequestIdentity {
  const id = request.id.slice();
  const view = new DataView(id.buffer);
  view.setUint32(id.length - 4, view.getUint32(id.length - 4) ^ index);
  return { id, fingerprint: request.fingerprint };
}

function complete(results: Results): readonly BatchOperationResult[] {
  return results.map((result) => {
    if (result === undefined) throw new InvariantError("Every operation of a batch is decided");
    return result;
  });
}

function readsTooLarge(): ShardError {
  return new ShardError(
    "request_too_large",
    `Cannot read: the gets of the batch come to more than ${readsSizeBytesMax} bytes`,
  );
}
