import { equal } from "node:assert/strict";
import { environmentNameOf, flagOf } from "../../server/config_field.ts";

Deno.test("flagOf() and environmentNameOf() follow from the field's name", () => {
  equal(flagOf({ name: "dataDir" }), "--data-dir");
  equal(environmentNameOf({ name: "peerTlsCa" }), "ANKYLO_PEER_TLS_CA");
});
