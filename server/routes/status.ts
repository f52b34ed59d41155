/**
 * `/v1/status` and `/metrics`: what the node is and what it has done.
 *
 * @module
 */
import type { AppContext } from "../context.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Metrics } from "../telemetry/metrics.ts";

const noParameters: ReadonlySet<string> = new Set();

/** The routes that tell about the node. */
export class StatusRoutes {
  readonly #context: AppContext;
  readonly #metrics: Metrics;
  readonly #startedAtMicros: number;
  readonly #startedAtMs: number;

  constructor(context: AppContext, metrics: Metrics) {
    this.#context = context;
    this.#metrics = metrics;
    this.#startedAtMicros = context.clock.wallMicros();
    this.#startedAtMs = context.clock.monotonicMs();
  }

  /** `GET /v1/status`. */
  readonly status = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    const form = exchange.negotiate(["json", "msgpack"]);
    const { config, clock, node, closing } = this.#context;
    return exchange.answerObject(200, form, {
      node: config.nodeName,
      version: config.productVersion,
      role: "data",
      leader: true,
      stopping: closing.aborted,
      startedAt: new Date(this.#startedAtMicros / 1_000).toISOString(),
      uptimeMs: Math.round(clock.monotonicMs() - this.#startedAtMs),
      statistics: node.statistics(),
    });
  };

  /** `GET /metrics`. */
  readonly metrics = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    return exchange.answer(200, this.#metrics.contentType, await this.#metrics.text());
  };
}
