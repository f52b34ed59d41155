/**
 * Server-sent events: what a watch is told, as `text/event-stream`.
 *
 * ```
 * event: set                                  set, delete, expire, progress or reset
 * id: 0006a1b2c3d4e5f60000                    on the last event of a commit, and on progress
 * data: {"key":"a",…}                         one line of JSON
 *                                             an empty line ends the event
 * ```
 *
 * An event for a thousand clients becomes bytes once: they are kept beside the event for as long as
 * somebody has it.
 *
 * @module
 */
import type { StoredValue, WatchBatch, WatchEvent } from "../../sharding/mod.ts";
import { entryJson, expiresAtJson, keyJson, typeJson, valueJson } from "./entries.ts";
import { versionstampText } from "./versionstamps.ts";

/** How events are shown. */
export interface EventShape {
  /** Whether they carry the value before. */
  readonly withPrevious: boolean;
}

type Reset = Extract<WatchBatch, { kind: "reset" }>;

const encoder = new TextEncoder();
/** What was made of an event: for each shape, with an id and without. */
const made = new WeakMap<WatchEvent, (Uint8Array<ArrayBuffer> | undefined)[]>();

/** What a stream begins with: how soon a client should come again once the stream is cut. */
export const streamStart = "retry: 1000\n\n";

/** What a stream ends with where nothing is wrong: the client is to come again. */
export const streamStopping = ": stopping\n\n";

/**
 * Returns the bytes of an event, shared by all who ask: not to be modified.
 *
 * @param options.isCommitEnd Whether it is the last one of its commit that is told.
 */
export function eventBytes(
  event: WatchEvent,
  options: EventShape & { readonly isCommitEnd: boolean },
): Uint8Array<ArrayBuffer> {
  const { withPrevious, isCommitEnd } = options;
  const slot = (withPrevious ? 2 : 0) + (isCommitEnd ? 1 : 0);
  let slots = made.get(event);
  if (slots === undefined) {
    slots = [undefined, undefined, undefined, undefined];
    made.set(event, slots);
  }
  return slots[slot] ??= encoder.encode(eventText(event, options));
}

/** Returns what tells a client that all up to a version has been told. */
export function progressText(version: number): string {
  const versionstamp = versionstampText(version);
  return `event: progress\nid: ${versionstamp}\ndata: {"versionstamp":"${versionstamp}"}\n\n`;
}

const resetDetails: Readonly<Record<Reset["reason"], string>> = {
  vacuumed: "Cannot go on: what comes next is not kept any more",
  too_slow: "Cannot go on: the client did not read for too long",
  released: "Cannot go on: an operator has let the version go",
};

/** Returns what ends a watch that cannot go on without a gap. */
export function resetText(reset: Omit<Reset, "kind">): string {
  const { reason, oldestVersion, resumeVersion } = reset;
  const data = JSON.stringify({
    reason,
    oldest: versionstampText(oldestVersion),
    resume: versionstampText(resumeVersion),
    detail: resetDetails[reason],
  });
  return `event: reset\ndata: ${data}\n\n`;
}

function eventText(
  event: WatchEvent,
  { withPrevious, isCommitEnd }: EventShape & { readonly isCommitEnd: boolean },
): string {
  const { kind, key, version, value, previous } = event;
  const versionstamp = versionstampText(version);
  const id = isCommitEnd ? `id: ${versionstamp}\n` : "";
  let data = value === undefined
    ? `{${keyJson(key)},"versionstamp":"${versionstamp}"}`
    : entryJson(key, value);
  if (withPrevious) data = `${data.slice(0, -1)},"prev":${previousJson(previous)}}`;
  return `event: ${kind}\n${id}data: ${data}\n\n`;
}

function previousJson(value: StoredValue | undefined): string {
  if (value === undefined) return "null";
  const versionstamp = versionstampText(value.version);
  return `{${valueJson(value, false)},"contentType":${
    typeJson(value)
  },"versionstamp":"${versionstamp}","expiresAt":${expiresAtJson(value.expiresAt)}}`;
}
