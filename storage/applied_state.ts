/**
 * How far a tree has got: the last entry applied, and what the state machine above wants kept with
 * it. Every flush records it, because the tree has no log of its own: entries behind it are applied
 * again after a crash.
 *
 * ```
 * index varint | term varint | last version varint
 * horizons: user varint, expiry varint, change varint, request varint
 * rules:    count varint, each: prefix (length varint, bytes) | form u8 | horizon varint |
 *           form 0, by time: retention in microseconds varint
 *           form 1, counts:  versions varint, counted from varint
 *           form 2, retired: nothing
 * machine:  length varint, bytes
 * ```
 *
 * @module
 */
import type { ByteReader, ByteWriter } from "./env/mod.ts";
import { invariant, MalformedBytesError } from "./env/mod.ts";
import type { Horizons, RetentionRule } from "./key_space.ts";
import { userSpace } from "./key_space.ts";
import { checkHorizonsFollow, checkRules, noHorizons } from "./mvcc/retention.ts";

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
  horizons: noHorizons,
  machine: new Uint8Array(0),
};

/** What the state machine may keep in a state, in bytes. */
export const machineSizeBytesMax = 65_536;

// On disk since format 2: never renumber.
const formTimed = 0;
const formCounting = 1;
const formRetired = 2;

/** Appends a state. */
export function encodeAppliedState(state: AppliedState, out: ByteWriter): void {
  invariant(
    state.machine.length <= machineSizeBytesMax,
    () => `A machine keeps up to ${machineSizeBytesMax} bytes: ${state.machine.length}`,
  );
  out.varint(state.index);
  out.varint(state.term);
  out.varint(state.lastVersion);
  encodeHorizons(state.horizons, out);
  out.bytesPrefixed(state.machine);
}

function encodeHorizons(horizons: Horizons, out: ByteWriter): void {
  checkRules(horizons.rules);
  out.varint(horizons.userVersion);
  out.varint(horizons.expiryVersion);
  out.varint(horizons.changeVersion);
  out.varint(horizons.requestVersion);
  out.varint(horizons.rules.length);
  for (const rule of horizons.rules) {
    out.latin1Prefixed(rule.prefix);
    if (rule.isRetired) {
      out.u8(formRetired);
      out.varint(rule.version);
    } else if (rule.retentionMicros !== undefined) {
      out.u8(formTimed);
      out.varint(rule.version);
      out.varint(rule.retentionMicros);
    } else {
      out.u8(formCounting);
      out.varint(rule.version);
      out.varint(rule.versionCount);
      // Nothing below the horizon can be read of a rule that does not know where it began.
      out.varint(rule.countedFrom ?? rule.version);
    }
  }
}

/** Reads a state. The result shares no memory with the source. @throws {MalformedBytesError} */
export function decodeAppliedState(reader: ByteReader): AppliedState {
  const index = reader.varint();
  const term = reader.varint();
  const lastVersion = reader.varint();
  const horizons = decodeHorizons(reader);
  const sizeBytes = reader.varint();
  if (sizeBytes > machineSizeBytesMax) {
    throw new MalformedBytesError(`A machine of ${sizeBytes} bytes is too large`);
  }
  return { index, term, lastVersion, horizons, machine: reader.bytes(sizeBytes).slice() };
}

function decodeHorizons(reader: ByteReader): Horizons {
  const userVersion = reader.varint();
  const expiryVersion = reader.varint();
  const changeVersion = reader.varint();
  const requestVersion = reader.varint();
  const rules: RetentionRule[] = [];
  // A rule takes several bytes, so a wrong count ends where the bytes do.
  for (let count = reader.varint(); count > 0; count--) {
    const rule = decodeRule(reader);
    const isOrdered = rules.length === 0 || rules[rules.length - 1].prefix < rule.prefix;
    if (!isOrdered || rule.prefix[0] !== userSpace) {
      throw new MalformedBytesError(`A rule is out of place: ${JSON.stringify(rule.prefix)}`);
    }
    rules.push(rule);
  }
  return { userVersion, expiryVersion, rules, changeVersion, requestVersion };
}

function decodeRule(reader: ByteReader): RetentionRule {
  const prefix = reader.latin1Prefixed();
  const form = reader.u8();
  const version = reader.varint();
  const nothing = {
    prefix,
    retentionMicros: undefined,
    versionCount: 0,
    isRetired: false,
    version,
  };
  switch (form) {
    case formTimed:
      return { ...nothing, retentionMicros: reader.varint() };
    case formCounting: {
      const rule = { ...nothing, versionCount: reader.varint(), countedFrom: reader.varint() };
      if (rule.versionCount === 0) throw new MalformedBytesError("A rule counts to 0");
      return rule;
    }
    case formRetired:
      return { ...nothing, isRetired: true };
    default:
      throw new MalformedBytesError(`A rule has form ${form}`);
  }
}

/** Checks that a state may follow another. */
export function checkFollows(next: AppliedState, last: AppliedState): void {
  invariant(next.index > last.index, () => `Indexes rise: ${last.index}, then ${next.index}`);
  invariant(next.term >= last.term, () => `Terms never fall: ${last.term}, then ${next.term}`);
  invariant(
    next.lastVersion >= last.lastVersion,
    () => `Versions never fall: ${last.lastVersion}, then ${next.lastVersion}`,
  );
  checkHorizonsFollow(next.horizons, last.horizons);
}
