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

/** Returns the leaves of nested plain data by their paths: `{a: {b: 1}}` is `[["a.b", 1]]`. */
export function flatten(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
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
