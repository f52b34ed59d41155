/**
 * How far a tree has got: the last entry applied, and what the state machine above wants kept with
 * it. Every flush records it, because the tree has no log of its own: entries behind it are applied
 * again after a crash.
 *
 * ```
 * index varint | term varint | last version varint
 * horizons: user varint, change varint, request varint
 * machine: length varint, bytes
 * ```
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "./env/mod.ts";
import { invariant, MalformedBytesError } from "./env/mod.ts";
import type { Horizons } from "./key_space.ts";

/** The state as of one applied entry. */
export interface AppliedState {
  /** The entry's index, 0 before the first. */
  readonly index: number;
  /** The term it was proposed in. */
  readonly term: number;
  /** The largest version that it or an entry before it wrote. */
  readonly lastVersion: number;
  /** What may be vacuumed as of it. */
  readonly horizons: Horizons;
  /** The state machine's own, opaque here. Whoever hands it over does not change it any more. */
  readonly machine: Uint8Array;
}

/** The state of an empty tree. */
export const appliedNothing: AppliedState = {
  index: 0,
  term: 0,
  lastVersion: 0,
  horizons: { userVersion: 0, changeVersion: 0, requestVersion: 0 },
  machine: new Uint8Array(0),
};

/** What the state machine may keep in a state, in bytes. */
export const machineSizeBytesMax = 65_536;

/** Appends a state. */
export function encodeAppliedState(state: AppliedState, out: ByteWriter): void {
  invariant(
    state.machine.length <= machineSizeBytesMax,
    () => `A machine keeps up to ${machineSizeBytesMax} bytes: ${state.machine.length}`,
  );
  out.varint(state.index);
  out.varint(state.term);
  out.varint(state.lastVersion);
  out.varint(state.horizons.userVersion);
  out.varint(state.horizons.changeVersion);
  out.varint(state.horizons.requestVersion);
  out.bytesPrefixed(state.machine);
}

/** Reads a state. The result shares no memory with the source. @throws {MalformedBytesError} */
export function decodeAppliedState(reader: ByteReader): AppliedState {
  const index = reader.varint();
  const term = reader.varint();
  const lastVersion = reader.varint();
  const horizons = {
    userVersion: reader.varint(),
    changeVersion: reader.varint(),
    requestVersion: reader.varint(),
  };
  const sizeBytes = reader.varint();
  if (sizeBytes > machineSizeBytesMax) {
    throw new MalformedBytesError(`A machine of ${sizeBytes} bytes is too large`);
  }
  return { index, term, lastVersion, horizons, machine: reader.bytes(sizeBytes).slice() };
}

/** Checks that a state may follow another. */
export function checkFollows(next: AppliedState, last: AppliedState): void {
  invariant(next.index > last.index, () => `Indexes rise: ${last.index}, then ${next.index}`);
  invariant(next.term >= last.term, () => `Terms never fall: ${last.term}, then ${next.term}`);
  invariant(
    next.lastVersion >= last.lastVersion,
    () => `Versions never fall: ${last.lastVersion}, then ${next.lastVersion}`,
  );
  invariant(
    next.horizons.userVersion >= last.horizons.userVersion &&
      next.horizons.changeVersion >= last.horizons.changeVersion &&
      next.horizons.requestVersion >= last.horizons.requestVersion,
    () => `Horizons never fall: ${JSON.stringify([last.horizons, next.horizons])}`,
  );
}
