/**
 * Any sequence of calls on a node, against a sorted map of versions: keys of awkward bytes, values
 * that expire, every way a table can be built, snapshots held and versions read across flushes,
 * compactions, VACUUM and, for the data, restarts.
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
import { bytesOf, lineOf, Model, modelValue, resultLine } from "../sim/model.ts";
import { Scheduler } from "../sim/scheduler.ts";
import { SimDisk } from "../sim/sim_disk.ts";
import { SimNode } from "../sim/single_node.ts";
import { step, tableOptions } from "./database_steps.ts";
import type { ScanStep, Step } from "./database_steps.ts";

/** A batch that was answered. */
interface SentBatch {
  readonly operations: readonly BatchOperation[];
  readonly request: RequestIdentity;
  readonly lines: readonly string[];
}

/** A node, the model it is held against, and the snapshots that are held. */
class Pair {
  readonly #table: TableOptions;
  readonly #scheduler = new Scheduler();
  readonly #random = new SeededRandom(1);
  readonly #model = new Model();
  #image = new DiskImage();
  /** The versions of the last commands, newest first. */
  #past: number[] = [];
  #lastBatch: SentBatch | undefined;
  #held: SnapshotHold[] = [];
  #node: SimNode | undefined;

  constructor(table: TableOptions) {
    this.#table = table;
  }

  async take(step: Step): Promise<void> {
    const scheduler = this.#scheduler;
    const node = this.#node ?? await this.#open();
    switch (step.kind) {
      case "run":
        return await this.#run(node, step.command);
      case "revert":
        return await this.#revert(node, step);
      case "past":
        return await this.#readPast(node, step);
      case "batch":
        return await this.#batch(node, step.operations);
      case "repeat":
        return await this.#repeat(node);
      case "scan":
        return await this.#scan(node, step.scan);
      case "hold":
        return this.#hold(node, step.back);
      case "release":
        return this.#held.shift()?.release();
      case "flush":
        return await scheduler.until(node.node.flush());
      case "vacuum":
        await scheduler.until(node.node.vacuum());
        return;
      case "wait":
        // Past the retention, so that compactions have something to drop.
        return await scheduler.run(200);
      case "reopen":
        return await this.close();
      case "crash":
        return this.#crash(node);
    }
  }

  async #run(node: SimNode, command: Command): Promise<void> {
    const from = this.#versionOf(node);
    const result = await this.#scheduler.until(node.run(command));
    if (result.outcome === "version_vacuumed") {
      ok(command.kind === "revert" && result.oldestVersion > command.toVersion);
      return;
    }
    // What was refused has no version: it lay before or behind what expired meanwhile.
    const versions = result.outcome === "committed"
      ? [result.version]
      : [from, this.#versionOf(node)];
    const wanted = versions.map((version) =>
      resultLine(this.#model.clone().apply(command, version))
    );
    ok(wanted.includes(resultLine(result)), `${resultLine(result)} is none of ${wanted}`);
    if (result.outcome !== "committed") return;
    this.#model.apply(command, result.version);
    this.#past = [result.version, ...this.#past.slice(0, 8)];
  }

  async #revert(node: SimNode, step: { key: string; back: number }): Promise<void> {
    const toVersion = this.#past.at(step.back);
    if (toVersion !== undefined) {
      await this.#run(node, { kind: "revert", key: step.key, toVersion });
    }
  }

  async #readPast(node: SimNode, { key, back }: { key: string; back: number }): Promise<void> {
    const { database } = node;
    const at = this.#past.at(back);
    if (at === undefined) return;
    const options = { ...node.deadline(), limit: 100 };
    const history = await this.#scheduler.until(database.history(key, options));
    let entry = this.#model.entry(key);
    for (const { kind, version, value } of history.versions) {
      if (kind === "expire") continue;
      while (entry?.value === undefined && (entry?.version ?? 0) > version) entry = entry?.before;
      equal(version, entry?.version);
      equal(storedLine(key, value), lineOf(key, entry?.value));
      entry = entry?.before;
    }
    try {
      const found = await this.#scheduler.until(database.get(key, { ...options, at }));
      equal(storedLine(key, found.value), lineOf(key, this.#model.get(key, at)));
    } catch (error) {
      const isVacuumed = error instanceof ShardError && error.code === "version_vacuumed";
      if (!isVacuumed || at >= history.oldestVersion) throw error;
    }
  }

  /** Returns what a reader looks at now. */
  #versionOf(node: SimNode): number {
    const snapshot = node.database.hold({ kind: "read", owner: "test" });
    snapshot.release();
    return snapshot.version;
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
        const { value, version } = result.result;
        equal(storedLine(key, value), lineOf(key, this.#model.get(key, version)));
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
    const version = this.#past.at(back);
    if (version === undefined) return;
    try {
      this.#held.push(node.database.hold({ kind: "read", owner: "test" }, { version }));
    } catch (error) {
      // Only what is older than the retention may be gone, and never the newest state.
      const isVacuumed = error instanceof ShardError && error.code === "version_vacuumed";
      if (!isVacuumed || (back === 0 && version === this.#versionOf(node))) throw error;
    }
  }

  async close(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    if (node === undefined) return;
    const { lines, version } = await this.#scheduler.until(node.read(3));
    deepEqual(lines, this.#model.lines(version));
    ok(version >= this.#model.version);
    for (const snapshot of this.#held.splice(0)) snapshot.release();
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
    const snapshot = this.#held.at(scan.snapshot);
    const options = { ...node.deadline(), snapshot };
    const { entries, hasMore, version } = await this.#scheduler.until(
      node.database.scan({ start, end }, { ...options, limit, reverse, keysOnly }),
    );
    equal(version, snapshot?.version ?? version);
    const keys = this.#model.keys(start, end, version);
    const wanted = (reverse ? keys.toReversed() : keys).slice(0, limit);
    deepEqual(
      entries.map((entry) => storedLine(entry.key, entry)),
      wanted.map((key) => {
        const value = this.#model.get(key, version);
        return lineOf(key, value && { ...value, text: keysOnly ? "" : value.text });
      }),
    );
    equal(hasMore, keys.length > limit);
    const counted = await this.#scheduler.until(node.database.count({ start, end }, options));
    equal(counted.count, this.#model.keys(start, end, counted.version).length);
    const single = await this.#scheduler.until(node.database.get(start, options));
    const text = this.#model.get(start, single.version)?.text;
    deepEqual(single.value?.bytes, text === undefined ? undefined : bytesOf(text));
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
  return lineOf(key, value && modelValue(value));
}

Deno.test("a node equals a map of versions under any calls, flushes, VACUUM and restarts", async () => {
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
