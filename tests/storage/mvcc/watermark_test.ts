import { doesNotThrow, equal, throws } from "node:assert/strict";
import { checkReadable, nextWatermark } from "../../../storage/mvcc/watermark.ts";

const cases = [
  {
    name: "keeps the retention",
    closed: 100,
    retention: 30,
    held: undefined,
    current: 0,
    want: 70,
  },
  { name: "never passes a holder", closed: 100, retention: 30, held: 40, current: 0, want: 40 },
  {
    name: "takes no notice of a young holder",
    closed: 100,
    retention: 30,
    held: 90,
    current: 0,
    want: 70,
  },
  { name: "never falls", closed: 100, retention: 30, held: 40, current: 60, want: 60 },
  {
    name: "stays at 0 while all is young",
    closed: 10,
    retention: 30,
    held: undefined,
    current: 0,
    want: 0,
  },
];
for (const { name, closed, retention, held, current, want } of cases) {
  Deno.test(`nextWatermark() ${name}`, () => {
    const found = nextWatermark({
      current,
      closedVersion: closed,
      retentionMicros: retention,
      oldestHeldVersion: held,
    });
    equal(found, want);
  });
}

Deno.test("checkReadable() lets the watermark itself be read, and nothing below", () => {
  doesNotThrow(() => checkReadable(7, 7));
  throws(() => checkReadable(6, 7), { code: "version_vacuumed", oldestVersion: 7 });
});
