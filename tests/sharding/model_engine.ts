/**
 * A ReplicaEngine over a sorted list, for tests of what drives a tree.
 *
 * @module
 */
import type { ReplicaEngine } from "../../sharding/replica.ts";
import { appliedNothing, type AppliedState, type Snapshot } from "../../storage/mod.ts";
import { ModelStore } from "./model_store.ts";

/** Keeps everything in memory; durable is what `flush` has seen. */
export class ModelEngine extends ModelStore implements ReplicaEngine {
  applied: AppliedState = appliedNothing;
  durableIndex = 0;
  readonly #held = new Map<number, number>();
  #lastId = 0;

  commit(state: AppliedState): void {
    this.applied = state;
  }

  hold(request: { version: number; kind: string; owner: string }): Snapshot {
    const id = ++this.#lastId;
    this.#held.set(id, request.version);
    return { ...request, id, heldSinceMs: 0, release: () => this.#held.delete(id) };
  }

  oldestHeldVersion(): number | undefined {
    return this.#held.size === 0 ? undefined : Math.min(...this.#held.values());
  }

  admission(): Promise<void> | undefined {
    return undefined;
  }

  flush(): Promise<void> {
    this.durableIndex = this.applied.index;
    return Promise.resolve();
  }
}
