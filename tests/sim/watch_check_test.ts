import { equal, throws } from "node:assert/strict";
import type { StoredValue, WatchBatch, WatchEvent } from "../../sharding/database.ts";
import type { Command } from "../../sharding/database.ts";
import { History } from "./history.ts";
import { bytesOf } from "./model.ts";
import { RetentionBounds } from "./retention_bounds.ts";
import { Timeline } from "./timeline.ts";
import { checkWatches, noteExpiries } from "./watch_check.ts";
import type { WatchStream } from "./stage.ts";

const value = (text: string, ttlMicros?: number) => ({
  bytes: bytesOf(text),
  contentType: "text/plain",
  ttlMicros,
});
const put = (key: string, text: string, ttlMicros?: number): Command => ({
  kind: "put",
  key,
  value: value(text, ttlMicros),
});
const both: Command = {
  kind: "transaction",
  checks: [],
  mutations: [
    { op: "set", key: "a", value: value("2") },
    { op: "set", key: "b", value: value("3", 5) },
  ],
  reads: [],
};

/** a at 10; a and b, which expires at 25, at 20; a deleted at 40. */
function timeline(): Timeline {
  const history = new History();
  const commands: [Command, number][] = [
    [put("a", "1"), 10],
    [both, 20],
    [{ kind: "delete", key: "a" }, 40],
  ];
  for (const [command, version] of commands) {
    const entry = history.ask(command, { at: version });
    const deletedCount = command.kind === "delete" ? 1 : 0;
    entry.result = { outcome: "committed", version, deletedCount, reads: [] };
    entry.answeredAt = version;
  }
  const commits = history.explain();
  const all = new Timeline();
  all.add(commits, commits[commits.length - 1].model);
  return all;
}

const stored = (text: string, version: number, expiresAt?: number): StoredValue => ({
  bytes: bytesOf(text),
  contentType: "text/plain",
  version,
  expiresAt,
});
const none = { value: undefined, previous: undefined };
const a10: WatchEvent = { kind: "set", key: "a", version: 10, ...none, value: stored("1", 10) };
const a20: WatchEvent = {
  kind: "set",
  key: "a",
  version: 20,
  value: stored("2", 20),
  previous: stored("1", 10),
};
const b20: WatchEvent = { kind: "set", key: "b", version: 20, ...none, value: stored("3", 20, 25) };
const b30: WatchEvent = {
  kind: "expire",
  key: "b",
  version: 30,
  value: undefined,
  previous: stored("3", 20, 25),
};
const a40: WatchEvent = {
  kind: "delete",
  key: "a",
  version: 40,
  value: undefined,
  previous: stored("2", 20),
};
const events = (...list: WatchEvent[]): WatchBatch => ({ kind: "events", events: list });
const progress = (version: number): WatchBatch => ({ kind: "progress", version });
const reset = (given: Partial<Extract<WatchBatch, { kind: "reset" }>>): WatchBatch => ({
  kind: "reset",
  reason: "vacuumed",
  oldestVersion: 5,
  resumeVersion: 0,
  ...given,
});

/** A watch of all keys behind 0 that told these batches, each up to its last version. */
function stream(batches: readonly WatchBatch[], given: Partial<WatchStream> = {}): WatchStream {
  const versionOf = (batch: WatchBatch) =>
    batch.kind === "events"
      ? batch.events[batch.events.length - 1].version
      : batch.kind === "progress"
      ? batch.version
      : 0;
  return {
    range: {},
    withPrevious: true,
    from: 0,
    isResumed: true,
    told: batches.map((batch) => ({ batch, version: versionOf(batch), now: 50 })),
    endVersion: undefined,
    wantedVersion: 0,
    isReleased: false,
    ...given,
  };
}

function check(streams: readonly WatchStream[]) {
  const all = timeline();
  const bounds = new RetentionBounds();
  bounds.begin(0, { retentionMicros: 20, rules: new Map() });
  noteExpiries(streams, all);
  return checkWatches(streams, { timeline: all, bounds, lagMicrosMax: 30 });
}

const whole = [events(a10, a20, b20), progress(25), events(b30), events(a40)];
const right: { name: string; streams: WatchStream[] }[] = [
  { name: "a watch from the beginning", streams: [stream(whole)] },
  {
    name: "one that goes on behind a version",
    streams: [stream(whole), stream([events(b30, a40)], { from: 20 })],
  },
  {
    name: "one of a range without values before",
    streams: [stream([events({ ...a20, previous: undefined })], {
      range: { start: "a", end: "b" },
      withPrevious: false,
      from: 10,
    })],
  },
  {
    name: "an end where versions are vacuumed",
    streams: [stream([reset({ oldestVersion: 30 })])],
  },
  {
    name: "an end by an operator",
    streams: [stream([reset({ reason: "released" })], { isReleased: true })],
  },
  { name: "an end of one that was too slow", streams: [stream([reset({ reason: "too_slow" })])] },
];
for (const { name, streams } of right) {
  Deno.test(`checkWatches() takes ${name}`, () => {
    check(streams);
  });
}

Deno.test("checkWatches() counts events, resumes and resets", () => {
  const ended = stream([reset({ oldestVersion: 30, resumeVersion: 10 })], { from: 10 });
  const counts = check([stream(whole), ended]);
  equal(JSON.stringify(counts), '{"eventCount":5,"resumeCount":2,"resetCount":1}');
});

const wrong: { name: string; streams: WatchStream[] }[] = [
  { name: "a commit left out", streams: [stream([events(a10), events(b30)])] },
  { name: "half a commit", streams: [stream([events(a10, a20), events(b30)])] },
  { name: "a commit in two batches", streams: [stream([events(a10, a20), events(b20)])] },
  { name: "a commit told twice", streams: [stream([events(a10), events(a10, a20, b20)])] },
  { name: "commits out of order", streams: [stream([events(a20, b20, a10)])] },
  { name: "what it resumes behind", streams: [stream([events(a10)], { from: 10 })] },
  {
    name: "a missing event behind a resume",
    streams: [stream([events(a40)], { from: 10 })],
  },
  { name: "progress that skips a commit", streams: [stream([events(a10), progress(20)])] },
  { name: "an event at or below a progress", streams: [stream([progress(15), events(a10)])] },
  { name: "progress that goes back", streams: [stream([progress(8), progress(7)])] },
  {
    name: "another value",
    streams: [stream([events({ ...a10, value: stored("9", 10) })])],
  },
  {
    name: "another value before",
    streams: [stream([events(a20, b20)], { from: 10 }), stream([events(a40)], { from: 30 })].map(
      (one) => ({
        ...one,
        told: one.told.map((told) => ({
          ...told,
          batch: events({ ...a20, previous: stored("0", 9) }, b20),
        })),
      }),
    ),
  },
  {
    name: "an expiry without the value before",
    streams: [stream([events(a10, a20, b20), events({ ...b30, previous: undefined })])],
  },
  {
    name: "an expiry before its time",
    streams: [stream([events(a10, a20, b20), events({ ...b30, version: 24 })])],
  },
  {
    name: "two expiries of one value",
    streams: [stream([events(a10, a20, b20), events(b30), events({ ...b30, version: 31 })])],
  },
  {
    name: "an expiry that another was told of left out",
    streams: [stream(whole), stream([events(a40)], { from: 20 })],
  },
  { name: "an end without reason", streams: [stream([reset({ oldestVersion: 0 })])] },
  { name: "an end at what is kept", streams: [stream([reset({ oldestVersion: 31 })])] },
  { name: "an end by nobody", streams: [stream([reset({ reason: "released" })])] },
  {
    name: "an end of one that was not slow",
    streams: [stream([progress(25), reset({ reason: "too_slow", resumeVersion: 25 })])],
  },
  {
    name: "events behind a reset",
    streams: [stream([reset({ oldestVersion: 30 }), events(a10)])],
  },
  { name: "less than there was time for", streams: [stream([events(a10)], { wantedVersion: 20 })] },
  {
    name: "a version that it did not tell up to",
    streams: [stream([events(a10)], { endVersion: 20 })],
  },
];
for (const { name, streams } of wrong) {
  Deno.test(`checkWatches() refuses ${name}`, () => {
    throws(() => check(streams), { name: "AssertionError" });
  });
}
