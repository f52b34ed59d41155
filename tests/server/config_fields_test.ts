import { equal, ok } from "node:assert/strict";
import { configFields, environmentNameOf, flagOf } from "../../server/config_fields.ts";

Deno.test("flagOf() and environmentNameOf() follow from the field's name", () => {
  equal(flagOf({ name: "dataDir" }), "--data-dir");
  equal(environmentNameOf({ name: "peerTlsCa" }), "ANKYLO_PEER_TLS_CA");
});

Deno.test("configFields holds every option that api.md promises, once", () => {
  const promised = "name data-dir listen peer-listen advertise peer-advertise cluster join role " +
    "zone shards replicas access-token access-token-file cluster-secret-file tls-cert tls-key " +
    "tls-client-ca peer-tls-cert peer-tls-key peer-tls-ca retention archive";
  const flags = configFields.map(flagOf);
  for (const name of promised.split(" ")) ok(flags.includes(`--${name}`), name);
  equal(new Set(flags).size, flags.length);
});

Deno.test("configFields has defaults that fit their own bounds", () => {
  for (const field of configFields) {
    if (field.bounds !== undefined && typeof field.default === "number") {
      ok(field.default >= field.bounds[0] && field.default <= field.bounds[1], field.name);
    }
    if (field.choices !== undefined) ok(field.choices.includes(String(field.default)), field.name);
  }
});
