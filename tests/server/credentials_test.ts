import { deepEqual, throws } from "node:assert/strict";
import { readConfig } from "../../server/config.ts";
import { parseTokens, readCredentials } from "../../server/credentials.ts";
import { withFolder } from "./cli/serve_process.ts";

Deno.test("parseTokens() reads tokens with and without a name", () => {
  deepEqual(parseTokens("# all\nada:s3cret\n\n  plain \nb:c:d", "f"), [
    { name: "ada", token: "s3cret" },
    { name: "line4", token: "plain" },
    { name: "b", token: "c:d" },
  ]);
});

const refused = [
  { text: "", want: /no token in it/ },
  { text: "# none\n", want: /no token in it/ },
  { text: "a:x\nb:x", want: /line 2 of f .* there already/ },
  { text: "two words", want: /line 1 of f/ },
  { text: "a:", want: /line 1 of f/ },
  { text: ":x", want: /line 1 of f/ },
];
for (const { text, want } of refused) {
  Deno.test(`parseTokens() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parseTokens(text, "f"), { code: "invalid_config", message: want });
  });
}

Deno.test("readCredentials() reads the files that the configuration names", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/tokens`, "a:b\n");
    await Deno.writeTextFile(`${folder}/empty`, " \n");
    const flags = { accessToken: "t", accessTokenFile: `${folder}/tokens` };
    deepEqual(readCredentials(readConfig({ flags })), {
      tokens: [{ name: "token", token: "t" }, { name: "a", token: "b" }],
      tls: undefined,
    });
    const secret = readConfig({ flags: { clusterSecretFile: `${folder}/empty` } });
    throws(() => readCredentials(secret), { message: /clusterSecretFile=.*it is empty$/ });
    const missing = readConfig({ flags: { tlsCert: `${folder}/none`, tlsKey: `${folder}/none` } });
    throws(() => readCredentials(missing), { message: /^Cannot use tlsCert=.*flag --tls-cert/ });
  });
});
