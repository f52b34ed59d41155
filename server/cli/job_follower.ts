/**
 * Long work of the server, followed to its end: it is asked for, then looked at again and again.
 *
 * The work goes on where the verb is stopped; the server does not know that nobody looks any more.
 *
 * @module
 */
import { SystemClock } from "../../storage/env/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { CliError } from "./cli_error.ts";
import type { CliIo } from "./cli_io.ts";
import { Progress } from "./progress.ts";

/** What is asked for. */
export interface JobRequest {
  /** Where it is posted to. */
  readonly path: string;
  /** What it is called in refusals. */
  readonly name: string;
  /** What is posted; nothing where it is left out. */
  readonly body?: object;
}

interface JobProgress {
  readonly doneBytes?: number;
  readonly totalBytes?: number;
}

const pollMs = 200;

/**
 * Has the server do long work, draws how far it is, and returns its result.
 *
 * @throws {CliError} `<name>_failed` where it ends without one, and as {@linkcode ApiClient.send}.
 */
export async function runJob(
  io: CliIo,
  client: ApiClient,
  request: JobRequest,
): Promise<Record<string, unknown>> {
  const { path, name, body } = request;
  const clock = new SystemClock();
  let job = await client.json(path, {
    method: "POST",
    ...(body === undefined ? {} : {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  });
  const progress = new Progress(io, { unit: "bytes", total: 0 });
  try {
    while (job.state === "running") {
      await clock.sleep(pollMs);
      job = await client.json(`/v1/admin/jobs/${job.id}`);
      const { doneBytes = 0, totalBytes = 0 } = (job.progress ?? {}) as JobProgress;
      if (totalBytes > 0) progress.update(doneBytes, totalBytes);
    }
  } finally {
    progress.stop();
  }
  if (job.state === "done") return (job.result ?? {}) as Record<string, unknown>;
  throw new CliError(`${name}_failed`, `Cannot finish the ${name}: ${job.reason}`);
}
