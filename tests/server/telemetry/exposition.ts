/**
 * Reads Prometheus' text format, strictly: what a scraper would refuse or misread fails the test.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";

/** One value of a family. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric family. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const namePattern = /^[a-z_][a-z0-9_]*$/;
const samplePattern = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)$/;
const labelPattern = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** Returns the families of a text by name. @throws {AssertionError} where it is not the format. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family & { samples: Sample[] }>();
  let help: { name: string; text: string } | undefined;
  let current: Family & { samples: Sample[] } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("# HELP ")) {
      const [name, ...words] = line.slice("# HELP ".length).split(" ");
      help = { name, text: words.join(" ") };
    } else if (line.startsWith("# TYPE ")) {
      const [name, type] = line.slice("# TYPE ".length).split(" ");
      equal(help?.name, name, `HELP comes before TYPE: ${line}`);
      ok(namePattern.test(name) && !families.has(name), `one family of each name: ${line}`);
      current = { name, type, help: help?.text ?? "", samples: [] };
      families.set(name, current);
    } else {
      const sample = parseSample(line);
      ok(current !== undefined && belongs(sample, current), `in its family: ${line}`);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) {
    const keys = family.samples.map(({ name, labels }) => name + JSON.stringify(labels));
    equal(new Set(keys).size, keys.length, `each series once: ${family.name}`);
    if (family.type === "histogram") checkHistogram(family);
  }
  return families;
}

function parseSample(line: string): Sample {
  const match = samplePattern.exec(line);
  ok(match !== null, `a sample: ${line}`);
  const [, name, labelText = "", value] = match;
  const labels: Record<string, string> = {};
  let length = 0;
  for (const [whole, label, labelValue] of labelText.matchAll(labelPattern)) {
    labels[label] = labelValue;
    length += whole.length;
  }
  equal(length, labelText.length, `labels: ${line}`);
  return { name, labels, value: Number(value) };
}

function belongs(sample: Sample, { name, type }: Family): boolean {
  if (type !== "histogram") return sample.name === name;
  return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample.name);
}

/** Buckets of each series never fall, and the last one has no bound and is the count. */
function checkHistogram({ name, samples }: Family): void {
  const lastOf = new Map<string, { bound: number; value: number }>();
  for (const sample of samples) {
    const { le, ...labels } = sample.labels;
    const series = JSON.stringify(labels);
    const last = lastOf.get(series) ?? { bound: -Infinity, value: 0 };
    if (sample.name === `${name}_bucket`) {
      const bound = le === "+Inf" ? Infinity : Number(le);
      ok(bound > last.bound && sample.value >= last.value, `buckets rise: ${name}${series}`);
      lastOf.set(series, { bound, value: sample.value });
    } else if (sample.name === `${name}_count`) {
      equal(last.bound, Infinity, `the last bucket of ${name}${series}`);
      equal(sample.value, last.value, `the count of ${name}${series}`);
    }
  }
}
