/**
 * What is counted of each route: answers by status class, and a histogram of their latency.
 *
 * A request costs an index and two additions here. `metrics.ts` turns the numbers into Prometheus
 * text when it is asked to.
 *
 * @module
 */

/** Upper bounds of the latency buckets, in seconds. */
export const latencyBoundsSeconds: readonly number[] = [
  0.000_1,
  0.000_25,
  0.000_5,
  0.001,
  0.002_5,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

const latencyBoundsMs = latencyBoundsSeconds.map((seconds) => seconds * 1_000);

/** The counters of one route. */
export class RouteMeter {
  /** The name of what the route does. */
  readonly operation: string;
  /** Answers by the first digit of their status; index 0 is not used. */
  readonly countsByClass: Float64Array = new Float64Array(6);
  /** Answers by the first bucket they fit; the last one has no bound. */
  readonly bucketCounts: Float64Array = new Float64Array(latencyBoundsMs.length + 1);
  /** The sum of all latencies. */
  durationSumMs = 0;

  constructor(operation: string) {
    this.operation = operation;
  }

  /** Counts one answer. */
  observe(status: number, durationMs: number): void {
    this.countsByClass[Math.floor(status / 100)]++;
    this.durationSumMs += durationMs;
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && durationMs > latencyBoundsMs[bucket]) bucket++;
    this.bucketCounts[bucket]++;
  }
}
