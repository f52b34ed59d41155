/**
 * Writers that note what was acknowledged: each owns one key at a time and writes it again and again,
 * so that after a crash a key holds the last acknowledged value or the one that was on its way.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import type { ServerProcess } from "./server_process.ts";

interface KeyState {
  acknowledged: string | undefined;
  onItsWay: string | undefined;
}

/** What writers were told. */
export class Writers {
  readonly #keys = new Map<string, KeyState>();
  readonly #statuses = new Map<number, number>();
  /** What was acknowledged, in the order of the answers. */
  readonly acknowledged: { readonly key: string; readonly value: string }[] = [];
  #isOver = false;

  /** How many writes were acknowledged. */
  get acknowledgedCount(): number {
    return this.acknowledged.length;
  }

  /** How often each status was answered. */
  get statuses(): ReadonlyMap<number, number> {
    return this.#statuses;
  }

  /** Lets the writers come to an end after the request that they are at. */
  end(): void {
    this.#isOver = true;
  }

  /**
   * Writes until `end()`, or until a connection breaks.
   *
   * @param options.round Makes the keys differ from those of other rounds.
   */
  async run(
    server: ServerProcess,
    options: { round: number; writerCount: number; valueSizeBytes?: number },
  ): Promise<void> {
    this.#isOver = false;
    const writers = Array.from({ length: options.writerCount }, async (_, writer) => {
      for (let count = 0; !this.#isOver; count++) {
        const key = `round/${options.round}/${writer}/${count % 7}`;
        const value = `${options.round} ${writer} ${count}`.padEnd(
          options.valueSizeBytes ?? 0,
          "x",
        );
        if (!await this.#write(server, { key, value })) return;
      }
    });
    await Promise.all(writers);
  }

  /** Reads every key back. */
  async check(server: ServerProcess): Promise<void> {
    for (const [key, state] of this.#keys) {
      const found = await server.get(key);
      const isRight = found === state.acknowledged || found === state.onItsWay;
      ok(isRight, `${key} is ${found}, acknowledged was ${state.acknowledged}`);
      // What was read is as good as acknowledged: it must be there the next time too.
      this.#keys.set(key, { acknowledged: found, onItsWay: undefined });
    }
  }

  /** Returns whether the connection holds. */
  async #write(
    server: ServerProcess,
    given: { key: string; value: string },
  ): Promise<boolean> {
    const { key, value } = given;
    const state = this.#keys.get(key) ?? { acknowledged: undefined, onItsWay: undefined };
    this.#keys.set(key, state);
    state.onItsWay = value;
    let status: number;
    try {
      status = await server.put(key, value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return false;
    }
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status === 200) {
      state.acknowledged = value;
      this.acknowledged.push(given);
    }
    // 504 leaves it open; every other refusal says that nothing was applied.
    if (status !== 504) state.onItsWay = undefined;
    return true;
  }
}
