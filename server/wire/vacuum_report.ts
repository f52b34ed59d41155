/**
 * What a vacuum would find, as a job's result shows it: versions as versionstamps and prefixes as
 * text, with how long versions are kept and by whom.
 *
 * @module
 */
import type { Database, VacuumReport } from "../../sharding/mod.ts";
import { holdersObject } from "./holders.ts";
import { prefixDetails } from "./keys.ts";
import { retentionObject } from "./retention.ts";
import { timeText } from "./times.ts";
import { versionstampText } from "./versionstamps.ts";

/** Returns the report for a body in JSON. */
export function vacuumReportObject(
  report: VacuumReport,
  database: Pick<Database, "holders" | "retention">,
): Record<string, unknown> {
  const { version, memory, levels, prefixes, totals, sizeBytes, bloat, folderBytes } = report;
  return {
    versionstamp: versionstampText(version),
    time: timeText(version),
    memory,
    levels,
    prefixes: prefixes.map(({ prefix, ...figures }) => ({
      // The rest has a name that is no key's bytes.
      ...(isBytes(prefix) ? prefixDetails(prefix) : { prefix }),
      ...figures,
    })),
    totals,
    sizeBytes,
    bloat,
    folderBytes,
    retention: retentionObject(database.retention(), false),
    ...holdersObject(database),
  };
}

function isBytes(text: string): boolean {
  return !/[^\0-\xff]/.test(text);
}
