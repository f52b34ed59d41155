/**
 * What is counted of each route: answers by status class, and how long they took.
 *
 * A request costs an index and a few additions here. `metrics.ts` turns the numbers into Prometheus
 * text when it is asked to.
 *
 * @module
 */
import { DurationHistogram } from "../../storage/env/mod.ts";

/** The counters of one route. */
export class RouteMeter {
  /** The name of what the route does. */
  readonly operation: string;
  /** Answers by the first digit of their status; index 0 is not used. */
  readonly countsByClass: Float64Array = new Float64Array(6);
  /** From arrival to the answer's first byte. */
  readonly latency: DurationHistogram = new DurationHistogram();

  constructor(operation: string) {
    this.operation = operation;
  }

  /** Counts one answer. */
  observe(status: number, durationMs: number): void {
    this.countsByClass[Math.floor(status / 100)]++;
    this.latency.observe(durationMs);
  }
}
