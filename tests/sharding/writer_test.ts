import { deepEqual, equal } from "node:assert/strict";
import { writerNames, WriterTexts } from "../../sharding/writer.ts";

const tokens = ["", "admin", "löwe ☃", "a/b", "/"];
for (const token of tokens) {
  Deno.test(`writerNames() gives back node and token ${JSON.stringify(token)}`, () => {
    const text = new WriterTexts("node1").of(token);
    deepEqual(writerNames(text), { node: "node1", token });
  });
}

Deno.test("WriterTexts.of() has one character a byte, so that it can be copied as a key is", () => {
  equal(new WriterTexts("n").of("ä"), "n/\xc3\xa4");
});

Deno.test("WriterTexts.of() tells tokens apart, however many there are", () => {
  const texts = new WriterTexts("n");
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 200; index++) equal(texts.of(`t${index}`), `n/t${index}`);
  }
});

Deno.test("WriterTexts.of() cuts what is too long for every write to carry", () => {
  equal(new WriterTexts("n").of("x".repeat(2_000)).length, 512);
});

Deno.test("writerNames() of the node itself has no token, and of nobody no node", () => {
  deepEqual(writerNames("node1"), { node: "node1", token: "" });
  deepEqual(writerNames(""), { node: "", token: "" });
});
