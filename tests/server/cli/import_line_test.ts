import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { rawField, readImportLine } from "../../../server/cli/import_line.ts";

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
    if (text === undefined) return throws(() => readImportLine(line), TypeError);
    const { valueBase64, contentType } = readImportLine(line);
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
  '{"key":"a","value":1,"expiresAt":"2027-01-01T00:00:00Z"}',
];
for (const line of refused) {
  Deno.test(`readImportLine() refuses ${line}`, () => {
    throws(() => readImportLine(line), TypeError);
  });
}

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
