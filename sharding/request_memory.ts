/**
 * The memory of requests: what a retry is answered with, for ten minutes of versions.
 *
 * A record stands in the tree beside the first key of its command, so it is replicated, survives
 * restarts and will move with its key's range. It is written by the very entry that carried the
 * command, in the same step as its effects. Whether it still counts is decided by versions, never by
 * a clock, so that every replica and every replay agrees.
 *
 * ```
 * tree key: "r" | key length, 2 bytes big-endian | first key | 16 bytes request id
 * value:    u8 format (1) | 16 bytes fingerprint | result (result_codec.ts)
 * ```
 *
 * Invariant: a record that compaction may drop (its version at or below the horizon that goes with
 * the last commit) is too old for every later command.
 *
 * @module
 */
import { ByteReader, ByteWriter, invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { EntryKind } from "../storage/mod.ts";
import { type LoggedCommand, requestTreeKey } from "./command.ts";
import { identitySizeBytes, requestIdText } from "./command_codec.ts";
import type { CommandResult, RequestIdentity } from "./database.ts";
import type { ReplicaStore } from "./replica_store.ts";
import { decodeResult, encodeResult } from "./result_codec.ts";

const recordFormat = 1;

/** How long a request is remembered, in microseconds of versions: ten minutes. */
export const requestMemoryMicros = 600_000_000;

/** Up to which version records may be dropped once `lastVersion` is committed. */
export function requestHorizon(lastVersion: number): number {
  return Math.max(0, lastVersion - requestMemoryMicros - 1);
}

/** Remembers the answers of requests in a replica's tree. */
export class RequestMemory {
  readonly #store: ReplicaStore;
  readonly #out = new ByteWriter(256);

  constructor(store: ReplicaStore) {
    this.#store = store;
  }

  /**
   * Returns the answer to a request that is remembered: that of its first attempt, or
   * `request_mismatch` where that one asked for something else. Undefined where it is new.
   */
  recall(
    command: LoggedCommand,
    request: RequestIdentity,
    version: number,
  ): CommandResult | undefined {
    const found = this.#store.get(requestTreeKey(command, requestIdText(request)), version);
    if (found === undefined || version - found.version > requestMemoryMicros) return undefined;
    const reader = new ByteReader(found.bytes);
    const format = reader.u8();
    if (format !== recordFormat) {
      throw new MalformedBytesError(`A remembered request has format ${format}, known is 1`);
    }
    const fingerprint = reader.bytes(identitySizeBytes);
    if (!isEqual(fingerprint, request.fingerprint)) return { outcome: "request_mismatch" };
    return decodeResult(reader);
  }

  /** Remembers the answer of a request that was new. */
  remember(
    command: LoggedCommand,
    request: RequestIdentity,
    answer: { readonly version: number; readonly result: CommandResult },
  ): void {
    const { version, result } = answer;
    invariant(
      result.outcome !== "committed" || result.version === version,
      () => `A new answer has its command's version: ${version}`,
    );
    const out = this.#out;
    out.clear();
    out.u8(recordFormat);
    out.bytes(request.fingerprint);
    encodeResult(out, result);
    const treeKey = requestTreeKey(command, requestIdText(request));
    this.#store.write(treeKey, version, EntryKind.value, out.buffer, 0, out.length);
  }
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false;
  }
  return left.length === right.length;
}
