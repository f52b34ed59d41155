/**
 * A watch of the database in memory: a place in its list of commits, and somebody who waits.
 *
 * @module
 */
import type { KeyRange, Watch, WatchBatch, WatchEvent, WatchRequest } from "../../sharding/mod.ts";
import type { MemoryVersions } from "./memory_versions.ts";

type Reset = Extract<WatchBatch, { kind: "reset" }>;

/** A {@linkcode Watch} over the versions in memory. */
export class MemoryWatch implements Watch {
  readonly owner: string;
  /** Names it among the holders. */
  readonly id: string;
  version: number;
  readonly #versions: MemoryVersions;
  readonly #request: WatchRequest;
  readonly #onClose: () => void;
  #wake: (() => void) | undefined;
  #progressVersion: number | undefined;
  #resetReason: Reset["reason"] | undefined;
  #isClosed = false;

  constructor(
    versions: MemoryVersions,
    options: {
      readonly id: string;
      readonly request: WatchRequest;
      readonly from: number;
      readonly onClose: () => void;
    },
  ) {
    this.id = options.id;
    this.owner = options.request.owner;
    this.version = options.from;
    this.#versions = versions;
    this.#request = options.request;
    this.#onClose = options.onClose;
    if (options.from < versions.watermark) this.#resetReason = "vacuumed";
  }

  async next(): Promise<WatchBatch | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined;
      if (this.#resetReason !== undefined) return this.#reset(this.#resetReason);
      const events = this.#take();
      if (events.length > 0) return { kind: "events", events };
      if (this.#progressVersion !== undefined) {
        this.version = Math.max(this.version, this.#progressVersion);
        this.#progressVersion = undefined;
        return { kind: "progress", version: this.version };
      }
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await woken.promise;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.wake();
  }

  /** Looks again for commits. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Tells that everything up to a version has been told, once that is so. */
  progress(version: number): void {
    this.#progressVersion = version;
    this.wake();
  }

  /** Ends it with a reset. */
  reset(reason: Reset["reason"]): void {
    this.#resetReason = reason;
    this.wake();
  }

  #reset(reason: Reset["reason"]): Reset {
    const oldestVersion = this.#versions.watermark;
    this.close();
    return { kind: "reset", reason, oldestVersion, resumeVersion: this.version };
  }

  #take(): WatchEvent[] {
    const events: WatchEvent[] = [];
    for (const commit of this.#versions.commits) {
      if (commit.version <= this.version) continue;
      this.version = commit.version;
      for (const event of commit.events) {
        if (!isInside(event.key, this.#request.range)) continue;
        const previous = this.#request.withPrevious
          ? this.#versions.peek(event.key, event.version - 1)
          : undefined;
        events.push({ ...event, previous });
      }
    }
    return events;
  }
}

function isInside(key: string, { start = "", end }: KeyRange): boolean {
  return key >= start && (end === undefined || key < end);
}
