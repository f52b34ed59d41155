import { deepEqual, equal, fail, throws } from "node:assert/strict";
import fc from "fast-check";
import { rawField, readImportLine } from "../../../server/cli/import_line.ts";

const nowMicros = Date.parse("2026-11-23T08:00:00Z") * 1_000;

const cases = [
  { line: '{"key":"a","value":1.0}', text: "1.0", type: "application/json" },
  { line: '{"key":"a", "value" : {"b": [1,{"c":"}\\""}]} , "x":0}', text: undefined, type: "" },
  { line: '{"key":"a","value":"t"}', text: "t", type: "text/plain" },
  {
    line: '{"value":[ 1, 2 ],"contentType":"application/json","key":"a"}',
    text: "[ 1, 2 ]",
    type: "application/json",
  },
  {
    line: '{"key":"a","value":"x","contentType":"application/json"}',
    text: '"x"',
    type: "application/json",
  },
  {
    line: '{"key":"a","valueBase64":"AA==","versionstamp":"0","expiresAt":null}',
    text: "\0",
    type: "application/octet-stream",
  },
];
for (const { line, text, type } of cases) {
  Deno.test(`readImportLine() of ${line}`, () => {
    if (text === undefined) return throws(() => readImportLine(line, nowMicros), TypeError);
    const operation = readImportLine(line, nowMicros);
    if (operation === undefined) return fail();
    const { valueBase64, contentType, ttl } = operation;
    equal(ttl, undefined);
    equal(new TextDecoder().decode(Uint8Array.fromBase64(valueBase64)), text);
    equal(contentType, type);
  });
}

const refused = [
  "",
  "[]",
  "1",
  '{"value":1}',
  '{"key":1,"value":1}',
  '{"key":"a"}',
  '{"key":"a","keyBase64":"YQ==","value":1}',
  '{"key":"a","value":1,"valueBase64":""}',
  '{"key":"a","value":1,"contentType":"image/png"}',
  '{"key":"a","value":1,"expiresAt":"tomorrow"}',
  '{"key":"a","value":1,"expiresAt":5}',
  '{"key":"a","value":1,"ttl":"soon"}',
  '{"key":"a","value":1,"ttl":"1s","expiresAt":"2027-01-01T00:00:00Z"}',
];
for (const line of refused) {
  Deno.test(`readImportLine() refuses ${line}`, () => {
    throws(() => readImportLine(line, nowMicros), TypeError);
  });
}

const living = [
  { rest: '"expiresAt":"2026-11-23T08:00:01.000001Z"', ttl: "1001ms" },
  { rest: '"expiresAt":"2026-11-23T09:00:00.000000Z"', ttl: "1h" },
  { rest: '"expiresAt":"2027-02-01T00:00:00.000001Z"', ttl: "6019201s" },
  { rest: '"expiresAt":null', ttl: undefined },
  { rest: '"ttl":"30s"', ttl: "30s" },
];
for (const { rest, ttl } of living) {
  Deno.test(`readImportLine() keeps the time that is left: ${rest}`, () => {
    equal(readImportLine(`{"key":"a","value":1,${rest}}`, nowMicros)?.ttl, ttl);
  });
}

Deno.test("readImportLine() leaves out what has expired by now", () => {
  const line = '{"key":"a","value":1,"expiresAt":"2026-11-23T08:00:00.000000Z"}';
  equal(readImportLine(line, nowMicros), undefined);
  equal(readImportLine(line, nowMicros - 1)?.ttl, "1ms");
});

Deno.test("rawField() finds each field's own text", () => {
  const texts = fc.array(fc.tuple(fc.string(), fc.json()), { minLength: 1 });
  fc.assert(fc.property(texts, fc.constantFrom("", " ", "\t "), (fields, gap) => {
    const parts = fields.map(([name, json]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${json}`);
    const line = `{${parts.join(`${gap},`)}${gap}}`;
    const last = new Map(fields);
    for (const [name, json] of last) equal(rawField(line, name), json.trim());
    deepEqual(rawField(line, "no such name at all"), undefined);
  }));
});
