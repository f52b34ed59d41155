import { equal, ok } from "node:assert/strict";
import { runCitiesTime } from "./cities_time.ts";

Deno.test("real places are read back at any time, watched through kill -9, and vacuumed", async () => {
  const dataDirectory = Deno.makeTempDirSync({ prefix: "ankylo_cities_time_" });
  try {
    const report = await runCitiesTime({
      dataDirectory,
      placeCountMax: 60_000,
      onStep: () => {},
    });
    ok(report.placeCount > 50_000, `${report.placeCount} places`);
    equal(report.connectionCount, 2);
    ok(report.watchedCommitCount > 4 * 500, `${report.watchedCommitCount} commits`);
    ok(report.unknownCount > 0, "the server was killed in the middle");
  } finally {
    Deno.removeSync(dataDirectory, { recursive: true });
  }
});
