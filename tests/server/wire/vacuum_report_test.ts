/**
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { vacuumReportObject } from "../../../server/wire/vacuum_report.ts";
import { emptyReport } from "../harness.ts";
import { ManualClock } from "../manual_clock.ts";
import { MemoryDatabase } from "../memory_database.ts";

Deno.test("vacuumReportObject() names prefixes as bodies do, and says who keeps what", () => {
  const database = new MemoryDatabase(new ManualClock());
  database.hold({ kind: "cursor", owner: "list-1" });
  const report = emptyReport();
  const figures = report.totals;
  const prefixes = ["", "a/", "\xc3\xa4/", "\xff/", "…other"]
    .map((prefix) => ({ prefix, ...figures }));
  const shown = vacuumReportObject({ ...report, prefixes, bloat: 2 }, database);
  deepEqual(
    shown.prefixes,
    [
      { prefix: "" },
      { prefix: "a/" },
      { prefix: "ä/" },
      { prefixBase64: "/y8=" },
      { prefix: "…other" },
    ].map((named) => ({ ...named, ...figures })),
  );
  deepEqual([shown.versionstamp, shown.bloat], ["000000000000004d0000", 2]);
  equal("horizons" in shown, false, "the tree's own names stay inside");
  deepEqual(Object(shown.retention).retention, "10m");
  equal((shown.holders as unknown[]).length, 2);
});
