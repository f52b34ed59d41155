/**
 * What load balancers, supervisors and virtual-IP managers ask: is it alive, ready, leading, near.
 *
 * @module
 */
import { ShardError } from "../../sharding/mod.ts";
import type { AppContext } from "../context.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { parseDurationMs } from "../wire/durations.ts";
import { badParameter } from "../wire/parameters.ts";

// A key that is seldom there: what counts is that the read is answered.
const probeKey = "\0";
const probeTimeoutMs = 1_000;
const noParameters: ReadonlySet<string> = new Set();
const replicaParameters: ReadonlySet<string> = new Set(["max_lag"]);

/** The routes of a node's health. */
export class HealthRoutes {
  readonly #context: AppContext;

  constructor(context: AppContext) {
    this.#context = context;
  }

  /** `GET /livez`: the process answers. */
  readonly live = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    return exchange.answerJson(200, '{"live":true}');
  };

  /** `GET /readyz`: a linearizable read is answered, and the server is not stopping. */
  readonly ready = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    if (this.#context.closing.aborted) {
      return exchange.problem("stopping", "Not ready: the server is stopping");
    }
    const deadlineMs = Math.min(exchange.deadlineMs, exchange.startedAtMs + probeTimeoutMs);
    try {
      await this.#context.database.get(probeKey, { deadlineMs });
    } catch (error) {
      if (!(error instanceof ShardError)) throw error;
      return exchange.problem("no_leader", `Not ready: ${error.message}`);
    }
    return exchange.answerJson(200, '{"ready":true}');
  };

  /** `GET /leader`: a lone node leads. */
  readonly leader = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    if (this.#context.closing.aborted) {
      return exchange.problem("stopping", "Not leading: the server is stopping");
    }
    return exchange.answerJson(200, '{"leader":true}');
  };

  /** `GET /replica`: a lone node lags behind nobody. */
  readonly replica = (exchange: Exchange): Response => {
    const maxLag = exchange.parameters(replicaParameters).get("max_lag");
    if (maxLag !== undefined && parseDurationMs(maxLag) === undefined) {
      throw badParameter("max_lag", "it is a duration such as 2s");
    }
    if (this.#context.closing.aborted) {
      return exchange.problem("stopping", "No replica: the server is stopping");
    }
    return exchange.answerJson(200, '{"replica":true,"lagMs":0}');
  };
}
