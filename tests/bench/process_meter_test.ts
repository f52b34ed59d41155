import { equal, ok } from "node:assert/strict";
import { cpuSeconds, parseCpuSeconds, residentMebibytes } from "./process_meter.ts";

Deno.test("parseCpuSeconds() is not misled by a name with spaces", () => {
  const rest = "S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100";
  equal(parseCpuSeconds(`7 (a) name) ${rest}`), 3);
});

Deno.test("residentMebibytes() and cpuSeconds() see this process", () => {
  ok(residentMebibytes(Deno.pid) > 10);
  ok(cpuSeconds(Deno.pid) >= 0);
});
