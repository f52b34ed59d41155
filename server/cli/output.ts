/**
 * How verbs print: tables for people, JSON for programs.
 *
 * @module
 */
import { styleText } from "node:util";
import Table from "cli-table3";
import type { CliIo } from "./cli_io.ts";

/** How a verb prints. */
export type OutputForm = "table" | "json";

/** Prints a value as one line of JSON. */
export async function printJson(io: CliIo, value: unknown): Promise<void> {
  await io.write(JSON.stringify(value) + "\n");
}

/** Prints rows under a head. */
export async function printTable(
  io: CliIo,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const isColored = hasColor(io);
  const table = new Table({
    head: head.map((text) => isColored ? styleText("bold", text, { validateStream: false }) : text),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row.map(visible));
  await io.write(table.toString() + "\n");
}

/** Prints named values, one a row. */
export async function printPairs(
  io: CliIo,
  pairs: readonly (readonly [string, unknown])[],
): Promise<void> {
  const rows = pairs.map(([name, value]) => [name, String(value ?? "")]);
  await printTable(io, ["name", "value"], rows);
}

/** Tells whether stdout takes colours: a terminal, and nobody asked for none. */
export function hasColor(io: CliIo): boolean {
  const asked = io.environment("NO_COLOR");
  return io.isOutputTerminal && (asked === undefined || asked === "");
}

/**
 * Returns the leaves of nested plain data by their paths: `{a: {b: 1}}` is `[["a.b", 1]]`. A list of
 * numbers is one leaf.
 */
export function flatten(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  const isNumbers = Array.isArray(value) && value.every((item) => typeof item === "number");
  if (isNumbers && value.length > 0) return [[path, value.join(" ")]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, Array.isArray(value) ? "none" : ""]];
  return entries.flatMap(([name, inner]) => flatten(inner, path === "" ? name : `${path}.${name}`));
}

/** Returns text that cannot disturb a terminal: control characters as escapes. */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Returns the first characters of a text, and an ellipsis where there are more. */
export function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}

/** Returns a number with its thousands set apart. */
export function grouped(value: number, fractionDigits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: fractionDigits,
    maximumFractionDigits: fractionDigits,
  });
}

const sizeUnits: readonly string[] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Returns a number of bytes for people: three digits and a unit, such as `1.25 MiB`. */
export function sizeText(valueBytes: number): string {
  let value = valueBytes;
  let unit = 0;
  while (value >= 1_023.5 && unit < sizeUnits.length - 1) {
    value /= 1_024;
    unit++;
  }
  const fractionDigits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(fractionDigits)} ${sizeUnits[unit]}`;
}

const ageUnits: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/** Returns how long something has been there, for people: its two largest units, as `3m 20s`. */
export function ageText(ageMs: number): string {
  if (ageMs < 1_000) return `${Math.round(ageMs)}ms`;
  const seconds = Math.floor(ageMs / 1_000);
  const largest = ageUnits.findIndex(([, unitSeconds]) => seconds >= unitSeconds);
  let left = seconds;
  const parts: string[] = [];
  for (const [unit, unitSeconds] of ageUnits.slice(largest, largest + 2)) {
    const count = Math.floor(left / unitSeconds);
    left -= count * unitSeconds;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.join(" ");
}
