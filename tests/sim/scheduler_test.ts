import { deepEqual, equal, rejects } from "node:assert/strict";
import { SeededRandom } from "../../storage/env/mod.ts";
import { DeadlockError, PowerLossError, Scheduler } from "./scheduler.ts";

Deno.test("Scheduler fires by time, then by order of asking", async () => {
  const scheduler = new Scheduler();
  const random = new SeededRandom(4);
  const wanted = Array.from({ length: 300 }, (_, index) => ({ at: random.below(40), index }));
  const fired: typeof wanted = [];
  for (const event of wanted) scheduler.after(event.at, () => fired.push(event));
  await scheduler.run(100);
  deepEqual(
    fired,
    wanted.toSorted((left, right) => left.at - right.at || left.index - right.index),
  );
  equal(scheduler.nowMs, 100);
});

Deno.test("Scheduler settles promises between two events", async () => {
  const scheduler = new Scheduler();
  const seen: string[] = [];
  scheduler.after(1, () => {
    seen.push("first");
    Promise.resolve().then(() => Promise.resolve()).then(() => seen.push("promise of first"));
  });
  scheduler.after(1, () => seen.push("second"));
  await scheduler.run(1);
  deepEqual(seen, ["first", "promise of first", "second"]);
});

Deno.test("Scheduler.until() stops at the answer, and tells of a deadlock", async () => {
  const scheduler = new Scheduler();
  const answer = new Promise<number>((resolve) => scheduler.after(3, () => resolve(7)));
  scheduler.after(9, () => {});
  equal(await scheduler.until(answer), 7);
  equal(scheduler.nowMs, 3);
  await rejects(scheduler.until(new Promise(() => {})), DeadlockError);
  await rejects(scheduler.until(Promise.reject(new TypeError("no"))), TypeError);
});

Deno.test("Scheduler passes over what a dead machine throws, and over cancelled events", async () => {
  const scheduler = new Scheduler();
  const seen: number[] = [];
  scheduler.after(1, () => {
    throw new PowerLossError();
  });
  scheduler.after(2, () => seen.push(2)).cancel();
  scheduler.after(3, () => seen.push(3));
  await scheduler.run(5);
  deepEqual(seen, [3]);
});

Deno.test("Scheduler tells of a loop in which time stands still", async () => {
  const scheduler = new Scheduler();
  const again = () => void scheduler.after(1e-9, again);
  again();
  await rejects(scheduler.run(10), DeadlockError);
});
