/**
 * What the clients of one life of a node share, and what they note.
 *
 * @module
 */
import type { Random } from "../../storage/env/mod.ts";
import type { HistoryOptions, KeyHistory, KeyRange } from "../../sharding/database.ts";
import type { Watch, WatchBatch } from "../../sharding/database.ts";
import type { Model } from "./model.ts";
import type { ReadEntry } from "./reads.ts";
import type { BoundKeys } from "./retention_bounds.ts";
import type { ScriptStage } from "./script.ts";
import type { Workload } from "./workload.ts";

/** What clients were told, beside the answers to their writes. */
export interface Notes {
  readonly reads: ReadEntry[];
  readonly refusals: VacuumedRefusal[];
  readonly histories: HistoryRead[];
  readonly watches: WatchStream[];
}

/** What all clients of one life of a node share. */
export interface ClientStage extends ScriptStage {
  readonly workload: Workload;
  readonly random: Random;
  /** About what is there now, for conditions. */
  readonly seen: Model;
  readonly notes: Notes;
  /** Watches that are open now. */
  readonly openWatches: Set<OpenWatch>;
  /** What clients met that no fault of a disk explains. */
  readonly wrongs: unknown[];
  /** Set when the clients should come to an end. */
  isOver: boolean;
  /** How long a client may pause before it asks again, in milliseconds. */
  readonly thinkMsMax: number;
  /** Returns the largest version that can have been drawn by now. */
  versionBound(): number;
  /** Tells whether nothing keeps the node from doing what it does in time. */
  isUntroubled(): boolean;
}

/** What was refused because it was vacuumed. */
export interface VacuumedRefusal {
  /** What was asked for; undefined for change records. */
  readonly keys: BoundKeys | undefined;
  readonly version: number;
  readonly oldestVersion: number | undefined;
  /** The largest version that can have been drawn by then. */
  readonly now: number;
}

/** The history of a key that was read. */
export interface HistoryRead {
  readonly key: string;
  readonly options: Omit<HistoryOptions, "deadlineMs">;
  readonly found: KeyHistory;
  readonly now: number;
}

/** What a watch told, and what was known of it then. */
export interface ToldBatch {
  readonly batch: WatchBatch;
  /** What the watch said it had told. */
  readonly version: number;
  /** The largest version that can have been drawn by then. */
  readonly now: number;
}

/** One watch, from its opening to its end. */
export interface WatchStream {
  readonly range: KeyRange;
  readonly withPrevious: boolean;
  /** Behind which version it began. */
  readonly from: number;
  readonly isResumed: boolean;
  readonly told: ToldBatch[];
  /** What it said it had told when it was closed; undefined where the process ended first. */
  endVersion: number | undefined;
  /** The least version that it must have told in the end, where the node had the time. */
  wantedVersion: number;
  /** Its name among the holders was ended by an operator. */
  isReleased: boolean;
}

/** A watch that is open, for whoever waits for it or ends it. */
export interface OpenWatch {
  readonly watch: Watch;
  readonly stream: WatchStream;
  readonly owner: string;
}
