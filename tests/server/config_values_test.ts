import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  formatDuration,
  formatHostPort,
  formatSize,
  isLoopback,
  parseDuration,
  parseHostPort,
  parseSize,
} from "../../server/config_values.ts";

const durations = [
  { text: "500ms", want: 500 },
  { text: "10m", want: 600_000 },
  { text: "7d", want: 604_800_000 },
  { text: "2h", want: 7_200_000 },
  { text: "0s", want: 0 },
  { text: "10", want: undefined },
  { text: "1.5s", want: undefined },
  { text: "-1s", want: undefined },
  { text: "1 s", want: undefined },
  { text: "", want: undefined },
];
for (const { text, want } of durations) {
  Deno.test(`parseDuration() reads ${JSON.stringify(text)}`, () =>
    equal(parseDuration(text), want));
}

const sizes = [
  { text: "4096", want: 4_096 },
  { text: "64MiB", want: 67_108_864 },
  { text: "1GB", want: 1_000_000_000 },
  { text: "1 KiB", want: 1_024 },
  { text: "5B", want: 5 },
  { text: "1.5MiB", want: undefined },
  { text: "-1", want: undefined },
  { text: "1m", want: undefined },
  { text: "999999999999999TiB", want: undefined },
];
for (const { text, want } of sizes) {
  Deno.test(`parseSize() reads ${JSON.stringify(text)}`, () => equal(parseSize(text), want));
}

Deno.test("formatDuration() and formatSize() write what is read back", () => {
  const number = fc.integer({ min: 0, max: 999_999_999_999 });
  fc.assert(fc.property(number, (value) => {
    equal(parseDuration(formatDuration(value)), value);
    equal(parseSize(formatSize(value)), value);
  }));
});

const addresses = [
  { text: "127.0.0.1:4512", want: { host: "127.0.0.1", port: 4512 } },
  { text: "[::1]:0", want: { host: "::1", port: 0 } },
  { text: "db.example:65535", want: { host: "db.example", port: 65_535 } },
  { text: "db.example:65536", want: undefined },
  { text: "::1:80", want: undefined },
  { text: "localhost", want: undefined },
  { text: ":80", want: undefined },
];
for (const { text, want } of addresses) {
  Deno.test(`parseHostPort() reads ${text}`, () => {
    deepEqual(parseHostPort(text), want);
    if (want !== undefined) equal(formatHostPort(want), text);
  });
}

Deno.test("isLoopback() knows what only this machine reaches", () => {
  for (const host of ["localhost", "127.0.0.1", "127.8.9.1", "::1"]) equal(isLoopback(host), true);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example"]) {
    equal(isLoopback(host), false);
  }
});
