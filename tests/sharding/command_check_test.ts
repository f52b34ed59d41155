import { deepEqual, equal } from "node:assert/strict";
import { refusalOf } from "../../sharding/command_check.ts";
import { putText, transaction } from "./entry_building.ts";

Deno.test("refusalOf() holds values to the limit, exactly", () => {
  equal(refusalOf(putText("a", "12345"), 5), undefined);
  deepEqual(refusalOf(putText("a", "123456"), 5), { outcome: "value_too_large", key: "a" });
  const value = { bytes: new Uint8Array(6), contentType: "a/b" };
  const append = transaction({ mutations: [{ op: "append", key: "b", value }] });
  deepEqual(refusalOf(append, 5), { outcome: "value_too_large", key: "b" });
  equal(refusalOf(append, 6), undefined);
});

Deno.test("refusalOf() refuses content types that are too long", () => {
  equal(refusalOf(putText("a", "", "x".repeat(255)), 5), undefined);
  equal(refusalOf(putText("a", "", "x".repeat(256)), 5)?.outcome, "invalid");
});

Deno.test("refusalOf() refuses operands that are not finite", () => {
  for (const operand of [NaN, Infinity, -Infinity]) {
    const result = refusalOf(transaction({ mutations: [{ op: "min", key: "n", operand }] }), 5);
    equal(result?.outcome, "invalid");
  }
  equal(refusalOf(transaction({ mutations: [{ op: "min", key: "n", operand: 0 }] }), 5), undefined);
});

Deno.test("refusalOf() has nothing against deletes", () => {
  equal(refusalOf({ kind: "delete", key: "a" }, 0), undefined);
  equal(refusalOf(transaction({ mutations: [{ op: "delete", key: "a" }] }), 0), undefined);
});
