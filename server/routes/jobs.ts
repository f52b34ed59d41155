/**
 * `/v1/admin/check` and `/v1/admin/jobs/{id}`: long work that is started by one request and
 * followed by others. Whoever asks for work of a kind that is running is shown the running job:
 * `parameters` says what that one is about.
 *
 * Invariants:
 *
 *  1. One job of a kind runs at a time.
 *  2. The last `jobCountMax` jobs are remembered, and no more; those that run among them.
 *
 * @module
 */
import { InvariantError } from "../../storage/env/mod.ts";
import type { AppContext, WorkProgress } from "../context.ts";
import { RequestError } from "../errors.ts";
import type { Exchange } from "../middleware/exchange.ts";

/** The kinds of jobs. */
export type JobKind = "check" | "vacuum" | "vacuumReport";

/** A job as clients see it. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  /** What was asked for. */
  readonly parameters: object;
  readonly state: "running" | "done" | "failed";
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** How far it has got; null where it has not told. */
  readonly progress: WorkProgress | null;
  /** What it found; null until it is done. */
  readonly result: object | null;
  /** Why it failed; null unless it did. */
  readonly reason: string | null;
}

/** What is to be done. */
export interface Work {
  readonly kind: JobKind;
  /** Shown to whoever looks. */
  readonly parameters: object;
  /** Does it, and resolves with what it found. */
  run(onProgress: (progress: WorkProgress) => void): Promise<object>;
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
    const { node } = this.#context;
    return this.start(exchange, {
      kind: "check",
      parameters: {},
      run: (onProgress) =>
        node.check(({ checkedBytes, totalBytes }) =>
          onProgress({ doneBytes: checkedBytes, totalBytes })
        ),
    });
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

  /** Answers with the running job of the work's kind, started now where there is none. */
  start(exchange: Exchange, work: Work): Response {
    const running = [...this.#jobs.values()]
      .find((job) => job.kind === work.kind && job.state === "running");
    const job = running ?? this.#start(work);
    const response = exchange.answerObject(202, "json", job);
    response.headers.append("location", jobsPath + job.id);
    return response;
  }

  #start(work: Work): Job {
    const { kind, parameters } = work;
    const job: Job = {
      id: String(this.#nextId++),
      kind,
      parameters,
      state: "running",
      startedAt: this.#now(),
      finishedAt: null,
      progress: null,
      result: null,
      reason: null,
    };
    this.#remember(job);
    const onProgress = ({ doneBytes, totalBytes }: WorkProgress) =>
      this.#update(job.id, { progress: { doneBytes, totalBytes } });
    this.#follow(job, work.run(onProgress));
    return job;
  }

  /** Reports how the work ends: nobody waits for it. */
  #follow({ id, kind }: Job, work: Promise<object>): void {
    work.then(
      (result) => this.#update(id, { state: "done", result, finishedAt: this.#now() }),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#context.logger.log("error", "job_failed", { job: id, kind, reason });
        this.#update(id, { state: "failed", reason, finishedAt: this.#now() });
        if (error instanceof InvariantError) this.#context.onFatal(error);
      },
    );
  }

  #update(id: string, change: Partial<Job>): void {
    const job = this.#jobs.get(id);
    if (job?.state === "running") this.#jobs.set(id, { ...job, ...change });
  }

  #remember(job: Job): void {
    this.#jobs.set(job.id, job);
    if (this.#jobs.size <= jobCountMax) return;
    const oldest = [...this.#jobs.values()].find(({ state }) => state !== "running");
    if (oldest !== undefined) this.#jobs.delete(oldest.id);
  }

  #now(): string {
    return new Date(this.#context.clock.wallMicros() / 1_000).toISOString();
  }
}
