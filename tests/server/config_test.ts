import { equal, match, ok, throws } from "node:assert/strict";
import {
  ConfigError,
  type ConfigSources,
  formatBounds,
  formatValue,
  readConfig,
} from "../../server/config.ts";
import { type ConfigField, environmentNameOf, flagOf } from "../../server/config_field.ts";
import { configFields } from "../../server/config_fields.ts";

/** Returns a text that fits a field and is not its default. */
function sample(field: ConfigField): string {
  if (field.choices !== undefined) {
    return field.choices.find((choice) => choice !== field.default) ?? "";
  }
  if (field.kind === "switch") return String(field.default !== true);
  if (field.kind === "address") return "127.0.0.1:9999";
  if (field.bounds !== undefined) return formatValue(field, field.bounds[0] + 16);
  return field.name === "advertise" ? "http://a:1" : "sample";
}

function refusal(sources: ConfigSources): ConfigError {
  let found: unknown;
  throws(() => readConfig(sources), (error: unknown) => {
    found = error;
    return true;
  });
  ok(found instanceof ConfigError, String(found));
  equal(found.message.includes("\n"), false);
  return found;
}

const settable = configFields.filter((field) => field.awaits === undefined);
for (const field of settable) {
  Deno.test(`readConfig() takes ${field.name} from each source, the nearest first`, () => {
    const pair = { tlsCert: "tlsKey", tlsKey: "tlsCert" }[field.name];
    const more = pair === undefined ? {} : { [pair]: "other" };
    const text = sample(field);
    const file = { path: "a.json", text: JSON.stringify({ ...more, [field.name]: text }) };
    const environment = (name: string) => name === environmentNameOf(field) ? text : undefined;
    const fromFile = readConfig({ file });
    const fromEnvironment = readConfig({ flags: more, environment, file });
    const fromFlag = readConfig({ flags: { ...more, [field.name]: text }, environment, file });
    equal(fromFile.source(field.name), "file a.json");
    equal(fromEnvironment.source(field.name), `environment ${environmentNameOf(field)}`);
    equal(fromFlag.source(field.name), `flag ${flagOf(field)}`);
    equal(readConfig({}).source(field.name), "default");
    for (const config of [fromFile, fromEnvironment, fromFlag]) {
      const { value } = config.settings.find((setting) => setting.field === field) ?? {};
      if (field.isSecret) equal(formatValue(field, value), "***");
      else equal(formatValue(field, value), text);
    }
  });
}

for (const field of settable.filter(({ bounds }) => bounds !== undefined)) {
  Deno.test(`readConfig() holds ${field.name} to its bounds`, () => {
    const [smallest, largest] = field.bounds ?? [0, 0];
    const unit = field.kind === "duration" ? "ms" : "";
    const read = (value: number) => readConfig({ flags: { [field.name]: `${value}${unit}` } });
    const isOdd = field.name === "logSegmentSize";
    const inner = isOdd ? 16 : 1;
    for (const value of [smallest, smallest + inner, largest - inner, largest]) {
      equal(read(value).number(field.name), value);
    }
    for (const value of [smallest - 1, largest + 1]) {
      const { message, code } = refusal({ flags: { [field.name]: `${value}${unit}` } });
      equal(code, "invalid_config");
      ok(message.includes(`Cannot use ${field.name}=`), message);
      ok(message.includes(`flag ${flagOf(field)}`), message);
      ok(message.includes(formatBounds(field)), message);
    }
  });
}

const later = [
  { cluster: "a=h:1,b=h:2" },
  { join: "h:1" },
  { role: "witness" },
  { shards: "4" },
  { replicas: "3" },
  { archive: "file:///a" },
  { tlsClientCa: "ca.pem" },
  { peerTlsCa: "ca.pem" },
];
for (const flags of later) {
  const [name] = Object.keys(flags);
  Deno.test(`readConfig() says that ${name} is not implemented yet`, () => {
    const { code, message } = refusal({ flags });
    equal(code, "not_implemented");
    match(message, new RegExp(`^Cannot use ${name}=.*flag --.*not implemented yet$`));
  });
}

Deno.test("readConfig() takes the default of what later work brings", () => {
  readConfig({ flags: { role: "data", shards: "8", replicas: 1 } });
});

Deno.test("readConfig() refuses a field that nobody knows, by name and file", () => {
  const { message } = refusal({ file: { path: "a.json", text: '{"dataDirr":"x"}' } });
  match(message, /"dataDirr" \(file a\.json\)/);
});

const brokenFiles = ["{", "[]", "null", '"a"', "1"];
for (const text of brokenFiles) {
  Deno.test(`readConfig() refuses the file ${text}`, () => {
    match(refusal({ file: { path: "a.json", text } }).message, /^Cannot read file a\.json: /);
  });
}

const wrong = [
  { name: "retention", value: "10" },
  { name: "retention", value: 10 },
  { name: "retention", value: null },
  { name: "valueSizeMax", value: 1.5 },
  { name: "valueSizeMax", value: "1 000" },
  { name: "accessLog", value: "yes" },
  { name: "dataDir", value: "" },
  { name: "name", value: "a b" },
  { name: "logLevel", value: "loud" },
  { name: "listen", value: "4512" },
];
for (const { name, value } of wrong) {
  Deno.test(`readConfig() refuses ${name}=${JSON.stringify(value)} in a file`, () => {
    const file = { path: "a.json", text: JSON.stringify({ [name]: value }) };
    match(
      refusal({ file }).message,
      new RegExp(`^Cannot use ${name}=.*\\(file a\\.json\\): it is `),
    );
  });
}

Deno.test("readConfig() does not show a secret in its refusal", () => {
  equal(refusal({ flags: { accessToken: "geheim geheim" } }).message.includes("geheim"), false);
});

Deno.test("readConfig() demands token and cluster secret beyond loopback", () => {
  const listen = "0.0.0.0:4512";
  match(refusal({ flags: { listen } }).message, /access-token-file.* and --cluster-secret-file/);
  const withToken = refusal({ flags: { listen, accessToken: "t" } }).message;
  match(withToken, /beyond loopback --cluster-secret-file must/);
  const withSecret = refusal({ flags: { listen, clusterSecretFile: "s" } }).message;
  match(withSecret, /beyond loopback --access-token-file \(or --access-token\) must/);
  readConfig({ flags: { listen, accessToken: "t", clusterSecretFile: "s" } });
  readConfig({ flags: { listen: "[::1]:1" } });
});

Deno.test("readConfig() demands certificate and key together", () => {
  match(refusal({ flags: { tlsCert: "c" } }).message, /tlsKey is missing/);
  match(refusal({ flags: { tlsKey: "k" } }).message, /tlsCert is missing/);
});
