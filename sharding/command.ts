/**
 * Commands as they stand in the log: what `database.ts` asks for, in the terms of the tree.
 *
 * Keys carry the tag of their key space and values their envelope, so that applying a command costs
 * no more copies than the tree makes itself. `command_codec.ts` turns them into bytes and back,
 * `apply.ts` evaluates them.
 *
 * @module
 */
import { keySizeBytesMax, requestSpace, userSpace } from "../storage/mod.ts";
import { latin1Decode, latin1Encode } from "../storage/env/mod.ts";
import type { Command, Condition, KeyRange, RequestIdentity, RetentionTerm } from "./database.ts";

/** What goes into the log with a command. */
export interface CommandContext {
  /** Set where the client asked to be remembered. */
  readonly request?: RequestIdentity;
  /** Who asked, as `writer.ts` has it; empty where the node does it by itself. */
  readonly writer?: string;
  /** The longest value that a mutation may leave behind, so that every replica uses the same. */
  readonly valueSizeBytesMax: number;
}

/** A piece of a buffer that holds a value's envelope. Valid as long as the entry it came in. */
export interface EnvelopeSlice {
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What every command in the log carries. */
interface LoggedBase {
  readonly request: RequestIdentity | undefined;
  readonly writer: string;
}

/** A put in the log. */
export interface LoggedPut extends LoggedBase, EnvelopeSlice {
  readonly kind: "put";
  readonly treeKey: string;
  readonly condition: Condition | undefined;
}

/** A delete in the log. */
export interface LoggedDelete extends LoggedBase {
  readonly kind: "delete";
  readonly treeKey: string;
  readonly condition: Condition | undefined;
}

/** A range delete in the log: tree keys from `start` up to before `end`. */
export interface LoggedDeleteRange extends LoggedBase {
  readonly kind: "delete_range";
  readonly start: string;
  readonly end: string;
  readonly keyCountMax: number;
}

/** A check of a transaction in the log. */
export interface LoggedCheck {
  readonly treeKey: string;
  readonly version: number | null;
}

/** A mutation of a transaction in the log. */
export type LoggedMutation =
  | { readonly op: "set" | "append"; readonly treeKey: string; readonly value: EnvelopeSlice }
  | { readonly op: "delete"; readonly treeKey: string }
  | {
    readonly op: "add" | "min" | "max";
    readonly treeKey: string;
    readonly operand: number;
    /** Undefined leaves the time that the value has to live as it is. */
    readonly ttlMicros: number | undefined;
  };

/** A transaction in the log. */
export interface LoggedTransaction extends LoggedBase {
  readonly kind: "transaction";
  readonly checks: readonly LoggedCheck[];
  readonly mutations: readonly LoggedMutation[];
  readonly reads: readonly string[];
  readonly valueSizeBytesMax: number;
}

/** A revert in the log. */
export interface LoggedRevert extends LoggedBase {
  readonly kind: "revert";
  readonly treeKey: string;
  readonly toVersion: number;
  readonly condition: Condition | undefined;
  readonly ttlMicros: number | undefined;
}

/** A retention rule in the log; undefined takes the rule back. */
export interface LoggedRetention extends LoggedBase {
  readonly kind: "retention";
  /** A tree key's beginning. */
  readonly prefix: string;
  readonly term: RetentionTerm | undefined;
}

/** What the leader of a group does by itself. */
export type UpkeepCommand =
  /**
   * Moves versions on without a change, and with them the watermark; and the horizons of the rules
   * that are named, by the beginning of their tree keys.
   */
  | { readonly kind: "advance"; readonly horizons: readonly RuleHorizon[] }
  /** Removes keys whose time has passed at the command's version, up to so many. */
  | { readonly kind: "expire"; readonly keyCountMax: number };

/** How far the rule of a prefix may be vacuumed. */
export interface RuleHorizon {
  readonly prefix: string;
  readonly version: number;
}

/** A command of the leader's own in the log. */
export type LoggedUpkeep = LoggedBase & UpkeepCommand;

/** A command in the log. */
export type LoggedCommand =
  | LoggedPut
  | LoggedDelete
  | LoggedDeleteRange
  | LoggedTransaction
  | LoggedRevert
  | LoggedRetention
  | LoggedUpkeep;

/** The first tree key behind all user keys. */
export const userSpaceEnd: string = String.fromCharCode(userSpace.charCodeAt(0) + 1);

const keyScratch = new Uint8Array(userSpace.length + keySizeBytesMax);

/**
 * Returns a user key as a tree key whose characters stand in one piece. A concatenation would be a
 * rope, which every comparison on the way down a tree pays for.
 */
export function flatTreeKey(key: string): string {
  if (key.length > keySizeBytesMax) return userSpace + key;
  const tagEnd = latin1Encode(userSpace, keyScratch, 0);
  return latin1Decode(keyScratch, 0, latin1Encode(key, keyScratch, tagEnd));
}

/** Tree keys from `start` up to before `end`. */
export interface TreeRange {
  readonly start: string;
  readonly end: string;
}

/**
 * Returns a range of user keys as a range of tree keys. It is empty where `start` is not before
 * `end`.
 */
export function treeRange(range: KeyRange): TreeRange {
  return {
    start: boundTreeKey(range.start ?? ""),
    end: range.end === undefined ? userSpaceEnd : boundTreeKey(range.end),
  };
}

/** One byte more than the longest key decides every comparison with a key. */
function boundTreeKey(bound: string): string {
  return userSpace + bound.slice(0, keySizeBytesMax + 1);
}

/**
 * Returns the tree key of a command's remembered request: beside its first key, so that it moves
 * with that key's range.
 */
export function requestTreeKey(command: LoggedCommand, id: string): string {
  return requestTreeKeyBeside(firstTreeKey(command).slice(userSpace.length), id);
}

/** Returns what `requestTreeKey` will, of a command that is not in the log yet. */
export function requestTreeKeyAhead(command: Command, id: string): string {
  switch (command.kind) {
    case "put":
    case "delete":
    case "revert":
      return requestTreeKeyBeside(command.key, id);
    case "delete_range":
    case "set_retention":
    case "remove_retention":
      return requestTreeKeyBeside("", id);
    case "transaction": {
      const { mutations, checks, reads } = command;
      return requestTreeKeyBeside(mutations[0]?.key ?? checks[0]?.key ?? reads[0] ?? "", id);
    }
  }
}

function requestTreeKeyBeside(key: string, id: string): string {
  const sizeBytes = key.length;
  return requestSpace + String.fromCharCode(sizeBytes >>> 8, sizeBytes & 0xff) + key + id;
}

/** The first key that a command names, with its tag: mutations before checks before reads. */
function firstTreeKey(command: LoggedCommand): string {
  switch (command.kind) {
    case "put":
    case "delete":
    case "revert":
      return command.treeKey;
    case "delete_range":
    case "retention":
    case "advance":
    case "expire":
      // What they are about is part of what is asked for, not of its name.
      return userSpace;
    case "transaction":
      return command.mutations[0]?.treeKey ?? command.checks[0]?.treeKey ?? command.reads[0] ??
        userSpace;
  }
}
