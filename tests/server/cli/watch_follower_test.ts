import { deepEqual, equal, rejects } from "node:assert/strict";
import { ApiClient, type ApiRequest } from "../../../server/cli/api_client.ts";
import { CliError } from "../../../server/cli/cli_error.ts";
import type { ServerEvent } from "../../../server/cli/event_stream.ts";
import { WatchFollower } from "../../../server/cli/watch_follower.ts";
import { ManualClock } from "../manual_clock.ts";

/** A clock that does not let anybody sleep. */
class SleeplessClock extends ManualClock {
  readonly sleptMs: number[] = [];

  override sleep(delayMs: number): Promise<void> {
    this.sleptMs.push(delayMs);
    return Promise.resolve();
  }
}

/** A client whose answers a test has written down. */
class ScriptedClient extends ApiClient {
  readonly lastIds: (string | undefined)[] = [];
  readonly #script: (string | Error)[];

  constructor(script: (string | Error)[]) {
    super({ url: "http://127.0.0.1:1" });
    this.#script = script;
  }

  override send(_path: string, request: ApiRequest = {}): Promise<Response> {
    this.lastIds.push(request.headers?.["last-event-id"]);
    const next = this.#script.shift();
    if (next === undefined) return Promise.resolve(new Response(new ReadableStream()));
    if (typeof next !== "string") return Promise.reject(next);
    return Promise.resolve(new Response(next));
  }
}

const event = (kind: string, key: string, id?: number) =>
  `event: ${kind}\n${id === undefined ? "" : `id: ${id}\n`}data: {"key":"${key}"}\n\n`;

function followed(script: (string | Error)[], from?: string) {
  const client = new ScriptedClient(script);
  const clock = new SleeplessClock();
  const follower = new WatchFollower(client, clock);
  const commits: string[][] = [];
  const cuts: string[] = [];
  const ended = follower.follow({
    path: "/v1/watch",
    from,
    take: (events: readonly ServerEvent[]) => {
      commits.push(events.map(({ data }) => JSON.parse(data).key));
      return Promise.resolve(commits.at(-1)?.[0] !== "end");
    },
    onCut: (reason) => cuts.push(reason),
  });
  return { client, clock, follower, commits, cuts, ended };
}

const unreachable = () => new CliError("unreachable", "Cannot reach it");

Deno.test("WatchFollower comes again behind the last whole commit, and hands on none twice", async () => {
  const { client, commits, cuts, ended } = followed([
    event("progress", "", 1) + event("set", "a") + event("set", "b", 2) + event("set", "torn"),
    event("set", "torn") + event("set", "c", 3),
    event("set", "end", 4),
  ], "0");
  await ended;
  deepEqual(commits, [["a", "b"], ["torn", "c"], ["end"]]);
  deepEqual(client.lastIds, ["0", "2", "3"]);
  equal(cuts.length, 2);
});

Deno.test("WatchFollower waits longer each time, and anew once it has heard something", async () => {
  const { clock, cuts, ended } = followed([
    event("progress", "", 1),
    unreachable(),
    unreachable(),
    event("progress", "", 2),
    event("set", "end", 3),
  ]);
  await ended;
  deepEqual(clock.sleptMs, [100, 200, 400, 100]);
  equal(cuts.length, 2);
});

Deno.test("WatchFollower fails at once where the first attempt does, later where it never can", async () => {
  await rejects(followed([unreachable()]).ended, /Cannot reach it/);
  const refusal = new CliError("unauthorized", "No", { cause: { retryable: false } });
  await rejects(followed([event("progress", "", 1), refusal]).ended, /No/);
  const stopping = new CliError("stopping", "Wait", { cause: { retryable: true } });
  await followed([event("progress", "", 1), stopping, event("set", "end", 2)]).ended;
});

Deno.test("WatchFollower fails with the reason of a reset", async () => {
  const data = { reason: "vacuumed", oldest: "05", resume: "02", detail: "Cannot go on" };
  const { ended } = followed([`event: reset\ndata: ${JSON.stringify(data)}\n\n`]);
  await rejects(ended, (error) => {
    equal(error instanceof CliError && error.code, "vacuumed");
    return /up to 02.*from 05/.test(String(error));
  });
});

Deno.test("WatchFollower.stop() ends it where it waits for the next event", async () => {
  const { follower, ended, client } = followed([]);
  while (client.lastIds.length === 0) await Promise.resolve();
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  follower.stop();
  await ended;
  equal(client.lastIds.length, 1);
});
