import { deepEqual, equal, throws } from "node:assert/strict";
import {
  clientOf,
  defaultUrl,
  duration,
  moment,
  size,
  wholeNumber,
} from "../../../server/cli/verb_options.ts";
import { fakeIo } from "./harness.ts";

Deno.test("wholeNumber() keeps to its bounds", () => {
  const read = wholeNumber(1, 10);
  deepEqual([read("1"), read("10")], [1, 10]);
  for (const text of ["0", "11", "-1", "1.5", "", "x", "1e1"]) throws(() => read(text));
});

Deno.test("duration(), moment() and size() take what the server takes, and nothing else", () => {
  deepEqual([duration("500ms"), duration("30d")], ["500ms", "30d"]);
  for (const text of ["5", "1 s", "1w", ""]) throws(() => duration(text));
  const moments = ["000660ee15594c700000", "2026-11-23T08:00:00.000001Z"];
  deepEqual(moments.map(moment), moments);
  for (const text of ["660ee15594c7", "2026-11-23", "now"]) throws(() => moment(text));
  deepEqual([size("65536"), size("1MiB")], [65_536, 1_048_576]);
  for (const text of ["-1", "1 mib", "x"]) throws(() => size(text));
});

Deno.test("clientOf() takes flags before the environment before the default", () => {
  const environment = { ANKYLO_URL: "http://env:1", ANKYLO_TOKEN: "env" };
  const { io } = fakeIo({ environment });
  const given = { url: "http://flag:1", token: "flag", output: "table" } as const;
  equal(clientOf(io, given).urls[0], "http://flag:1");
  equal(clientOf(io, given).authorization, "Bearer flag");
  equal(clientOf(io, { output: "table" }).urls[0], "http://env:1");
  equal(clientOf(io, { output: "table" }).authorization, "Bearer env");
  deepEqual(clientOf(fakeIo().io, { output: "table" }).urls, [defaultUrl]);
});
