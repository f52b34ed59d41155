import { equal } from "node:assert/strict";
import { IoPacer } from "../../storage/io_pacer.ts";

Deno.test("IoPacer.delayMs() waits until what was moved is paid for", () => {
  const pacer = new IoPacer(1_000);
  equal(pacer.delayMs(500, 10_000), 500);
  // Woken too early: the rest is still owed.
  equal(pacer.delayMs(100, 10_200), 400);
  equal(pacer.delayMs(50, 10_600), 50);
});

Deno.test("IoPacer.delayMs() gathers what is less than a timer can wait for", () => {
  const pacer = new IoPacer(1_000_000);
  equal(pacer.delayMs(600, 5), 0);
  equal(Math.round(pacer.delayMs(600, 5) * 10), 12);
});

Deno.test("IoPacer.delayMs() saves nothing up while a merge is slower than its budget", () => {
  const pacer = new IoPacer(1_000);
  equal(pacer.delayMs(1, 0), 1);
  equal(pacer.delayMs(2_000, 60_000), 2_000);
});

Deno.test("IoPacer.delayMs() is never longer than a timer of the host can be", () => {
  equal(new IoPacer(1).delayMs(2 ** 40, 0), 3_600_000);
});

Deno.test("IoPacer holds nothing up without a limit, or once it is lifted", () => {
  equal(new IoPacer(0).delayMs(10 ** 12, 0), 0);
  const pacer = new IoPacer(1);
  equal(pacer.isLifted, false);
  pacer.lift();
  equal(pacer.isLifted, true);
  equal(pacer.delayMs(10 ** 12, 0), 0);
});
