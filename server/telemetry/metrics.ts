/**
 * `/metrics` in Prometheus text, over a `prom-client` registry of the application's own.
 *
 * Nothing is counted here: what the routes, the node and the process know is put into the registry
 * when somebody asks. Labels are bounded: operations come from the table of routes.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type LabelValues, Registry } from "prom-client";
import type { AppContext } from "../context.ts";
import type { ProcessSampler } from "./process_sampler.ts";
import { latencyBoundsSeconds, type RouteMeter } from "./route_meter.ts";
import { flattenStatistics } from "./statistics_names.ts";

/** What the metrics are gathered from. */
export interface MetricSources {
  readonly context: AppContext;
  readonly meters: () => readonly RouteMeter[];
  readonly sampler: ProcessSampler;
  /** Numbers of the application itself, by their metric's name behind `ankylo_http_`. */
  readonly gauges: () => Readonly<Record<string, number>>;
}

type MetricValues = Awaited<ReturnType<Histogram["get"]>>["values"];

/** The registry of one application. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #gauges = new Map<string, Gauge>();
  readonly #requests: Counter<"operation" | "class">;
  readonly #cpu: Counter<"mode">;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: "ankylo_http_requests_total",
      help: "Answers by operation and class of status",
      labelNames: ["operation", "class"],
      registers,
    });
    this.#cpu = new Counter({
      name: "ankylo_process_cpu_seconds_total",
      help: "CPU time of the process",
      labelNames: ["mode"],
      registers,
    });
    new MeteredHistogram({
      name: "ankylo_http_request_duration_seconds",
      help: "From a request's arrival to its answer's first byte, by operation",
      labelNames: ["operation"],
      buckets: [...latencyBoundsSeconds],
      registers,
    }, sources.meters);
  }

  /** The media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns everything as it is now. */
  async text(): Promise<string> {
    this.#collectRequests();
    this.#collectProcess();
    const { node, config } = this.#sources.context;
    for (const [name, value] of flattenStatistics(node.statistics())) {
      this.#gauge(`ankylo_${name}`, `Of the node's statistics: ${name}`).set(value);
    }
    for (const [name, value] of Object.entries(this.#sources.gauges())) {
      this.#gauge(`ankylo_http_${name}`, `Of the HTTP application: ${name}`).set(value);
    }
    this.#gauge("ankylo_value_size_bytes_max", "The longest value that is taken")
      .set(config.valueSizeBytesMax);
    return await this.#registry.metrics();
  }

  #collectRequests(): void {
    this.#requests.reset();
    for (const meter of this.#sources.meters()) {
      for (const [digit, count] of meter.countsByClass.entries()) {
        const labels = { operation: meter.operation, class: `${digit}xx` };
        if (count > 0) this.#requests.inc(labels, count);
      }
    }
  }

  #collectProcess(): void {
    const sample = this.#sources.sampler.sample();
    this.#cpu.reset();
    this.#cpu.inc({ mode: "user" }, sample.cpuUserSeconds);
    this.#cpu.inc({ mode: "system" }, sample.cpuSystemSeconds);
    this.#gauge(
      "ankylo_process_event_loop_delay_seconds_max",
      "The longest delay of the event loop since the last look",
    ).set(sample.eventLoopDelaySecondsMax);
    this.#gauge("ankylo_process_resident_size_bytes", "Resident memory")
      .set(sample.residentSizeBytes);
    this.#gauge("ankylo_process_heap_used_bytes", "Heap in use").set(sample.heapUsedBytes);
    this.#gauge("ankylo_process_external_bytes", "Memory of buffers").set(sample.externalBytes);
  }

  #gauge(name: string, help: string): Gauge {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    return gauge;
  }
}

/** A histogram whose buckets are counted by the routes' meters. */
class MeteredHistogram extends Histogram<"operation"> {
  readonly #meters: () => readonly RouteMeter[];
  readonly #name: string;
  readonly #help: string;

  constructor(
    configuration: ConstructorParameters<typeof Histogram<"operation">>[0],
    meters: () => readonly RouteMeter[],
  ) {
    super(configuration);
    this.#meters = meters;
    this.#name = configuration.name;
    this.#help = configuration.help;
  }

  /** What `prom-client` prints of a histogram, though its types do not tell. */
  getForPromString(): Promise<{ name: string; help: string; type: string; values: MetricValues }> {
    return Promise.resolve({
      name: this.#name,
      help: this.#help,
      type: "histogram",
      values: this.#meters().flatMap((meter) => this.#valuesOf(meter)),
    });
  }

  #valuesOf(meter: RouteMeter): MetricValues {
    const values: MetricValues = [];
    let count = 0;
    const push = (suffix: string, labels: LabelValues<string>, value: number) => {
      const metricName = `${this.#name}${suffix}`;
      values.push({ metricName, labels: { operation: meter.operation, ...labels }, value });
    };
    for (const [index, inBucket] of meter.bucketCounts.entries()) {
      count += inBucket;
      push("_bucket", { le: latencyBoundsSeconds[index] ?? "+Inf" }, count);
    }
    if (count === 0) return [];
    push("_sum", {}, meter.durationSumMs / 1_000);
    push("_count", {}, count);
    return values;
  }
}
