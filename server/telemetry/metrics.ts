/**
 * `/metrics` in Prometheus text, over a `prom-client` registry of the application's own.
 *
 * Nothing is counted here: what the routes, the node and the process know is put into the registry
 * when somebody asks. Labels are bounded: operations come from the table of routes. `METRICS.md`
 * lists every family.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { DurationStatistics } from "../../storage/env/mod.ts";
import type { AppContext } from "../context.ts";
import { DurationFamily } from "./duration_family.ts";
import { labelledStatistics } from "./labelled_statistics.ts";
import { metricText } from "./metric_catalog.ts";
import type { ProcessSample, ProcessSampler } from "./process_sampler.ts";
import type { RouteMeter } from "./route_meter.ts";
import { flattenStatistics } from "./statistics_names.ts";

/** What the metrics are gathered from. */
export interface MetricSources {
  readonly context: AppContext;
  readonly meters: () => readonly RouteMeter[];
  readonly sampler: ProcessSampler;
  /** Numbers of the application itself, by their metric's name behind `ankylo_http_`. */
  readonly gauges: () => Readonly<Record<string, number>>;
}

/** What the application's own numbers mean, by name. */
const applicationHelp: Readonly<Record<string, string>> = {
  requests_in_work: "Requests that are being answered now",
  body_size_bytes_in_flight: "Request bodies in memory",
  answer_size_bytes_in_flight: "Large answers in memory",
  cursors_held: "Cursors that hold a version",
  streams_open: "NDJSON streams that are open",
  watches_open: "Watches that are open",
};

/** The registry of one application. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #labelled = new Map<string, Gauge>();
  readonly #durations = new Map<string, DurationStatistics>();
  readonly #requests: Counter<"operation" | "class">;
  readonly #cpu: Counter<"mode">;
  #sample: ProcessSample;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    this.#sample = sources.sampler.sample();
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
    this.#addFamilies();
  }

  /** The media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns everything as it is now. */
  async text(): Promise<string> {
    const { node, config } = this.#sources.context;
    // What is not known any more must not stay as it was.
    for (const gauge of this.#gauges.values()) gauge.remove();
    this.#collectRequests();
    this.#collectProcess();
    this.#collectStatistics(node.statistics());
    for (const [name, value] of Object.entries(this.#sources.gauges())) {
      const help = applicationHelp[name] ?? `Of the HTTP application: ${name}`;
      this.#gauge(`ankylo_http_${name}`, help).set(value);
    }
    this.#gauge("ankylo_value_size_bytes_max", "The longest value that is taken")
      .set(config.valueSizeBytesMax);
    return await this.#registry.metrics();
  }

  #addFamilies(): void {
    const registry = this.#registry;
    new DurationFamily({
      name: "ankylo_http_request_duration_seconds",
      help: "From a request's arrival to its answer's first byte, by operation",
      labelNames: ["operation"],
      registry,
    }, () =>
      this.#sources.meters()
        .filter(({ countsByClass }) => countsByClass.some((count) => count > 0))
        .map(({ operation, latency }) => ({
          labels: { operation },
          durations: latency.statistics(),
        })));
    new DurationFamily({
      name: "ankylo_process_event_loop_delay_seconds",
      help: "How late a timer fires that is set every half second",
      labelNames: [],
      registry,
    }, () => [{ labels: {}, durations: this.#sample.eventLoopDelay }]);
    new DurationFamily(
      {
        name: "ankylo_process_garbage_collection_seconds",
        help: "How long the process stood still to collect garbage, by kind of collection",
        labelNames: ["kind"],
        registry,
      },
      () => [...this.#sample.garbage].map(([kind, durations]) => ({ labels: { kind }, durations })),
    );
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
    this.#sample = this.#sources.sampler.sample();
    const sample = this.#sample;
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

  #collectStatistics(statistics: object): void {
    const flat = flattenStatistics(statistics);
    for (const [flatName, value] of flat.numbers) this.#setNumber(flatName, value);
    for (const [flatName, durations] of flat.durations) this.#setDurations(flatName, durations);
    for (const { name, help, labelName, values } of labelledStatistics(statistics)) {
      let gauge = this.#labelled.get(name);
      if (gauge === undefined) {
        gauge = new Gauge({ name, help, labelNames: [labelName], registers: [this.#registry] });
        this.#labelled.set(name, gauge);
      }
      for (const { label, value } of values) gauge.set({ [labelName]: label }, value);
    }
  }

  #setNumber(flatName: string, value: number): void {
    const { name, kind, help } = metricText(flatName);
    if (kind !== "counter") return this.#gauge(name, help).set(value);
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new Counter({ name, help, registers: [this.#registry] });
      this.#counters.set(name, counter);
    }
    counter.reset();
    counter.inc(Math.max(0, value));
  }

  #setDurations(flatName: string, durations: DurationStatistics): void {
    const isNew = !this.#durations.has(flatName);
    this.#durations.set(flatName, durations);
    if (!isNew) return;
    const { name, help } = metricText(flatName);
    new DurationFamily({ name, help, labelNames: [], registry: this.#registry }, () => {
      const found = this.#durations.get(flatName);
      return found === undefined ? [] : [{ labels: {}, durations: found }];
    });
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
