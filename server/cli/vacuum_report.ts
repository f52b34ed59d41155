/**
 * How VACUUM's answers are printed: what old versions take, where, and what keeps them.
 *
 * A node tells more with time; what a table does not know is left out of it, and `--output json`
 * shows all.
 *
 * @module
 */
import { parseDurationMs } from "../wire/durations.ts";
import type { CliIo } from "./cli_io.ts";
import { ageText, grouped, printPairs, printTable, sizeText } from "./output.ts";

/** Entries by what may become of them. */
export interface VersionFigures {
  /** What reads of now find. */
  readonly liveCount?: number;
  readonly liveBytes?: number;
  /** What VACUUM can drop now. */
  readonly deadCount?: number;
  readonly deadBytes?: number;
  /** What is superseded, and still readable. */
  readonly heldCount?: number;
  readonly heldBytes?: number;
}

/** What keeps old versions. */
export interface HolderView {
  readonly id: string;
  readonly kind: string;
  readonly owner?: string;
  readonly versionstamp?: string;
  readonly time?: string;
  /** As a duration, or in milliseconds. */
  readonly age?: string | number | null;
  readonly isHoldingBack?: boolean;
}

/** What a report tells. */
export interface VacuumReportView {
  /** What is in no file yet. */
  readonly memory?: VersionFigures;
  readonly levels?: readonly (VersionFigures & { level: number; tableCount?: number })[];
  readonly prefixes?: readonly (VersionFigures & { prefix?: string; prefixBase64?: string })[];
  readonly totals?: VersionFigures;
  readonly bloat?: number | null;
  readonly sizeBytes?: number;
  readonly folderBytes?: number;
  readonly holders?: readonly HolderView[];
}

const figureHead = ["live", "live size", "dead", "dead size", "held", "held size"];

/** Prints a report for people. */
export async function printReport(io: CliIo, report: VacuumReportView): Promise<void> {
  const { prefixes = [], holders = [] } = report;
  await io.write("by level\n");
  await printTable(io, ["level", "files", ...figureHead], levelRows(report));
  await io.write("by prefix\n");
  await printTable(
    io,
    ["prefix", ...figureHead],
    prefixes.map(({ prefix, prefixBase64, ...figures }) => [
      prefix === "" ? "(none)" : prefix ?? `base64:${prefixBase64}`,
      ...figureCells(figures),
    ]),
  );
  await io.write("in all\n");
  await printPairs(io, totalPairs(report));
  await printHolders(io, holders);
}

/** Memory first, then the levels that hold something. */
function levelRows({ memory, levels = [] }: VacuumReportView): string[][] {
  const rows = levels.filter(({ tableCount }) => tableCount !== 0)
    .map(({ level, tableCount, ...figures }) => [
      String(level),
      count(tableCount),
      ...figureCells(figures),
    ]);
  return memory === undefined ? rows : [["memory", "", ...figureCells(memory)], ...rows];
}

function totalPairs(report: VacuumReportView): [string, string][] {
  const { totals = {}, bloat, sizeBytes, folderBytes } = report;
  const cells = figureCells(totals);
  const pairs: [string, string][] = figureHead.map((name, index) => [name, cells[index]]);
  if (sizeBytes !== undefined) pairs.push(["files of the tree", sizeText(sizeBytes)]);
  if (folderBytes !== undefined) pairs.push(["data folder", sizeText(folderBytes)]);
  if (typeof bloat === "number") pairs.push(["bloat", `${bloat.toFixed(2)} times the live size`]);
  return pairs;
}

/** Prints what holds the watermark back: what it waits for comes first. */
export async function printHolders(io: CliIo, holders: readonly HolderView[]): Promise<void> {
  await io.write("what holds the watermark back\n");
  const ordered = [
    ...holders.filter(({ isHoldingBack }) => isHoldingBack === true),
    ...holders.filter(({ isHoldingBack }) => isHoldingBack !== true),
  ];
  await printTable(
    io,
    ["kind", "id", "owner", "age", "version", "time", "holds back"],
    ordered.map(({ kind, id, owner, age, versionstamp, time, isHoldingBack }) => [
      kind,
      id,
      owner ?? "",
      ageCell(age),
      versionstamp ?? "",
      time ?? "",
      isHoldingBack === true ? "yes" : "",
    ]),
  );
}

/** Returns what VACUUM did as named values for people. */
export function resultPairs(result: Readonly<Record<string, unknown>>): [string, string][] {
  const known: readonly (readonly [string, string, (value: number) => string])[] = [
    ["droppedCount", "versions dropped", (value) => grouped(value)],
    ["droppedBytes", "their size", sizeText],
    ["tableCount", "files rewritten", (value) => grouped(value)],
    ["readBytes", "read", sizeText],
    ["writtenBytes", "written", sizeText],
    ["sizeBytesBefore", "size before", sizeText],
    ["sizeBytesAfter", "size after", sizeText],
  ];
  return known.flatMap(([name, label, text]): [string, string][] => {
    const value = result[name];
    return typeof value === "number" ? [[label, text(value)]] : [];
  });
}

function figureCells(figures: VersionFigures): string[] {
  const { liveCount, liveBytes, deadCount, deadBytes, heldCount, heldBytes } = figures;
  return [
    count(liveCount),
    bytes(liveBytes),
    count(deadCount),
    bytes(deadBytes),
    count(heldCount),
    bytes(heldBytes),
  ];
}

function count(value: number | undefined): string {
  return value === undefined ? "" : grouped(value);
}

function bytes(value: number | undefined): string {
  return value === undefined ? "" : sizeText(value);
}

function ageCell(age: string | number | null | undefined): string {
  if (age === undefined || age === null) return "";
  const ageMs = typeof age === "number" ? age : parseDurationMs(age);
  return ageMs === undefined ? String(age) : ageText(ageMs);
}
