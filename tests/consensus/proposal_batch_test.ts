import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { ByteReader } from "../../storage/env/mod.ts";
import { ProposalBatch } from "../../consensus/proposal_batch.ts";

function add(batch: ProposalBatch<string>, text: string, deadlineMs = Infinity): Promise<string> {
  batch.encode((out) => out.latin1(text));
  return batch.join(deadlineMs);
}

function textsOf(batch: ProposalBatch<string>): string[] {
  const reader = new ByteReader(batch.payload, 4);
  const texts: string[] = [];
  while (reader.remaining > 0) texts.push(reader.latin1(reader.u32()));
  return texts;
}

Deno.test("ProposalBatch holds header and commands, each behind its length", async () => {
  const batch = new ProposalBatch<string>(4);
  const answers = [add(batch, "one"), add(batch, ""), add(batch, "three")];
  batch.seal((target, position, count) => target[position] = count);
  deepEqual([batch.payload[0], textsOf(batch)], [3, ["one", "", "three"]]);
  batch.resolve(["1", "2", "3"]);
  deepEqual(await Promise.all(answers), ["1", "2", "3"]);
});

Deno.test("ProposalBatch accounts for what each command takes", () => {
  const batch = new ProposalBatch<string>(4);
  let sum = 0;
  for (const text of ["one", "", "three"]) {
    sum += batch.encode((out) => out.latin1(text));
    batch.join(Infinity);
  }
  equal(batch.waitingBytes, sum);
  batch.clear();
  deepEqual([batch.waitingBytes, batch.count, batch.payload.length], [0, 0, 4]);
});

Deno.test("discard() and a failing encoder leave what was there", () => {
  const batch = new ProposalBatch<string>(4);
  batch.encode((out) => out.latin1("first, not kept"));
  batch.discard();
  add(batch, "kept");
  batch.encode((out) => out.latin1("not kept"));
  batch.discard();
  throws(() =>
    batch.encode((out) => {
      out.latin1("half");
      throw new Error("no");
    })
  );
  add(batch, "kept too");
  deepEqual(textsOf(batch), ["kept", "kept too"]);
});

Deno.test("moveLastTo() moves the command encoded last", () => {
  const batch = new ProposalBatch<string>(4);
  const next = new ProposalBatch<string>(4);
  add(batch, "stays");
  batch.encode((out) => out.latin1("moves"));
  batch.moveLastTo(next);
  next.join(Infinity);
  deepEqual([textsOf(batch), textsOf(next)], [["stays"], ["moves"]]);
});

Deno.test("expireGathering() takes out those too late, and answers still match", async () => {
  const batch = new ProposalBatch<string>(4);
  const late = new Error("late");
  const answers = [add(batch, "a", 10), add(batch, "b", 30), add(batch, "c", 20), add(batch, "d")];
  batch.expireGathering(10, () => late);
  equal(batch.count, 4);
  const gone = rejects(answers[0], late);
  const gone2 = rejects(answers[2], late);
  batch.expireGathering(25, () => late);
  deepEqual(textsOf(batch), ["b", "d"]);
  batch.resolve(["B", "D"]);
  deepEqual([await answers[1], await answers[3]], ["B", "D"]);
  await gone;
  await gone2;
});

Deno.test("expireHanded() answers those too late and leaves the entry as it is", async () => {
  const batch = new ProposalBatch<string>(4);
  const answers = [add(batch, "a", 10), add(batch, "b", 30)];
  const gone = rejects(answers[0], /late/);
  batch.expireHanded(20, () => new Error("late"));
  deepEqual(textsOf(batch), ["a", "b"]);
  batch.resolve(["A", "B"]);
  equal(await answers[1], "B");
  await gone;
});

Deno.test("resolve() refuses another number of results", () => {
  const batch = new ProposalBatch<string>(4);
  add(batch, "a");
  throws(() => batch.resolve([]), /1 commands has 0 results/);
});
