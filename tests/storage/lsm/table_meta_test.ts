import { equal } from "node:assert/strict";
import { tableFileName } from "../../../storage/lsm/table_meta.ts";

const cases = [
  { number: 7, want: "000007.sst" },
  { number: 999_999, want: "999999.sst" },
  { number: 1_000_000, want: "1000000.sst" },
];
for (const { number, want } of cases) {
  Deno.test(`tableFileName() of ${number} is ${want}`, () => equal(tableFileName(number), want));
}
