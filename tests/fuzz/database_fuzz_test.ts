/**
 * Any sequence of calls on a node, against a sorted map: keys of awkward bytes, every way a table
 * can be built, snapshots held across flushes, compactions and, for the data, restarts.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../storage/env/mod.ts";
import type {
  BatchOperation,
  BatchOperationResult,
  Command,
  RequestIdentity,
  SnapshotHold,
  StoredValue,
} from "../../sharding/database.ts";
import type { TableOptions } from "../../storage/mod.ts";
import { ShardError } from "../../sharding/errors.ts";
import { crashed } from "../sim/disk_damage.ts";
import { DiskImage } from "../sim/disk_image.ts";
import { bytesOf, lineOf, Model, resultLine, textOf } from "../sim/model.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import { SimNode } from "../sim/single_node.ts";

type Step =
  | { readonly kind: "run"; readonly command: Command }
  | { readonly kind: "batch"; readonly operations: readonly BatchOperation[] }
  | { readonly kind: "scan"; readonly scan: ScanStep }
  /** Holds the state that the command `back` commands ago left behind. */
  | { readonly kind: "hold"; readonly back: number }
  /** Sends the last batch once more, with the identity that it had. */
  | { readonly kind: "repeat" }
  | { readonly kind: "release" | "flush" | "reopen" | "crash" | "wait" };

interface ScanStep {
  readonly start: string;
  readonly end: string | undefined;
  readonly limit: number;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  /** Which of the held snapshots; the newest state where there are not so many. */
  readonly snapshot: number;
}

// Bytes at both ends of their range, and keys that begin other keys.
const key = fc.string({
  unit: fc.constantFrom("\0", "a", "b", "\xff"),
  minLength: 1,
  maxLength: 4,
});
const value = fc.record({
  bytes: fc.tuple(fc.nat(255), fc.nat(400)).map(([byte, sizeBytes]) =>
    new Uint8Array(sizeBytes).fill(byte)
  ),
  contentType: fc.constantFrom("text/plain", "application/json", "x/unheard-of; of=\u00e9"),
});
const range = fc.record({ start: key, end: fc.option(key, { nil: undefined }) });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  {
    weight: 1,
    arbitrary: range.map((given): Command => ({
      kind: "delete_range",
      range: given,
      keyCountMax: 50,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.array(fc.tuple(key, fc.option(value, { nil: undefined })), { maxLength: 5 })
      .map((changes): Command => ({
        kind: "transaction",
        checks: [],
        mutations: [["a", undefined] as const, ...changes].map(([key, value]) =>
          value === undefined ? { op: "delete", key } : { op: "set", key, value }
        ),
        reads: changes.map(([key]) => key),
      })),
  },
);
const operation: fc.Arbitrary<BatchOperation> = fc.oneof(
  fc.record({ op: fc.constant("set" as const), key, value }),
  fc.record({ op: fc.constant("delete" as const), key }),
  fc.record({ op: fc.constant("get" as const), key }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("run" as const), command }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("scan" as const),
      scan: fc.record({
        start: key,
        end: fc.option(key, { nil: undefined }),
        limit: fc.integer({ min: 1, max: 20 }),
        reverse: fc.boolean(),
        keysOnly: fc.boolean(),
        snapshot: fc.nat(3),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("hold" as const), back: fc.nat(6) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "release" as const,
        "repeat" as const,
        "flush" as const,
        "wait" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("reopen" as const, "crash" as const) }),
  },
);
const tableOptions: fc.Arbitrary<TableOptions> = fc.record({
  blockSizeBytes: fc.integer({ min: 128, max: 1_000 }),
  restartInterval: fc.integer({ min: 1, max: 20 }),
  compression: fc.constantFrom("none" as const, "deflate" as const, "zstd" as const),
  filterBitsPerKey: fc.integer({ min: 1, max: 20 }),
});

/** A batch that was answered. */
interface SentBatch {
  readonly operations: readonly BatchOperation[];
  readonly request: RequestIdentity;
  readonly lines: readonly string[];
}

/** A node, the model it is held against, and the snapshots that are held with theirs. */
class Pair {
  readonly #table: TableOptions;
  readonly #scheduler = new Scheduler();
  readonly #random = new SeededRandom(1);
  readonly #model = new Model();
  #image = new DiskImage();
  /** What each command left behind, newest first. */
  #past: { version: number; model: Model }[] = [];
  #lastBatch: SentBatch | undefined;
  #held: { snapshot: SnapshotHold; model: Model }[] = [];
  #node: SimNode | undefined;

  constructor(table: TableOptions) {
    this.#table = table;
  }

  async take(step: Step): Promise<void> {
    const scheduler = this.#scheduler;
    const node = this.#node ?? await this.#open();
    switch (step.kind) {
      case "run": {
        const result = await scheduler.until(node.run(step.command));
        const version = result.outcome === "committed" ? result.version : 0;
        equal(resultLine(result), resultLine(this.#model.apply(step.command, version)));
        if (version > 0) {
          this.#past = [{ version, model: this.#model.clone() }, ...this.#past.slice(0, 8)];
        }
        break;
      }
      case "batch":
        await this.#batch(node, step.operations);
        break;
      case "repeat":
        await this.#repeat(node);
        break;
      case "scan":
        await this.#scan(node, step.scan);
        break;
      case "hold":
        this.#hold(node, step.back);
        break;
      case "release":
        this.#held.shift()?.snapshot.release();
        break;
      case "flush":
        await scheduler.until(node.node.flush());
        break;
      case "wait":
        // Past the retention, so that compactions have something to drop.
        await scheduler.run(200);
        break;
      case "reopen":
        await this.close();
        break;
      case "crash":
        this.#crash(node);
        break;
    }
  }

  async #batch(node: SimNode, operations: readonly BatchOperation[]): Promise<void> {
    const request = { id: this.#random.bytes(16), fingerprint: this.#random.bytes(16) };
    const results = await this.#scheduler.until(
      node.database.batch(operations, { ...node.deadline(), request }),
    );
    for (const [index, operation] of operations.entries()) {
      const { key } = operation;
      const result = results[index];
      if (operation.op === "get") {
        ok(result.kind === "read");
        equal(storedLine(key, result.result.value), lineOf(key, this.#model.get(key)));
        continue;
      }
      ok(result.kind === "write" && result.result.outcome === "committed");
      const command: Command = operation.op === "set"
        ? { kind: "put", key, value: operation.value }
        : { kind: "delete", key };
      const wanted = this.#model.apply(command, result.result.version);
      equal(resultLine(result.result), resultLine(wanted));
    }
    this.#past = [];
    this.#lastBatch = { operations, request, lines: results.map(batchLine) };
  }

  async #repeat(node: SimNode): Promise<void> {
    if (this.#lastBatch === undefined) return;
    const { operations, request, lines } = this.#lastBatch;
    const results = await this.#scheduler.until(
      node.database.batch(operations, { ...node.deadline(), request }),
    );
    // The repetition has versions of its own, which push the watermark on.
    this.#past = [];
    deepEqual(results.map(batchLine), lines, "a batch that is repeated is answered as before");
  }

  /** Power is lost: everything was acknowledged, so everything stays. */
  #crash(node: SimNode): void {
    const damage = { bytes: "dropped", names: "dropped" } as const;
    node.kill();
    this.#held = [];
    this.#image = crashed(this.#image, { damage, random: this.#random });
    this.#node = undefined;
  }

  #hold(node: SimNode, back: number): void {
    const past = this.#past[back];
    if (past === undefined) return;
    try {
      const snapshot = node.database.hold({ kind: "read", owner: "test" }, past.version);
      this.#held.push({ snapshot, model: past.model });
    } catch (error) {
      // Only what is older than the retention may be gone, and never the newest state.
      const isVacuumed = error instanceof ShardError && error.code === "version_vacuumed";
      if (!isVacuumed || back === 0) throw error;
    }
  }

  async close(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    if (node === undefined) return;
    deepEqual(await this.#scheduler.until(node.lines(3)), this.#model.lines());
    for (const { snapshot } of this.#held.splice(0)) snapshot.release();
    await this.#scheduler.until(node.node.close());
    equal(node.fatal, undefined);
    equal(node.disk.openFileCount, 0);
  }

  async #open(): Promise<SimNode> {
    const opening = SimNode.open({
      disk: new SimDisk(this.#image),
      scheduler: this.#scheduler,
      random: this.#random,
      tree: { table: this.#table },
    });
    this.#node = await this.#scheduler.until(opening);
    return this.#node;
  }

  async #scan(node: SimNode, scan: ScanStep): Promise<void> {
    const { start, end, limit, reverse, keysOnly } = scan;
    const held = this.#held.at(scan.snapshot);
    const model = held?.model ?? this.#model;
    const options = { ...node.deadline(), snapshot: held?.snapshot };
    const { entries, hasMore } = await this.#scheduler.until(
      node.database.scan({ start, end }, { ...options, limit, reverse, keysOnly }),
    );
    const keys = model.keys(start, end);
    const wanted = (reverse ? keys.toReversed() : keys).slice(0, limit);
    const found = entries.map((entry) =>
      lineOf(entry.key, { ...entry, text: textOf(entry.bytes) })
    );
    deepEqual(
      found,
      wanted.map((key) => {
        const value = model.get(key);
        return lineOf(key, value && { ...value, text: keysOnly ? "" : value.text });
      }),
    );
    equal(hasMore, keys.length > limit);
    const counted = await this.#scheduler.until(node.database.count({ start, end }, options));
    equal(counted.count, keys.length);
    const single = await this.#scheduler.until(node.database.get(start, options));
    deepEqual(single.value?.bytes, bytesOrUndefined(model.get(start)?.text));
  }
}

function batchLine(result: BatchOperationResult): string {
  switch (result.kind) {
    case "read":
      return storedLine("read", result.result.value);
    case "write":
      return resultLine(result.result);
    case "failed":
      return String(result.error);
  }
}

function storedLine(key: string, value: StoredValue | undefined): string {
  return lineOf(key, value && { ...value, text: textOf(value.bytes) });
}

function bytesOrUndefined(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : bytesOf(text);
}

Deno.test("a node equals a sorted map under any calls, flushes, compactions and restarts", async () => {
  const steps = fc.array(step, { maxLength: 250, size: "max" });
  await fc.assert(
    fc.asyncProperty(tableOptions, steps, async (table, list) => {
      const pair = new Pair(table);
      for (const one of list) await pair.take(one);
      await pair.close();
    }),
    { numRuns: 250, seed: 20_261_123 },
  );
});
