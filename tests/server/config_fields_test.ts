import { equal, ok } from "node:assert/strict";
import { flagOf } from "../../server/config_field.ts";
import { configFields } from "../../server/config_fields.ts";

Deno.test("configFields holds every option that users were promised, once", () => {
  const promised = "name data-dir listen peer-listen advertise peer-advertise cluster join role " +
    "zone shards replicas access-token access-token-file cluster-secret-file tls-cert tls-key " +
    "tls-client-ca peer-tls-cert peer-tls-key peer-tls-ca retention archive watches-max " +
    "watch-lag-max autovacuum vacuum-dead-ratio vacuum-io-max vacuum-interval";
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
