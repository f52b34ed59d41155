/**
 * What every Clock promises, as tests: each implementation runs all of them.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Clock } from "../../storage/env/mod.ts";

/** A clock made for one test. */
export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets time pass until the promise is settled, and returns what it came to. */
  until<T>(promise: Promise<T>): Promise<T>;
}

type ClockTest = (under: ClockUnderTest) => void | Promise<void>;

/** Registers the suite for one implementation. */
export function clockSuite(name: string, make: () => ClockUnderTest): void {
  for (const [criterion, run] of Object.entries(tests)) {
    Deno.test(`${name} ${criterion}`, async () => await run(make()));
  }
}

const tests: Record<string, ClockTest> = {
  "wallMicros() is a safe integer of this century": ({ clock }) => {
    const found = clock.wallMicros();
    ok(Number.isSafeInteger(found));
    ok(found > Date.UTC(2001, 0) * 1_000 && found < Date.UTC(2101, 0) * 1_000);
  },

  "monotonicMs() covers a sleep and never falls": async ({ clock, until }) => {
    const start = clock.monotonicMs();
    await until(clock.sleep(2));
    // A host timer may fire up to a millisecond early.
    ok(clock.monotonicMs() - start >= 1);
  },

  "setTimer() fires in order of time, and cancelled ones never": async ({ clock, until }) => {
    const fired: string[] = [];
    clock.setTimer(6, () => fired.push("late"));
    clock.setTimer(1, () => fired.push("early"));
    const cancelled = clock.setTimer(2, () => fired.push("cancelled"));
    cancelled.cancel();
    await until(clock.sleep(12));
    deepEqual(fired, ["early", "late"]);
    cancelled.cancel();
  },

  "defer() runs later than the promises at hand, in order, before a timer": async (under) => {
    const { clock, until } = under;
    const seen: string[] = [];
    const timer = new Promise<void>((resolve) => {
      clock.setTimer(5, () => {
        seen.push("timer");
        resolve();
      });
    });
    clock.defer(() => seen.push("first"));
    clock.defer(() => seen.push("second"));
    await Promise.resolve().then(() => seen.push("promise"));
    equal(seen.length, 1);
    await until(timer);
    deepEqual(seen, ["promise", "first", "second", "timer"]);
  },

  "yield() lets what was deferred before go first": async ({ clock, until }) => {
    const seen: string[] = [];
    clock.defer(() => seen.push("deferred"));
    await until(clock.yield());
    deepEqual(seen, ["deferred"]);
  },
};
