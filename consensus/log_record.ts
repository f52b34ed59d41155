/**
 * What stands in the frames of the node log.
 *
 * A frame's body is any number of records, one behind the other; none at all is a frame that only
 * carries its mark. Numbers are varints unless a width is given:
 *
 * ```
 * 1 segment header  u32 format version | u64 segment number | u64 segment size
 * 2 hard state      group | term | vote | commit
 * 3 entry           group | term | index | payload length | payload
 * ```
 *
 * @module
 */
import type { ByteWriter } from "../storage/env/mod.ts";
import { ByteReader, MalformedBytesError } from "../storage/env/mod.ts";

// On disk since format 1: never renumber.
const kindSegmentHeader = 1;
const kindHardState = 2;
const kindEntry = 3;

/** The format of segments that this version writes, and the only one it reads. */
export const logFormatVersion = 1;

/** More than what any record adds to its payload, in bytes. */
export const recordOverheadSizeBytesMax = 40;

/** What a voter must remember across restarts (Raft §5.1, §5.2). */
export interface HardState {
  /** The latest term it has seen. */
  readonly term: number;
  /** Whom it voted for in that term; 0 for nobody. */
  readonly vote: number;
  /** An index known to be committed; it may lag. */
  readonly commit: number;
}

/** An entry of a group's log. */
export interface EntryRecord {
  readonly kind: "entry";
  readonly groupId: number;
  readonly term: number;
  /** From 1, without gaps. One that is there already replaces it and all behind it. */
  readonly index: number;
  readonly payload: Uint8Array;
}

/** A group's hard state; the last one written holds. */
export interface HardStateRecord {
  readonly kind: "hardState";
  readonly groupId: number;
  readonly hardState: HardState;
}

/** What can be appended. */
export type LogRecord = EntryRecord | HardStateRecord;

/** What the first frame of a segment says. */
export interface SegmentHeader {
  readonly formatVersion: number;
  readonly number: number;
  readonly sizeBytes: number;
}

/** An entry where it stands: its payload is bytes [start, end) of the body. */
export interface PlacedEntry {
  readonly groupId: number;
  readonly term: number;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** Receives the records of a body in order. */
export interface RecordVisitor {
  entry(entry: PlacedEntry): void;
  hardState(groupId: number, hardState: HardState): void;
}

/** Writes an entry and returns where its payload starts. */
export function writeEntry(out: ByteWriter, entry: EntryRecord): number {
  out.u8(kindEntry);
  out.varint(entry.groupId);
  out.varint(entry.term);
  out.varint(entry.index);
  out.varint(entry.payload.length);
  const start = out.length;
  out.bytes(entry.payload);
  return start;
}

/** Writes a hard state. */
export function writeHardState(out: ByteWriter, groupId: number, hardState: HardState): void {
  out.u8(kindHardState);
  out.varint(groupId);
  out.varint(hardState.term);
  out.varint(hardState.vote);
  out.varint(hardState.commit);
}

/** Writes what opens a segment. */
export function writeSegmentHeader(out: ByteWriter, header: SegmentHeader): void {
  out.u8(kindSegmentHeader);
  out.u32(header.formatVersion);
  out.u64(header.number);
  out.u64(header.sizeBytes);
}

/** Reads what opens a segment. @throws {MalformedBytesError} where it is something else. */
export function readSegmentHeader(body: Uint8Array): SegmentHeader {
  const reader = new ByteReader(body);
  const kind = reader.u8();
  if (kind !== kindSegmentHeader) throw new MalformedBytesError(`Not a segment header: ${kind}`);
  const formatVersion = reader.u32();
  return { formatVersion, number: reader.u64(), sizeBytes: reader.u64() };
}

/** Reads the records of a body. @throws {MalformedBytesError} where it holds anything else. */
export function readRecords(body: Uint8Array, visitor: RecordVisitor): void {
  const reader = new ByteReader(body);
  while (reader.remaining > 0) {
    const kind = reader.u8();
    if (kind === kindEntry) {
      const groupId = reader.varint();
      const term = reader.varint();
      const index = reader.varint();
      const sizeBytes = reader.varint();
      const start = reader.position;
      reader.bytes(sizeBytes);
      visitor.entry({ groupId, term, index, start, end: reader.position });
    } else if (kind === kindHardState) {
      const groupId = reader.varint();
      const term = reader.varint();
      const vote = reader.varint();
      visitor.hardState(groupId, { term, vote, commit: reader.varint() });
    } else {
      throw new MalformedBytesError(`Not a record: kind ${kind}`);
    }
  }
}
