/**
 * A bloom filter over the tree keys of an sstable: tells which keys are surely not in it.
 *
 * ```
 * filter := probe count u8 | bits
 * ```
 *
 * A key is hashed once into two 31-bit numbers; probe i looks at bit (a + i * b) mod the bit count.
 * Bit n is bit n mod 8 of byte n / 8.
 *
 * Invariant: a key that was added is never denied.
 *
 * Source: Kirsch and Mitzenmacher, "Less Hashing, Same Performance" (2006). The mixing steps are those
 * of MurmurHash3.
 *
 * @module
 */
import { invariant } from "../env/mod.ts";

const probeCountMax = 30;

// The hash of the key asked for last: a get asks several tables for one key.
let hashedKey = "";
let hashA = 0;
let hashB = 0;
hashKey("");

/** Leaves the two hashes of a key in `hashA` and `hashB`. On disk since format 1: never change. */
function hashKey(key: string): void {
  let a = 0x9747b28c;
  let b = 0x5bd1e995;
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    a = Math.imul(a ^ code, 0xcc9e2d51);
    a ^= a >>> 15;
    b = Math.imul((b + code) | 0, 0x1b873593);
    b = (b << 13) | (b >>> 19);
  }
  a = mix(a ^ key.length);
  b = mix(b ^ a);
  hashedKey = key;
  // 31 bits: a remainder of a larger number leaves the machine's integers and takes ten times as long.
  hashA = a >>> 1;
  // Odd, so that it has no factor in common with most bit counts and the probes spread.
  hashB = (b >>> 1) | 1;
}

function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Gathers the keys of a table. */
export class BloomFilterBuilder {
  readonly #bitsPerKey: number;
  #hashes = new Int32Array(1_024);
  #keyCount = 0;

  /** @param bitsPerKey 10 give one false answer in a hundred. */
  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey;
  }

  /** What the filter will take, in bytes. */
  get sizeBytes(): number {
    return 1 + Math.max(8, Math.ceil(this.#keyCount * this.#bitsPerKey / 8));
  }

  /** Adds a key. The caller adds each key once. */
  add(key: string): void {
    const at = this.#keyCount * 2;
    if (at === this.#hashes.length) {
      const grown = new Int32Array(at * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    hashKey(key);
    this.#hashes[at] = hashA;
    this.#hashes[at + 1] = hashB;
    this.#keyCount++;
  }

  /** Returns the filter's bytes. */
  finish(): Uint8Array {
    let filter = new Uint8Array(0);
    for (filter of this.finishInSteps(Infinity));
    return filter;
  }

  /**
   * Makes the filter, so many keys a step: a large one takes longer than requests should wait.
   *
   * @returns Yields the same bytes each time; they are the filter once it has ended.
   */
  *finishInSteps(keyCountPerStep: number): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    const filter = new Uint8Array(this.sizeBytes);
    // The false answers are fewest with ln 2 probes per bit of a key.
    const probeCount = Math.min(probeCountMax, Math.max(1, Math.round(this.#bitsPerKey * 0.69)));
    filter[0] = probeCount;
    for (let from = 0; from < this.#keyCount; from += keyCountPerStep) {
      this.#fill(filter, from, Math.min(from + keyCountPerStep, this.#keyCount));
      yield filter;
    }
    if (this.#keyCount === 0) yield filter;
  }

  #fill(filter: Uint8Array, from: number, to: number): void {
    const probeCount = filter[0];
    const bitCount = (filter.length - 1) * 8;
    for (let index = from * 2; index < to * 2; index += 2) {
      let bit = this.#hashes[index] % bitCount;
      const step = this.#hashes[index + 1] % bitCount;
      for (let probe = 0; probe < probeCount; probe++) {
        filter[1 + (bit >>> 3)] |= 1 << (bit & 7);
        bit += step;
        if (bit >= bitCount) bit -= bitCount;
      }
    }
  }
}

/** Answers from the bytes that a {@linkcode BloomFilterBuilder} made. */
export class BloomFilter {
  readonly #bytes: Uint8Array;
  readonly #probeCount: number;
  readonly #bitCount: number;

  /** @param bytes Checked by {@linkcode isBloomFilter}; not modified, and kept. */
  constructor(bytes: Uint8Array) {
    invariant(isBloomFilter(bytes), "A filter has bits and probes");
    this.#bytes = bytes;
    this.#probeCount = bytes[0];
    this.#bitCount = (bytes.length - 1) * 8;
  }

  /** Returns false where the key was surely never added. */
  mayContain(key: string): boolean {
    if (key !== hashedKey) hashKey(key);
    const bytes = this.#bytes;
    const bitCount = this.#bitCount;
    let bit = hashA % bitCount;
    const step = hashB % bitCount;
    for (let probe = this.#probeCount; probe > 0; probe--) {
      if ((bytes[1 + (bit >>> 3)] & (1 << (bit & 7))) === 0) return false;
      bit += step;
      if (bit >= bitCount) bit -= bitCount;
    }
    return true;
  }
}

/** Tells whether bytes have the shape of a filter. */
export function isBloomFilter(bytes: Uint8Array): boolean {
  return bytes.length > 1 && bytes.length <= 0x10000000 && bytes[0] >= 1 &&
    bytes[0] <= probeCountMax;
}
