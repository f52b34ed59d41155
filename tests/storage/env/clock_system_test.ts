import { ok } from "node:assert/strict";
import { SystemClock } from "../../../storage/env/mod.ts";
import { clockSuite } from "../../suites/clock_suite.ts";

clockSuite("SystemClock", () => ({ clock: new SystemClock(), until: (promise) => promise }));

Deno.test("SystemClock.wallMicros() follows the host's wall clock when it jumps", () => {
  const clock = new SystemClock();
  const hostNow = Date.now;
  try {
    const ahead = hostNow() + 3_600_000;
    Date.now = () => ahead;
    ok(Math.abs(clock.wallMicros() / 1_000 - ahead) < 1_000);
  } finally {
    Date.now = hostNow;
  }
});
