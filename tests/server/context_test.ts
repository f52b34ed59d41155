/**
 * @module
 */
import { equal, throws } from "node:assert/strict";
import { appConfig } from "../../server/context.ts";

Deno.test("appConfig() lays what is given over the defaults, within bounds", () => {
  equal(appConfig({ nodeName: "n2" }).nodeName, "n2");
  equal(appConfig().valueSizeBytesMax, 1_048_576);
  for (
    const given of [
      { nodeName: "a\nb" },
      { valueSizeBytesMax: 16_777_217 },
      { valueSizeBytesMax: 0 },
      { requestCountMax: 0 },
      { bodySizeBytesInFlightMax: 1 },
    ]
  ) throws(() => appConfig(given), { name: "InvariantError" });
});
