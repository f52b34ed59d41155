import { ok } from "node:assert/strict";
import { runCities } from "./cities.ts";

Deno.test("171,075 real places survive import, list, export and kill -9", async () => {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo_cities_" });
  try {
    const report = await runCities({ dataDirectory, onStep: () => {} });
    ok(report.placeCount === 171_075, `${report.placeCount} places`);
    ok(report.countryCount > 200, `${report.countryCount} countries`);
    ok(report.acknowledgedCount >= report.placeCount / 3);
    ok(report.unknownCount > 0, "the server was killed in the middle");
  } finally {
    Deno.removeSync(dataDirectory, { recursive: true });
  }
});
