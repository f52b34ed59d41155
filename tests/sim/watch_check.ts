/**
 * What watches told, held against everything that happened: in order, each once, nothing left out,
 * whole commits, right values before and after, and an end only where there is a reason.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { WatchBatch, WatchEvent } from "../../sharding/database.ts";
import { lineOf, modelValue } from "./model.ts";
import type { RetentionBounds } from "./retention_bounds.ts";
import type { Timeline } from "./timeline.ts";
import type { WatchStream } from "./stage.ts";

/** What watches are held against. */
export interface WatchTruth {
  readonly timeline: Timeline;
  readonly bounds: RetentionBounds;
  /** From which lag on a watch whose consumer is slow may be ended, in microseconds. */
  readonly lagMicrosMax: number;
}

/** What checking came to. */
export interface WatchCounts {
  eventCount: number;
  /** Watches that began behind a version that was asked for. */
  resumeCount: number;
  resetCount: number;
}

type Reset = Extract<WatchBatch, { kind: "reset" }>;

/** Notes the removals of which watches told. */
export function noteExpiries(streams: readonly WatchStream[], timeline: Timeline): void {
  for (const { told } of streams) {
    for (const { batch } of told) {
      if (batch.kind !== "events") continue;
      for (const event of batch.events) if (event.kind === "expire") timeline.addExpiry(event);
    }
  }
}

/** Checks watches, once all that happened is known. */
export function checkWatches(streams: readonly WatchStream[], truth: WatchTruth): WatchCounts {
  const counts: WatchCounts = { eventCount: 0, resumeCount: 0, resetCount: 0 };
  for (const stream of streams) {
    if (stream.isResumed) counts.resumeCount++;
    counts.eventCount += checkStream(stream, truth);
    if (stream.told.at(-1)?.batch.kind === "reset") counts.resetCount++;
  }
  return counts;
}

/** Returns how many events were checked. */
function checkStream(stream: WatchStream, truth: WatchTruth): number {
  const { timeline } = truth;
  const { range, from, told } = stream;
  const where = `the watch of ${JSON.stringify(range)} behind ${from}`;
  const events: WatchEvent[] = [];
  let version = from;
  for (const [index, { batch, version: said, now }] of told.entries()) {
    switch (batch.kind) {
      case "events": {
        ok(batch.events.length > 0, `${where} told nothing`);
        for (const event of batch.events) {
          ok(event.version > version, `${where} told ${event.version} behind ${version}`);
        }
        // A commit is in one batch as a whole, so the next begins above.
        version = batch.events[batch.events.length - 1].version;
        events.push(...batch.events);
        break;
      }
      case "progress":
        ok(batch.version >= version, `${where} went back from ${version} to ${batch.version}`);
        version = batch.version;
        break;
      case "reset":
        equal(index, told.length - 1, `${where} went on behind a reset`);
        checkReset(batch, stream, { ...truth, version, now, where });
        version = batch.resumeVersion;
        continue;
    }
    ok(said >= version, `${where} says ${said} though it told ${version}`);
    version = said;
  }
  // It may have got on where nothing was to be told.
  version = Math.max(version, stream.endVersion ?? 0);
  ok(version >= stream.wantedVersion, `${where} is at ${version}, not ${stream.wantedVersion}`);
  const { start = "", end } = range;
  const wanted = timeline.between(from, version)
    .filter(({ key }) => key >= start && (end === undefined || key < end));
  deepEqual(eventLines(events), eventLines(wanted), where);
  for (const event of events) checkEvent(event, stream, timeline);
  return events.length;
}

/** Returns one line per event, in the order of commits; inside one they have none. */
function eventLines(events: readonly { version: number; kind: string; key: string }[]): string[] {
  const lines = events.map(({ version, kind, key }) => ({ version, line: `${kind} ${key}` }));
  for (const [index, { version }] of lines.entries()) {
    ok(index === 0 || version >= lines[index - 1].version, `${version} is out of order`);
  }
  return lines
    .sort((left, right) => left.version - right.version || (left.line < right.line ? -1 : 1))
    .map(({ version, line }) => `${version} ${line}`);
}

function checkEvent(event: WatchEvent, stream: WatchStream, { model }: Timeline): void {
  const { key, version, kind } = event;
  const value = kind === "set" ? model.entry(key, version)?.value : undefined;
  const where = `the ${kind} of ${key} at ${version}`;
  equal(lineOf(key, event.value && modelValue(event.value)), lineOf(key, value), where);
  // What an expiry takes away nobody could read any more.
  const before = kind === "expire"
    ? model.entry(key, version - 1)?.value
    : model.get(key, version - 1);
  const previous = stream.withPrevious ? before : undefined;
  equal(
    lineOf(key, event.previous && modelValue(event.previous)),
    lineOf(key, previous),
    `what was before ${where}`,
  );
}

function checkReset(
  reset: Reset,
  stream: WatchStream,
  known: WatchTruth & { version: number; now: number; where: string },
): void {
  const { bounds, version, now, where, lagMicrosMax } = known;
  const { reason, oldestVersion, resumeVersion } = reset;
  ok(resumeVersion >= version, `${where} resumes at ${resumeVersion}, though it told ${version}`);
  const { start = "", end } = stream.range;
  const allowed = Math.max(bounds.changeHorizonMax(now), bounds.horizonMax({ start, end }, now));
  switch (reason) {
    case "vacuumed":
      ok(oldestVersion > stream.from, `${where} ended though ${oldestVersion} is kept`);
      ok(oldestVersion <= allowed, `${where} ended at ${oldestVersion}, kept is ${allowed}`);
      break;
    case "too_slow":
      ok(now - version >= lagMicrosMax, `${where} ended at a lag of ${now - version} µs`);
      break;
    case "released":
      ok(stream.isReleased, `${where} was ended by nobody`);
      break;
  }
}
