import { deepEqual, equal, rejects } from "node:assert/strict";
import type { ApiClient } from "../../../server/cli/api_client.ts";
import { CliError } from "../../../server/cli/cli_error.ts";
import { runJob } from "../../../server/cli/job_follower.ts";
import { fakeIo } from "./harness.ts";

/** A client that answers in turn. */
function answering(answers: Record<string, unknown>[], paths: string[] = []): ApiClient {
  return {
    json: (path: string) => {
      paths.push(path);
      return Promise.resolve(answers.shift() ?? {});
    },
  } as unknown as ApiClient;
}

Deno.test("runJob() looks until the work is done, and draws how far it is", async () => {
  const paths: string[] = [];
  const { io, outcome } = fakeIo({ isTerminal: true });
  const client = answering([
    { id: "9", state: "running" },
    { id: "9", state: "running", progress: { doneBytes: 50, totalBytes: 100 } },
    { id: "9", state: "done", result: { n: 1 } },
  ], paths);
  deepEqual(await runJob(io, client, { path: "/p", name: "check" }), { n: 1 });
  deepEqual(paths, ["/p", "/v1/admin/jobs/9", "/v1/admin/jobs/9"]);
  equal(outcome(0).stderr.includes("50/100 bytes"), true);
});

Deno.test("runJob() fails with the work's own reason", async () => {
  const { io } = fakeIo();
  const client = answering([{ id: "9", state: "failed", reason: "no room" }]);
  await rejects(
    runJob(io, client, { path: "/p", name: "vacuum" }),
    (error) =>
      error instanceof CliError && error.code === "vacuum_failed" &&
      /no room/.test(error.message),
  );
});
