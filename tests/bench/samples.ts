/**
 * The figures of a run, and what becomes of them.
 *
 * @module
 */

/** The system of a figure of ours without what it is compared with, such as VACUUM. */
export const undisturbed = "undisturbed";

/** One figure of one repetition. */
export interface Sample {
  /** What was measured, such as `puts/s, 64 connections`. */
  readonly metric: string;
  /** Who did it. */
  readonly system: string;
  readonly value: number;
  readonly unit: string;
}

/** Collects figures in the order in which they come. */
export class Samples {
  readonly all: Sample[] = [];

  /** Adds a figure. */
  add(sample: Sample): void {
    this.all.push(sample);
  }

  /** Returns the values of one metric and system, in the order of the repetitions. */
  values(metric: string, system: string): number[] {
    return this.all.filter((sample) => sample.metric === metric && sample.system === system)
      .map(({ value }) => value);
  }

  /** Returns the metrics in the order in which they first came. */
  metrics(): string[] {
    return [...new Set(this.all.map(({ metric }) => metric))];
  }

  /** Returns the systems that did a metric. */
  systems(metric: string): string[] {
    const systems = this.all.filter((sample) => sample.metric === metric)
      .map(({ system }) => system);
    return [...new Set(systems)];
  }

  /** Returns the unit of a metric. */
  unit(metric: string): string {
    return this.all.find((sample) => sample.metric === metric)?.unit ?? "";
  }
}

/** How a run is done. */
export interface RunSettings {
  readonly repetitionCount: number;
  /** How long one load lasts. */
  readonly loadMs: number;
  readonly warmUpMs: number;
  /** Keys in the store while it is loaded over HTTP. */
  readonly loadedKeyCount: number;
  /** Keys of the fills in process, and of the log that is replayed. */
  readonly treeKeyCount: number;
  /** Keys for memory and restart. */
  readonly manyKeyCount: number;
  /** Keys that are overwritten before VACUUM runs. */
  readonly vacuumKeyCount: number;
  /** Keys and values whose space is measured, in bytes. */
  readonly spaceSizeBytes: number;
  /** Keys that expire in one second. */
  readonly expiringKeyCount: number;
  /** A folder on the disk that is to be measured. */
  readonly directory: string;
  /** Is told what is being done. */
  onStep(text: string): void;
}
