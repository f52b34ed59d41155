import { equal, match, notEqual } from "node:assert/strict";
import { eventBytes, progressText, resetText } from "../../../server/wire/server_events.ts";
import type { WatchEvent } from "../../../sharding/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const event: WatchEvent = {
  kind: "set",
  key: "a\nb",
  version: 3,
  value: {
    bytes: encode('{\r\n"n":\n1}'),
    contentType: "application/json",
    version: 3,
    expiresAt: 1_000_000,
  },
  previous: { bytes: encode("x\ny"), contentType: "text/plain", version: 2, expiresAt: undefined },
};

const textOf = (withPrevious: boolean, isCommitEnd: boolean, given = event) =>
  new TextDecoder().decode(eventBytes(given, { withPrevious, isCommitEnd }));

Deno.test("eventBytes() keeps an event's data on one line, whatever is stored", () => {
  equal(
    textOf(false, true),
    "event: set\nid: 00000000000000030000\n" +
      'data: {"key":"a\\nb","value":{  "n": 1},"contentType":"application/json",' +
      '"versionstamp":"00000000000000030000","expiresAt":"1970-01-01T00:00:01.000000Z"}\n\n',
  );
  const withPrevious = textOf(true, false);
  equal(withPrevious.includes("id:"), false);
  match(withPrevious, /,"prev":\{"value":"x\\ny","contentType":"text\/plain",.*null\}\}\n\n$/);
});

Deno.test("eventBytes() shows no value of a key that has none", () => {
  const removed: WatchEvent = { ...event, kind: "expire", value: undefined, previous: undefined };
  equal(
    textOf(true, true, removed),
    "event: expire\nid: 00000000000000030000\n" +
      'data: {"key":"a\\nb","versionstamp":"00000000000000030000","prev":null}\n\n',
  );
});

Deno.test("eventBytes() makes the bytes of each shape once", () => {
  const shape = { withPrevious: false, isCommitEnd: true };
  equal(eventBytes(event, shape), eventBytes(event, { ...shape }));
  notEqual(eventBytes(event, shape), eventBytes(event, { ...shape, isCommitEnd: false }));
});

Deno.test("progress has an id, a reset has none", () => {
  equal(
    progressText(3),
    'event: progress\nid: 00000000000000030000\ndata: {"versionstamp":"00000000000000030000"}\n\n',
  );
  const reset = resetText({ reason: "too_slow", oldestVersion: 2, resumeVersion: 1 });
  match(reset, /^event: reset\ndata: \{"reason":"too_slow","oldest":"0{15}20000",.*\}\n\n$/);
});
