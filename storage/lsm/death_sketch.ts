/**
 * When the entries of a table die, in a few bytes: so that the part that VACUUM may drop can be told for
 * any horizon, although the table holds newer entries too.
 *
 * | cause | an entry of it dies at |
 * | --- | --- |
 * | shadowed | the version of the next newer entry of its key in the same table |
 * | tombstone | its own version |
 * | change, request | its own version |
 * | expiry | the version that its key names |
 *
 * A sketch has exact totals, the exact first and last death, and between them up to seven quantiles of a
 * sample. The sample takes one death every so many bytes and doubles that distance when it is full,
 * so it is bounded, and the same entries give the same bytes.
 *
 * ```
 * sketches := count varint | (cause u8 | entries varint | bytes varint | keys varint |
 *             point count varint | first point varint | distance to the next point varint *) *
 * ```
 *
 * Invariants:
 *
 *  1. Causes rise, points never fall; there are 1 to 9 points, and no sketch without an entry.
 *  2. {@linkcode deadShare} is 0 below the first death, 1 from the last one on, and never falls with a
 *     rising horizon.
 *
 * @module
 */
import { EntryKind } from "../cursor.ts";
import type { ByteReader, ByteWriter } from "../env/mod.ts";
import { MalformedBytesError } from "../env/mod.ts";
import { changeSpace, expirySpace, requestSpace, userSpace } from "../key_space.ts";
import { dueOf } from "../mvcc/expiry.ts";

/** Why an entry dies. On disk since table format 2: never renumber. */
export const DeathCause = {
  /** A newer entry of the same key stands in the same table. */
  shadowed: 1,
  /** It says "deleted". */
  tombstone: 2,
  /** It is a change record. */
  change: 3,
  /** It is a remembered request. */
  request: 4,
  /** It belongs to the index of expiries. */
  expiry: 5,
} as const;

/** One of {@linkcode DeathCause}; a later format may have more. */
export type DeathCause = number;

/** The deaths of one cause in one table. */
export interface DeathSketch {
  /** Why. */
  readonly cause: DeathCause;
  /** How many entries. */
  readonly entryCount: number;
  /** Bytes of their keys and values. */
  readonly sizeBytes: number;
  /** How many different keys they have. */
  readonly keyCount: number;
  /** Versions, not falling: the first death, quantiles, the last one; one point where all are one. */
  readonly points: readonly number[];
}

/** Points of a sketch: first, seven between, last. */
const pointCountMax = 9;
const sampleCountMax = 512;

/** Returns which part of a sketch's bytes is dead at a horizon, from 0 to 1. */
export function deadShare({ points }: DeathSketch, horizon: number): number {
  const last = points.length - 1;
  if (horizon >= points[last]) return 1;
  if (horizon < points[0]) return 0;
  // Here there are two points at least, and the horizon lies between two of them.
  let slot = 0;
  while (points[slot + 1] <= horizon) slot++;
  const width = points[slot + 1] - points[slot];
  return (slot + (horizon - points[slot]) / width) / last;
}

/** Gathers the deaths of one cause. */
class CauseTally {
  entryCount = 0;
  sizeBytes = 0;
  keyCount = 0;
  #first = Number.MAX_SAFE_INTEGER;
  #last = 0;
  #lastKey: string | undefined;
  #samples: number[] = [];
  #strideBytes = 64;
  #nextSampleAtBytes = 32;

  add(key: string, version: number, sizeBytes: number): void {
    this.entryCount++;
    this.sizeBytes += sizeBytes;
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.keyCount++;
    }
    if (version < this.#first) this.#first = version;
    if (version > this.#last) this.#last = version;
    // Ends: each full sample doubles the stride.
    while (this.sizeBytes >= this.#nextSampleAtBytes) {
      this.#samples.push(version);
      if (this.#samples.length === sampleCountMax) {
        this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
        this.#strideBytes *= 2;
      }
      this.#nextSampleAtBytes += this.#strideBytes;
    }
  }

  finish(cause: DeathCause): DeathSketch {
    const { entryCount, sizeBytes, keyCount } = this;
    return { cause, entryCount, sizeBytes, keyCount, points: this.#points() };
  }

  #points(): number[] {
    if (this.#first === this.#last) return [this.#first];
    const sorted = Float64Array.from(this.#samples).sort();
    const innerCount = Math.min(pointCountMax - 2, sorted.length);
    const inner = Array.from(
      { length: innerCount },
      (_, index) => sorted[Math.floor((index + 1) * sorted.length / (innerCount + 1))],
    );
    return [this.#first, ...inner, this.#last];
  }
}

/** Gathers the deaths of one table, whose entries are shown to it in order. */
export class DeathTally {
  /** By cause; those that never came are undefined. */
  readonly #causes: (CauseTally | undefined)[] = [];

  /**
   * Takes an entry into account.
   *
   * @param newerVersion The version of the entry before it, where that has the same key; else -1.
   * @param sizeBytes Of key and value.
   */
  add(
    key: string,
    version: number,
    kind: EntryKind,
    newerVersion: number,
    sizeBytes: number,
  ): void {
    switch (key[0]) {
      case userSpace:
        // A tombstone goes at its own version where nothing deeper is left, shadowed or not.
        if (kind === EntryKind.tombstone) {
          this.#tally(DeathCause.tombstone).add(key, version, sizeBytes);
        } else if (newerVersion >= 0) {
          this.#tally(DeathCause.shadowed).add(key, newerVersion, sizeBytes);
        }
        return;
      case changeSpace:
        return this.#tally(DeathCause.change).add(key, version, sizeBytes);
      case requestSpace:
        return this.#tally(DeathCause.request).add(key, version, sizeBytes);
      case expirySpace:
        return this.#tally(DeathCause.expiry)
          .add(key, Math.min(dueOf(key), Number.MAX_SAFE_INTEGER), sizeBytes);
    }
  }

  /** Returns what was gathered, in order of causes. */
  finish(): DeathSketch[] {
    return this.#causes.flatMap((tally, cause) => tally === undefined ? [] : [tally.finish(cause)]);
  }

  #tally(cause: DeathCause): CauseTally {
    return this.#causes[cause] ??= new CauseTally();
  }
}

/** Appends sketches. */
export function encodeSketches(sketches: readonly DeathSketch[], out: ByteWriter): void {
  out.varint(sketches.length);
  for (const { cause, entryCount, sizeBytes, keyCount, points } of sketches) {
    out.u8(cause);
    out.varint(entryCount);
    out.varint(sizeBytes);
    out.varint(keyCount);
    out.varint(points.length);
    let last = 0;
    for (const point of points) {
      out.varint(point - last);
      last = point;
    }
  }
}

/** Reads sketches. @throws {MalformedBytesError} */
export function decodeSketches(reader: ByteReader): DeathSketch[] {
  const count = reader.varint();
  if (count > 255) throw new MalformedBytesError(`${count} causes of death are too many`);
  const sketches: DeathSketch[] = [];
  let lastCause = 0;
  for (let index = 0; index < count; index++) {
    const cause = reader.u8();
    if (cause <= lastCause) throw new MalformedBytesError(`Causes rise: ${lastCause}, ${cause}`);
    lastCause = cause;
    const [entryCount, sizeBytes, keyCount] = [reader.varint(), reader.varint(), reader.varint()];
    const points = decodePoints(reader);
    if (entryCount < 1 || keyCount < 1 || keyCount > entryCount) {
      throw new MalformedBytesError(`${entryCount} deaths have ${keyCount} keys`);
    }
    sketches.push({ cause, entryCount, sizeBytes, keyCount, points });
  }
  return sketches;
}

function decodePoints(reader: ByteReader): number[] {
  const count = reader.varint();
  if (count < 1 || count > pointCountMax) {
    throw new MalformedBytesError(`A sketch has 1 to ${pointCountMax} points: ${count}`);
  }
  const points: number[] = [];
  let last = 0;
  for (let index = 0; index < count; index++) {
    last += reader.varint();
    if (last > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError(`No version is ${last}`);
    points.push(last);
  }
  return points;
}

/** Tells whether two lists of sketches say the same. */
export function areSketchesEqual(
  left: readonly DeathSketch[],
  right: readonly DeathSketch[],
): boolean {
  return left.length === right.length && left.every((one, index) => {
    const other = right[index];
    return one.cause === other.cause && one.entryCount === other.entryCount &&
      one.sizeBytes === other.sizeBytes && one.keyCount === other.keyCount &&
      one.points.length === other.points.length &&
      one.points.every((point, slot) => point === other.points[slot]);
  });
}
