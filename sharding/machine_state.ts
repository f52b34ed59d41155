/**
 * What a replica keeps beside its tree: the opaque bytes that go into the manifest with each flush.
 *
 * ```
 * u8 format (2) | u64 window end | varint length, position in the index of expiries
 * ```
 *
 * @module
 */
import { ByteReader, ByteWriter, MalformedBytesError } from "../storage/env/mod.ts";

const stateFormat = 2;

/** The state of a replica outside its tree. */
export interface MachineState {
  /** The largest version that may have been read at, promised or closed by any leader so far. */
  readonly windowEnd: number;
  /** Where the index of expiries is looked at next: a tree key; "" before the first. */
  readonly expiryPosition: string;
}

/** Returns the state as bytes, owned by the caller. */
export function encodeMachineState(state: MachineState): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(stateFormat);
  out.u64(state.windowEnd);
  out.latin1Prefixed(state.expiryPosition);
  return out.copy();
}

/**
 * Reads the state; no bytes at all are that of a replica that has applied nothing.
 *
 * @throws {MalformedBytesError} where it is none.
 */
export function decodeMachineState(bytes: Uint8Array): MachineState {
  if (bytes.length === 0) return { windowEnd: 0, expiryPosition: "" };
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== stateFormat) {
    throw new MalformedBytesError(
      `A replica's state has format ${format}, known is ${stateFormat}`,
    );
  }
  const windowEnd = reader.u64();
  const expiryPosition = reader.latin1Prefixed();
  reader.expectEnd();
  return { windowEnd, expiryPosition };
}
