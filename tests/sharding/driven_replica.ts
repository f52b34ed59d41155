/**
 * A replica over a model of a tree, driven as its group drives it, with nothing in between.
 *
 * @module
 */
import type { UpkeepCommand } from "../../sharding/command.ts";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { Replica } from "../../sharding/replica.ts";
import { SystemClock } from "../../storage/env/mod.ts";
import { VersionClock } from "../../storage/mod.ts";
import { buildEntry } from "./entry_building.ts";
import { ModelEngine } from "./model_engine.ts";

/** A clock whose wall time stands still until a test sets it; all else is the host's. */
export class SetClock extends SystemClock {
  micros = 1_000_000_000;

  override wallMicros(): number {
    return this.micros;
  }
}

/** A replica with a group of its own. */
export class DrivenReplica {
  readonly clock: SetClock;
  readonly engine: ModelEngine;
  readonly replica: Replica;
  index: number;

  constructor(clock: SetClock, engine: ModelEngine = new ModelEngine(), retentionMs = 0) {
    this.clock = clock;
    this.engine = engine;
    this.index = engine.applied.index;
    this.replica = new Replica({ engine, versions: new VersionClock(clock), retentionMs });
  }

  /** Closes a batch. */
  seal(...commands: readonly (Command | UpkeepCommand)[]): Uint8Array {
    const payload = buildEntry({ base: 0 }, commands.map((command) => ({ command })));
    this.replica.sealHeader(payload, 0, commands.length);
    return payload;
  }

  /** The log holds it now. */
  apply(payload: Uint8Array): CommandResult[] {
    return this.replica.apply({ index: ++this.index, term: 1, payload });
  }

  /** Closes a batch and has it applied. */
  run(...commands: readonly (Command | UpkeepCommand)[]): CommandResult[] {
    return this.apply(this.seal(...commands));
  }

  /** Another process on the same tree: everything that was held is let go. */
  restarted(retentionMs = 0): DrivenReplica {
    this.engine.loseHolds();
    return new DrivenReplica(this.clock, this.engine, retentionMs);
  }
}
