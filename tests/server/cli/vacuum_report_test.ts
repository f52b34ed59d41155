import { equal, match } from "node:assert/strict";
import { printHolders, printReport, resultPairs } from "../../../server/cli/vacuum_report.ts";
import { fakeIo } from "./harness.ts";

const figures = {
  liveCount: 1_234,
  liveBytes: 2_048,
  deadCount: 5,
  deadBytes: 1_048_576,
  heldCount: 0,
  heldBytes: 0,
};

/** Returns what was printed, each row's cells behind one another. */
function rowsOf(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line.startsWith("│"))
    .map((line) => line.split("│").slice(1, -1).map((cell) => cell.trim()).join("|"));
}

Deno.test("printReport() shows levels, prefixes, what there is in all, and holders", async () => {
  const { io, outcome } = fakeIo();
  await printReport(io, {
    memory: figures,
    levels: [{ level: 0, tableCount: 2, ...figures }, { level: 1, tableCount: 0, ...figures }],
    prefixes: [{ prefix: "user/", ...figures }, { prefixBase64: "/w==", ...figures }],
    totals: figures,
    bloat: 2.345,
    folderBytes: 3_000_000,
    holders: [],
  });
  const { stdout } = outcome(0);
  const rows = rowsOf(stdout);
  equal(rows.includes("0|2|1,234|2.00 KiB|5|1.00 MiB|0|0 B"), true, stdout);
  equal(rows.includes("memory||1,234|2.00 KiB|5|1.00 MiB|0|0 B"), true);
  equal(rows.some((row) => row.startsWith("1|0|")), false);
  equal(rows.includes("user/|1,234|2.00 KiB|5|1.00 MiB|0|0 B"), true);
  equal(rows.includes("base64:/w==|1,234|2.00 KiB|5|1.00 MiB|0|0 B"), true);
  equal(rows.includes("bloat|2.35 times the live size"), true);
  equal(rows.includes("data folder|2.86 MiB"), true);
});

Deno.test("printReport() takes a report that tells less", async () => {
  const { io, outcome } = fakeIo();
  await printReport(io, { bloat: null });
  match(outcome(0).stdout, /by level/);
});

Deno.test("printHolders() puts what the watermark waits for first", async () => {
  const { io, outcome } = fakeIo();
  await printHolders(io, [
    { id: "retention", kind: "retention", age: null },
    { id: "7", kind: "stream", owner: "ada", age: "200s", isHoldingBack: true },
  ]);
  const [, first, second] = rowsOf(outcome(0).stdout);
  equal(first, "stream|7|ada|3m 20s|||yes");
  equal(second, "retention|retention|||||");
});

Deno.test("resultPairs() names what VACUUM did, and nothing that it does not tell", () => {
  equal(
    resultPairs({ droppedCount: 1_000, droppedBytes: 2_048, other: 1 }).join(";"),
    "versions dropped,1,000;their size,2.00 KiB",
  );
});
