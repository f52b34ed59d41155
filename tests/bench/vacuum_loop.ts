/**
 * VACUUM by request, run after run, for as long as something else is measured.
 *
 * @module
 */
import type { AnkyloNode } from "./ankylo_node.ts";

/** What the runs came to together. */
export interface VacuumTotals {
  readonly runCount: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly droppedBytes: number;
}

/** Vacuums until it is told to stop. */
export class VacuumLoop {
  #isStopped = false;
  readonly #ended: Promise<VacuumTotals>;

  private constructor(node: AnkyloNode) {
    this.#ended = this.#run(node);
  }

  /** Begins. */
  static start(node: AnkyloNode): VacuumLoop {
    return new VacuumLoop(node);
  }

  /** Resolves once the last run has ended. */
  async stop(): Promise<VacuumTotals> {
    this.#isStopped = true;
    return await this.#ended;
  }

  async #run(node: AnkyloNode): Promise<VacuumTotals> {
    const totals = { runCount: 0, readBytes: 0, writtenBytes: 0, droppedBytes: 0 };
    while (!this.#isStopped) {
      const result = await node.api.job("/v1/admin/vacuum", { body: {} });
      totals.runCount++;
      for (const name of ["readBytes", "writtenBytes", "droppedBytes"] as const) {
        totals[name] += Number(result[name]);
      }
    }
    return totals;
  }
}
