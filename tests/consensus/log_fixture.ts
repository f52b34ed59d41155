/**
 * What the tests of the node log share: a disk that fails when told to and forgets what was not
 * synced, a clock that stands until it is moved, and a machine that remembers what it applied.
 *
 * @module
 */
import type {
  Clock,
  Disk,
  DiskEntry,
  DiskFile,
  DiskLock,
  OpenMode,
  Random,
  Timer,
} from "../../storage/env/mod.ts";
import { ByteReader, latin1Decode, MemoryDisk, silentLogger } from "../../storage/env/mod.ts";
import type { NodeLogOptions } from "../../consensus/log_options.ts";
import { NodeLog } from "../../consensus/node_log.ts";
import type { CommittedEntry, StateMachine } from "../../consensus/state_machine.ts";

/** Small segments, so that a few entries rotate. */
export const smallLog: Partial<NodeLogOptions> = {
  segmentSizeBytes: 1_024,
  logSizeBytesMax: 4_096,
  markDelayMs: 50,
};

/** A clock that stands still but for `advance`. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ atMs: number; fire: () => void }>();

  wallMicros(): number {
    return this.#nowMs * 1_000;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(delayMs, resolve));
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  defer(run: () => void): void {
    setImmediate(run);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** How many timers are set. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets time pass and fires what is due. */
  advance(deltaMs: number): void {
    this.#nowMs += deltaMs;
    for (const timer of [...this.#timers]) {
      if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.fire();
    }
  }
}

/** A memory disk with hooks that may throw or wait, and a memory of what was synced. */
export class FaultDisk implements Disk {
  readonly memory = new MemoryDisk();
  /** Called before each write. When it throws, half of the bytes have been written. */
  onWrite: (path: string, position: number, sizeBytes: number) => void = () => {};
  /** Called before each sync of a file or folder. */
  onSync: (path: string) => Promise<void> | void = () => {};
  /** How many syncs of files there were. */
  syncCount = 0;
  readonly #durable = new Map<string, Uint8Array>();
  #durableNames = new Map<string, Uint8Array>();

  open(path: string, mode: OpenMode): DiskFile {
    const file = this.memory.open(path, mode);
    const write = (source: Uint8Array, position: number) => {
      try {
        this.onWrite(path, position, source.length);
      } catch (error) {
        file.writeSync(source.subarray(0, source.length >> 1), position);
        throw error;
      }
      file.writeSync(source, position);
    };
    return {
      path,
      readSync: (target, position) => file.readSync(target, position),
      writeSync: write,
      write: (source, position) => Promise.resolve().then(() => write(source, position)),
      sync: async () => {
        this.syncCount++;
        await this.onSync(path);
        this.#durable.set(path, readAll(this.memory, path));
        if (this.#durableNames.has(path)) {
          this.#durableNames.set(path, readAll(this.memory, path));
        }
      },
      sizeBytes: () => file.sizeBytes(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => file.close(),
    };
  }

  list(directory: string): DiskEntry[] {
    return this.memory.list(directory);
  }
  createDirectory(directory: string): void {
    this.memory.createDirectory(directory);
  }
  exists(path: string): boolean {
    return this.memory.exists(path);
  }
  remove(path: string): void {
    this.memory.remove(path);
  }
  removeDirectory(directory: string): void {
    this.memory.removeDirectory(directory);
  }
  rename(source: string, target: string): void {
    this.memory.rename(source, target);
    const durable = this.#durable.get(source);
    if (durable !== undefined) this.#durable.set(target, durable);
  }
  async syncDirectory(directory: string): Promise<void> {
    await this.onSync(directory);
    this.#durableNames = new Map();
    for (const { name } of this.memory.list(directory)) {
      const path = `${directory}/${name}`;
      const durable = this.#durable.get(path);
      if (durable !== undefined) this.#durableNames.set(path, durable);
    }
  }
  lock(path: string): DiskLock {
    return this.memory.lock(path);
  }
  freeSpaceBytes(): number | undefined {
    return undefined;
  }

  /** What a power cut leaves: what was synced, and of the rest any sectors, old, new or garbage. */
  afterPowerCut(directory: string, random: Random): FaultDisk {
    const left = new FaultDisk();
    left.createDirectory(directory);
    for (const [path, durable] of this.#durableNames) {
      const bytes = durable.slice();
      const now = this.exists(path) ? readAll(this.memory, path) : durable;
      for (let at = 0; at < bytes.length; at += 64) {
        const isDirty = now.subarray(at, at + 64).some((byte, offset) =>
          byte !== bytes[at + offset]
        );
        if (!isDirty || random.below(3) === 0) continue;
        for (let offset = at; offset < Math.min(at + 64, bytes.length); offset++) {
          if (now[offset] !== bytes[offset]) bytes[offset] = now[offset];
        }
      }
      writeAll(left, path, bytes);
      left.#durable.set(path, bytes);
      left.#durableNames.set(path, bytes);
    }
    return left;
  }
}

/** Returns a file's bytes. */
export function readAll(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, "read");
  const bytes = new Uint8Array(file.sizeBytes());
  file.readSync(bytes, 0);
  file.close();
  return bytes;
}

/** Replaces a file. */
export function writeAll(disk: Disk, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, "create");
  file.writeSync(bytes, 0);
  file.close();
}

/** Returns a memory disk with the same files in one folder. */
export function copyOf(disk: Disk, directory: string): FaultDisk {
  const copy = new FaultDisk();
  copy.createDirectory(directory);
  for (const { name } of disk.list(directory)) {
    writeAll(copy, `${directory}/${name}`, readAll(disk, `${directory}/${name}`));
  }
  return copy;
}

/** What a log was opened with, and the failures it reported. */
export interface OpenedLog {
  readonly log: NodeLog;
  readonly clock: ManualClock;
  readonly fatal: unknown[];
}

/** Opens the log in the folder `log`. */
export async function openLog(
  disk: Disk,
  options: Partial<NodeLogOptions> = smallLog,
): Promise<OpenedLog> {
  const clock = new ManualClock();
  const fatal: unknown[] = [];
  const log = await NodeLog.open({
    disk,
    directory: "log",
    clock,
    logger: silentLogger,
    options,
    onFatal: (error) => fatal.push(error),
  });
  return { log, clock, fatal };
}

/** Returns an entry of one group whose payload is a text. */
export function entryOf(index: number, text: string, groupId = 2): {
  kind: "entry";
  groupId: number;
  term: number;
  index: number;
  payload: Uint8Array;
} {
  const payload = new TextEncoder().encode(text);
  return { kind: "entry", groupId, term: 1, index, payload };
}

/** Returns a group's entries as `index:text`. */
export function textsOf(log: NodeLog, groupId = 2): string[] {
  const from = log.firstIndexOf(groupId);
  if (from === 0) return [];
  return [...log.entriesOf(groupId, from)].map(({ index, payload }) =>
    `${index}:${latin1Decode(payload, 0, payload.length)}`
  );
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
}

/** A machine whose commands are texts and whose results count them. */
export class TextMachine implements StateMachine<string> {
  appliedIndex = 0;
  appliedTerm = 0;
  durableIndex = 0;
  readonly headerSizeBytes = 4;
  /** All commands in order. */
  readonly texts: string[] = [];
  /** How many commands each entry held, as its header says. */
  readonly batchSizes: number[] = [];
  /** What became of entries: `seal`, `abandon` and `apply`, in order. */
  readonly steps: string[] = [];
  /** Replaced where a test holds back or refuses. */
  onAdmission: () => Promise<void> | undefined = () => undefined;
  /** Called before each entry is applied. */
  onApply: (entry: CommittedEntry) => void = () => {};

  sealHeader(target: Uint8Array, position: number, commandCount: number): void {
    this.steps.push("seal");
    new DataView(target.buffer, target.byteOffset).setUint32(position, commandCount, true);
  }

  abandon(): void {
    this.steps.push("abandon");
  }

  apply(entry: CommittedEntry): string[] {
    this.onApply(entry);
    this.steps.push("apply");
    const reader = new ByteReader(entry.payload);
    const count = reader.u32();
    const results: string[] = [];
    while (reader.remaining > 0) {
      const text = reader.latin1(reader.u32());
      this.texts.push(text);
      results.push(`${this.texts.length}:${text}`);
    }
    this.batchSizes.push(count);
    this.appliedIndex = entry.index;
    this.appliedTerm = entry.term;
    return results;
  }

  admission(): Promise<void> | undefined {
    return this.onAdmission();
  }

  flush(): Promise<void> {
    this.durableIndex = this.appliedIndex;
    return Promise.resolve();
  }
}
