/**
 * A histogram family of `/metrics` whose buckets are counted elsewhere.
 *
 * `prom-client` counts every observation in a map by labels; what is counted here in hot loops is
 * counted by {@linkcode DurationStatistics}, and only shown by `prom-client`.
 *
 * @module
 */
import { Histogram, type LabelValues, type Registry } from "prom-client";
import { durationBoundsMs, type DurationStatistics } from "../../storage/env/mod.ts";

/** One series of a family. */
export interface DurationSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly durations: DurationStatistics;
}

/** How a family is declared. */
export interface DurationFamilyConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registry: Registry;
}

type MetricValues = Awaited<ReturnType<Histogram["get"]>>["values"];

/** A family that shows what `series` returns. */
export class DurationFamily extends Histogram<string> {
  readonly #series: () => readonly DurationSeries[];
  readonly #name: string;
  readonly #help: string;

  constructor(config: DurationFamilyConfig, series: () => readonly DurationSeries[]) {
    const { name, help, labelNames, registry } = config;
    super({ name, help, labelNames: [...labelNames], registers: [registry] });
    this.#series = series;
    this.#name = name;
    this.#help = help;
  }

  /** What `prom-client` prints of a histogram, though its types do not tell. */
  getForPromString(): Promise<{ name: string; help: string; type: string; values: MetricValues }> {
    return Promise.resolve({
      name: this.#name,
      help: this.#help,
      type: "histogram",
      values: this.#series().flatMap((series) => this.#valuesOf(series)),
    });
  }

  #valuesOf({ labels, durations }: DurationSeries): MetricValues {
    const values: MetricValues = [];
    let count = 0;
    const push = (suffix: string, more: LabelValues<string>, value: number) => {
      values.push({ metricName: `${this.#name}${suffix}`, labels: { ...labels, ...more }, value });
    };
    for (const [index, inBucket] of durations.bucketCounts.entries()) {
      count += inBucket;
      const boundMs = durationBoundsMs[index];
      push("_bucket", { le: boundMs === undefined ? "+Inf" : boundMs / 1_000 }, count);
    }
    push("_sum", {}, durations.sumMs / 1_000);
    push("_count", {}, count);
    return values;
  }
}
