/**
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { ConsoleLogger } from "../../../server/telemetry/logger_console.ts";

Deno.test("ConsoleLogger writes one JSON object a line, from its level on", () => {
  const lines: string[] = [];
  const logger = new ConsoleLogger({ level: "info", write: (line) => void lines.push(line) });
  logger.log("debug", "left_out");
  logger.log("info", "flush_finished", { sizeBytes: 4_096, path: 'a{b}\n"' });
  logger.log("warn", "slow_request", { level: "no", time: "no", event: "no" });
  logger.log("error", "failed");
  logger.close();
  logger.log("error", "after_close");
  equal(lines.length, 3);
  match(lines[0], /^\{"time":"\d{4}-[^"]+Z","level":"info","event":"flush_finished",[^\n]*\n$/);
  const [first, second, third] = lines.map((line) => JSON.parse(line));
  deepEqual([first.sizeBytes, first.path], [4_096, 'a{b}\n"']);
  deepEqual([second.level, second.event], ["warn", "slow_request"]);
  deepEqual([third.level, third.event], ["error", "failed"]);
});
