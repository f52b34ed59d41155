/**
 * `/v1/admin/check` and `/v1/admin/jobs/{id}`: long work that is started by one request and
 * followed by others.
 *
 * Invariants:
 *
 *  1. One job of a kind runs at a time.
 *  2. The last `jobCountMax` jobs are remembered, and no more.
 *
 * @module
 */
import type { AppContext } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";

/** A job as clients see it. */
export interface Job {
  readonly id: string;
  readonly kind: "check";
  readonly state: "running" | "done" | "failed";
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** What it found; null until it is done. */
  readonly result: object | null;
  /** Why it failed; null unless it did. */
  readonly reason: string | null;
}

const jobCountMax = 100;
const jobsPath = "/v1/admin/jobs/";
const noParameters: ReadonlySet<string> = new Set();

/** The routes of long work. */
export class JobRoutes {
  readonly #context: AppContext;
  readonly #jobs = new Map<string, Job>();
  #nextId = 1;

  constructor(context: AppContext) {
    this.#context = context;
  }

  /** `POST /v1/admin/check`: reads every byte on disk. */
  readonly check = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    const running = [...this.#jobs.values()].find((job) => job.state === "running");
    const job = running ?? this.#start();
    const response = exchange.answerObject(202, "json", job);
    response.headers.append("location", jobsPath + job.id);
    return response;
  };

  /** `GET /v1/admin/jobs/{id}`. */
  readonly job = (exchange: Exchange): Response => {
    exchange.parameters(noParameters);
    const id = exchange.path.slice(jobsPath.length);
    const job = this.#jobs.get(id);
    if (job === undefined) {
      throw new RequestError("not_found", "Cannot show the job: it is not known or long done");
    }
    return exchange.answerObject(200, "json", job);
  };

  #start(): Job {
    const job: Job = {
      id: String(this.#nextId++),
      kind: "check",
      state: "running",
      startedAt: this.#now(),
      finishedAt: null,
      result: null,
      reason: null,
    };
    this.#remember(job);
    this.#follow(job, this.#context.node.check());
    return job;
  }

  /** Reports how the work ends: nobody waits for it. */
  #follow(job: Job, work: Promise<object>): void {
    work.then(
      (result) => this.#finish({ ...job, state: "done", result }),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#context.logger.log("error", "job_failed", { job: job.id, kind: job.kind, reason });
        this.#finish({ ...job, state: "failed", reason });
      },
    );
  }

  #finish(job: Job): void {
    this.#remember({ ...job, finishedAt: this.#now() });
  }

  #remember(job: Job): void {
    this.#jobs.set(job.id, job);
    if (this.#jobs.size <= jobCountMax) return;
    const oldest = this.#jobs.keys().next().value;
    if (oldest !== undefined) this.#jobs.delete(oldest);
  }

  #now(): string {
    return new Date(this.#context.clock.wallMicros() / 1_000).toISOString();
  }
}
