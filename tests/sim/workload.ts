/**
 * Commands by chance: few keys, so that they meet; values of many sizes, each written only once; some
 * with a time to live; now and then a rule of retention.
 *
 * @module
 */
import { latin1Bytes } from "../../storage/env/mod.ts";
import type { Random } from "../../storage/env/mod.ts";
import type { Check, Command, Condition, Mutation, NewValue } from "../../sharding/database.ts";
import type { RequestIdentity, RetentionTerm } from "../../sharding/database.ts";
import type { Model } from "./model.ts";

/** Rules that overlap, and one that no key is under. */
const rulePrefixes = ["key/", "key/000", "key/001", "count/", "count/0", "other/"];

/** The shortest time to live, and how many times as long the longest is. */
const ttlMicrosMin = 5_000;
const ttlSpread = 1_000;

/** How a workload is made. */
export interface WorkloadOptions {
  /** How many keys there are. */
  readonly keyCount: number;
  /** The longest value, in bytes. */
  readonly valueSizeBytesMax: number;
}

/** Makes commands, the same for the same seed. */
export class Workload {
  readonly #random: Random;
  readonly #options: WorkloadOptions;
  #valueCount = 0;

  constructor(random: Random, options: WorkloadOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** Returns a key by chance. */
  key(): string {
    const number = this.#random.below(this.#options.keyCount);
    // A third holds arithmetic's numbers, so that `add` mostly meets what it can work on.
    const prefix = number % 3 === 0 ? "count" : "key";
    return `${prefix}/${String(number).padStart(4, "0")}`;
  }

  /** Returns a value that no other call returned. */
  value(key: string): NewValue {
    const unique = ++this.#valueCount;
    const ttlMicros = this.#ttlMicros();
    if (key.startsWith("count/")) {
      return { bytes: latin1Bytes(String(unique)), contentType: "application/json", ttlMicros };
    }
    const sizeBytes = this.#random.below(this.#options.valueSizeBytesMax);
    const text = `v${unique}`.padEnd(sizeBytes, String(unique));
    return { bytes: latin1Bytes(text), contentType: "text/plain", ttlMicros };
  }

  /** Returns a new identity, for a request that is to be remembered. */
  request(): RequestIdentity {
    return { id: this.#random.bytes(16), fingerprint: this.#random.bytes(16) };
  }

  /** Returns a command by chance. @param seen What is there about now, for conditions. */
  command(seen: Model): Command {
    const key = this.key();
    const choice = this.#random.below(100);
    if (choice < 48) return { kind: "put", key, value: this.value(key) };
    if (choice < 58) {
      return { kind: "put", key, value: this.value(key), condition: this.#condition(seen, key) };
    }
    if (choice < 69) return { kind: "delete", key };
    if (choice < 73) return { kind: "delete", key, condition: this.#condition(seen, key) };
    if (choice < 76) {
      const [start, end] = [this.key(), this.key()].sort();
      return { kind: "delete_range", range: { start, end }, keyCountMax: 4 };
    }
    if (choice < 82) return this.#revert(seen, key);
    if (choice < 84) return this.#retention();
    return this.#transaction(seen);
  }

  #ttlMicros(): number | undefined {
    if (this.#random.below(4) > 0) return undefined;
    return Math.floor(ttlMicrosMin * ttlSpread ** this.#random.fraction());
  }

  /** Back to one of the newest versions, or in between. */
  #revert(seen: Model, key: string): Command {
    let entry = seen.entry(key);
    for (let back = this.#random.below(4); back > 0; back--) entry = entry?.before ?? entry;
    const toVersion = Math.max(0, (entry?.version ?? seen.version) - this.#random.below(2));
    const condition = this.#random.below(4) === 0 ? this.#condition(seen, key) : undefined;
    return { kind: "revert", key, toVersion, condition, ttlMicros: this.#ttlMicros() };
  }

  #retention(): Command {
    const prefix = rulePrefixes[this.#random.below(rulePrefixes.length)];
    if (this.#random.below(3) === 0) return { kind: "remove_retention", prefix };
    const rule: RetentionTerm = this.#random.below(2) === 0
      ? { kind: "duration", retentionMicros: this.#random.below(2_000_000) }
      : { kind: "versions", versionCount: 1 + this.#random.below(4) };
    return { kind: "set_retention", prefix, rule };
  }

  #condition(seen: Model, key: string): Condition {
    const choice = this.#random.below(4);
    if (choice === 0) return { kind: "absent" };
    if (choice === 1) return { kind: "exists" };
    return { kind: "version", versions: [seen.get(key)?.version ?? 1, 2] };
  }

  #transaction(seen: Model): Command {
    const many = <T>(make: () => T) => Array.from({ length: this.#random.below(4) }, make);
    const checks = many((): Check => {
      const key = this.key();
      return { key, version: seen.get(key)?.version ?? null };
    });
    const reads = many(() => this.key());
    const mutations = [this.#mutation(), ...many(() => this.#mutation())];
    return { kind: "transaction", checks: checks.slice(0, 2), mutations, reads };
  }

  #mutation(): Mutation {
    const key = this.key();
    const choice = this.#random.below(10);
    if (choice < 5) return { op: "set", key, value: this.value(key) };
    if (choice < 7) return { op: "delete", key };
    if (!key.startsWith("count/")) return { op: "append", key, value: this.value(key) };
    const op = (["add", "min", "max"] as const)[choice - 7];
    return { op, key, operand: this.#random.below(1_000), ttlMicros: this.#ttlMicros() };
  }
}
