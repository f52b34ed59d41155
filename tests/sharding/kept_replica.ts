/**
 * A replica under upkeep, over a model of a tree and a clock that a test moves.
 *
 * @module
 */
import { decodeCommand } from "../../sharding/command_codec.ts";
import type { LoggedCommand } from "../../sharding/command.ts";
import type { Command, CommandResult } from "../../sharding/database.ts";
import { entryHeaderSizeBytes } from "../../sharding/entry_header.ts";
import { ShardError } from "../../sharding/errors.ts";
import { Replica } from "../../sharding/replica.ts";
import { Upkeep } from "../../sharding/upkeep.ts";
import { ByteWriter } from "../../storage/env/mod.ts";
import { VersionClock } from "../../storage/mod.ts";
import { ManualClock } from "../server/manual_clock.ts";
import { buildEntry } from "./entry_building.ts";
import { ModelEngine } from "./model_engine.ts";

/** How often the fixture looks at horizons. */
export const upkeepMs = 5_000;

/** A replica under upkeep, with a group that has nothing in between. */
export class KeptReplica {
  readonly clock: ManualClock;
  readonly engine: ModelEngine;
  readonly replica: Replica;
  readonly upkeep: Upkeep;
  /** What upkeep has proposed. */
  readonly proposed: LoggedCommand[] = [];
  /** Lines of the log. */
  readonly logged: string[] = [];
  /** Kinds of commands that the group refuses. */
  refused: string[] = [];
  /** Waited for before a command is applied. */
  gate: Promise<void> = Promise.resolve();
  /** Called with each proposal of upkeep's. */
  onPropose: () => void = () => {};
  #proposalCount = 0;
  #index: number;

  constructor(clock = new ManualClock(), engine = new ModelEngine()) {
    this.clock = clock;
    this.engine = engine;
    this.#index = engine.applied.index;
    const versions = new VersionClock(clock);
    this.replica = new Replica({ engine, versions, retentionMs: 0 });
    this.upkeep = new Upkeep({
      replica: this.replica,
      engine,
      group: {
        propose: (encode) => this.#propose(encode),
        statistics: () => ({ proposalCount: this.#proposalCount }),
      },
      clock,
      logger: { log: (_level, event) => void this.logged.push(event) },
      upkeepMs,
    });
    this.replica.observe({
      wantsRecords: false,
      applied: ({ earliestDue }) => {
        if (earliestDue < Infinity) this.upkeep.written(earliestDue);
      },
    });
  }

  static async started(): Promise<KeptReplica> {
    const kept = new KeptReplica();
    kept.upkeep.start();
    await settle();
    return kept;
  }

  /** Runs commands of clients. */
  run(...commands: Command[]): CommandResult[] {
    return this.#apply(
      buildEntry({ base: 0 }, commands.map((command) => ({ command }))),
      commands.length,
    );
  }

  /** Lets time pass, a millisecond at a time. */
  async pass(ms: number): Promise<void> {
    for (let count = 0; count < ms; count++) {
      this.clock.advance(1);
      await settle();
    }
  }

  /** Kinds of what was proposed since this was last asked. */
  takeKinds(): string[] {
    return this.proposed.splice(0).map(({ kind }) => kind);
  }

  async #propose(encode: (out: ByteWriter) => void): Promise<CommandResult> {
    const out = new ByteWriter();
    out.reserve(entryHeaderSizeBytes);
    const start = out.reserve(4);
    encode(out);
    out.u32At(start, out.length - start - 4);
    const payload = out.copy();
    const command = decodeCommand(payload, start + 4, payload.length);
    this.proposed.push(command);
    this.onPropose();
    await this.gate;
    if (this.refused.includes(command.kind)) throw new ShardError("disk_full", "Cannot append");
    return this.#apply(payload, 1)[0];
  }

  #apply(payload: Uint8Array, commandCount: number): CommandResult[] {
    this.#proposalCount += commandCount;
    this.replica.sealHeader(payload, 0, commandCount);
    return this.replica.apply({ index: ++this.#index, term: 1, payload });
  }
}

/** Lets everything run that does not wait for time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
