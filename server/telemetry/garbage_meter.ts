/**
 * How long the process stands still to collect garbage, by kind of collection.
 *
 * V8's profiler notes each collection until it is stopped, so it is stopped and started again at
 * every look: what it has noted stays short. It begins with the first look, and a runtime without
 * the profiler yields nothing.
 *
 * @module
 */
import * as v8 from "node:v8";
import { DurationHistogram, type DurationStatistics } from "../../storage/env/mod.ts";

/** Of a `GCProfiler`, what is used. */
interface Profiler {
  start(): void;
  stop(): { readonly statistics: readonly Collection[] } | undefined;
}

/** One collection, as V8 reports it. */
export interface Collection {
  readonly gcType: string;
  /** Nanoseconds in this runtime. */
  readonly cost: number;
}

/** The kinds that V8 has, and what they are called as a label. */
const kindLabels: Readonly<Record<string, string>> = {
  Scavenge: "scavenge",
  MinorMarkSweep: "minor_mark_sweep",
  MarkSweepCompact: "mark_sweep_compact",
  IncrementalMarking: "incremental_marking",
  ProcessWeakCallbacks: "weak_callbacks",
};

const nanosecondsInMs = 1_000_000;

/** Counts garbage collections. */
export class GarbageMeter {
  readonly #profiler: Profiler | null;
  readonly #byKind = new Map<string, DurationHistogram>();
  #isRunning = false;

  /** @param profiler Stands in for V8's own, in tests; null where there is none. */
  constructor(profiler: Profiler | null = hostProfiler()) {
    this.#profiler = profiler;
  }

  /** Takes in what was collected since the last look. */
  look(): void {
    if (this.#profiler === null) return;
    this.close();
    this.#profiler.start();
    this.#isRunning = true;
  }

  /** Returns how long collections took, by kind. */
  statistics(): ReadonlyMap<string, DurationStatistics> {
    return new Map([...this.#byKind].map(([kind, durations]) => [kind, durations.statistics()]));
  }

  /** Takes in what is left and stops looking. */
  close(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const { gcType, cost } of this.#profiler?.stop()?.statistics ?? []) {
      this.#durationsOf(kindLabels[gcType] ?? "other").observe(cost / nanosecondsInMs);
    }
  }

  #durationsOf(kind: string): DurationHistogram {
    let durations = this.#byKind.get(kind);
    if (durations === undefined) {
      durations = new DurationHistogram();
      this.#byKind.set(kind, durations);
    }
    return durations;
  }
}

function hostProfiler(): Profiler | null {
  const found = (v8 as { GCProfiler?: new () => Profiler }).GCProfiler;
  return found === undefined ? null : new found();
}
