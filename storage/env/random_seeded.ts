/**
 * The one generator: xoshiro128** over a seed.
 *
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021).
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import type { Random } from "./random.ts";

/** A {@linkcode Random} that a seed reproduces exactly. */
export class SeededRandom implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed Any safe integer; its low 32 bits and the 21 above them both count. */
  constructor(seed: number) {
    invariant(Number.isSafeInteger(seed), `A seed is a safe integer: ${seed}`);
    this.#seed = seed;
    let state = seed | 0;
    // splitmix32 spreads a small seed over the whole state.
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = next();
    this.#b = next();
    // The upper bits join half-way: folded into the lower ones, 0 and 2^32 + 1 would be one seed.
    state ^= Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
    this.#c = next();
    this.#d = next() | 1;
  }

  below(bound: number): number {
    invariant(bound >= 1 && bound <= 2 ** 32, `A bound is 1 to 2^32: ${bound}`);
    return Math.floor(this.fraction() * bound);
  }

  fraction(): number {
    return this.#next32() / 2 ** 32;
  }

  bytes(sizeBytes: number): Uint8Array {
    const target = new Uint8Array(sizeBytes);
    for (let position = 0; position < sizeBytes; position++) target[position] = this.#next32();
    return target;
  }

  fork(label: string): Random {
    let hash = this.#seed % 2 ** 32;
    for (let position = 0; position < label.length; position++) {
      hash = Math.imul(hash ^ label.charCodeAt(position), 0x01000193) >>> 0;
    }
    return new SeededRandom(hash + (this.#seed % 1024) * 2 ** 32);
  }

  #next32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return scrambled;
  }
}

function rotateLeft(value: number, count: number): number {
  return (value << count) | (value >>> (32 - count));
}
