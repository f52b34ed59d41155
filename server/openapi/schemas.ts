/**
 * The shapes of JSON bodies, as the OpenAPI document states them and tests check them.
 *
 * Requests are checked by hand where they are read (`wire/`), because that is the hot path; a test
 * compares both.
 *
 * @module
 */
import { z } from "zod";
import { problemKinds } from "../errors.ts";
import {
  batchOperationCountMax,
  ruleVersionCountMax,
  transactionCheckCountMax,
  transactionMutationCountMax,
  transactionReadCountMax,
  vacuumIoBytesMax,
  vacuumIoBytesMin,
} from "../wire/limits.ts";

const versionstamp = z.string().regex(/^[0-9a-f]{20}$/).describe(
  "20 lower-case hex digits; only grows",
);
const codes = Object.keys(problemKinds) as [string, ...string[]];
const keyFields = {
  key: z.string().optional().describe("The key, where its bytes are UTF-8"),
  keyBase64: z.string().optional().describe("The key otherwise"),
};
const valueFields = {
  value: z.unknown().optional().describe("JSON of application/json, text of text/*"),
  valueBase64: z.string().optional().describe("The value otherwise"),
  contentType: z.string().optional(),
};

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/).describe(
  "RFC 3339, to the microsecond",
);
const expiresAt = time.nullable().describe("From when on there is no value any more");
const duration = z.string().regex(/^\d{1,9}(ms|s|m|h|d)$/).describe("Such as 500ms, 30s or 7d");
const ttl = duration.optional().describe("How long the value lives, from 1ms to 36500d");
const prefixFields = {
  prefix: z.string().optional().describe("The prefix, where its bytes are UTF-8"),
  prefixBase64: z.string().optional().describe("The prefix otherwise"),
};

const entry = z.strictObject({
  ...keyFields,
  ...valueFields,
  contentType: z.string(),
  versionstamp,
  expiresAt,
});

/** An error (RFC 9457). */
const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  retryable: z.boolean(),
});

const page = z.strictObject({
  entries: z.array(entry),
  cursor: z.string().nullable(),
  versionstamp,
});
const count = z.strictObject({ count: z.int().min(0), versionstamp });
const written = z.strictObject({ versionstamp });
const deleted = z.strictObject({ deleted: z.boolean(), versionstamp });

const transaction = z.strictObject({
  checks: z.array(z.strictObject({ ...keyFields, versionstamp: versionstamp.nullable() }))
    .max(transactionCheckCountMax).optional(),
  mutations: z.array(z.strictObject({
    op: z.enum(["set", "delete", "add", "min", "max", "append"]),
    ...keyFields,
    ...valueFields,
    ttl,
  })).max(transactionMutationCountMax).optional(),
  reads: z.array(z.union([z.string(), z.strictObject(keyFields)]))
    .max(transactionReadCountMax).optional(),
});

const batch = z.strictObject({
  operations: z.array(z.strictObject({
    op: z.enum(["get", "set", "delete"]),
    ...keyFields,
    ...valueFields,
    ttl,
    ifMatch: z.string().optional().describe("* or a versionstamp"),
    ifNoneMatch: z.literal("*").optional(),
  })).max(batchOperationCountMax),
});

const history = z.strictObject({
  ...keyFields,
  versions: z.array(z.strictObject({
    versionstamp,
    time,
    op: z.enum(["set", "delete", "expire"]),
    ...valueFields,
    expiresAt: expiresAt.optional(),
    node: z.string().describe("Which node took the request; empty where there was none"),
    token: z.string().describe("The name of the token that asked; empty without tokens"),
  })),
  oldest: versionstamp.describe("What is older may be gone"),
  oldestTime: time,
  cursor: versionstamp.nullable(),
  versionstamp,
});

const retention = z.strictObject({
  retention: duration,
  oldest: versionstamp,
  oldestTime: time,
  rules: z.array(z.strictObject({
    ...prefixFields,
    retention: duration.optional(),
    versions: z.int().min(1).optional(),
    oldest: versionstamp,
    oldestTime: time,
  })),
});

const holders = z.strictObject({
  holders: z.array(z.strictObject({
    id: z.string(),
    kind: z.enum([
      "cursor",
      "stream",
      "read",
      "export",
      "backup",
      "watch",
      "retention",
      "rule",
    ]),
    owner: z.string(),
    versionstamp,
    time,
    age: duration.nullable(),
    isHoldingBack: z.boolean().describe("Whether the watermark waits for it alone"),
  })),
  watermark: versionstamp,
  watermarkTime: time,
});

const job = z.strictObject({
  id: z.string(),
  kind: z.enum(["check", "vacuum", "vacuumReport"]),
  parameters: z.looseObject({}).describe("What was asked for"),
  state: z.enum(["running", "done", "failed"]),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  progress: z.strictObject({ doneBytes: z.number(), totalBytes: z.number() }).nullable(),
  result: z.looseObject({}).nullable(),
  reason: z.string().nullable(),
});

/** All shapes by the name that the document gives them. */
export const schemas = {
  Problem: problem,
  Entry: entry,
  Written: written,
  Deleted: deleted,
  RangeDeleted: z.strictObject({ deleted: z.int().min(0), versionstamp }),
  Page: page,
  Count: count,
  List: z.union([page, count]).describe("A count where count_only asks for it"),
  Transaction: transaction,
  Committed: z.strictObject({
    ok: z.literal(true),
    versionstamp,
    reads: z.array(entry.nullable()),
  }),
  Batch: batch,
  BatchResults: z.strictObject({
    results: z.array(z.union([
      z.strictObject({ status: z.literal(200), ...entry.shape }),
      z.strictObject({ status: z.literal(200), ...written.shape }),
      z.strictObject({ status: z.literal(200), ...deleted.shape }),
      problem,
    ])),
  }),
  History: history,
  Revert: z.strictObject({
    revertTo: z.string().describe("A versionstamp, or an RFC 3339 time: as it was then"),
    ttl,
  }),
  Retention: retention,
  RetentionRule: z.union([
    z.strictObject({ retention: duration }),
    z.strictObject({ versions: z.int().min(1).max(ruleVersionCountMax) }),
  ]),
  Vacuum: z.strictObject({
    ...prefixFields,
    report: z.boolean().optional(),
    release: z.string().optional().describe("The id of a holder; alone"),
    ioBytesPerSecond: z.union([
      z.literal(0),
      z.int().min(vacuumIoBytesMin).max(vacuumIoBytesMax),
    ]).optional().describe("0 for no bound"),
  }),
  Released: z.strictObject({ released: z.literal(true) }),
  Holders: holders,
  Status: z.strictObject({
    node: z.string(),
    version: z.string(),
    role: z.literal("data"),
    leader: z.boolean(),
    stopping: z.boolean(),
    startedAt: z.string(),
    uptimeMs: z.number(),
    statistics: z.looseObject({}),
  }),
  Job: job,
  Live: z.strictObject({ live: z.literal(true) }),
  Ready: z.strictObject({ ready: z.literal(true) }),
  Leader: z.strictObject({ leader: z.literal(true) }),
  Replica: z.strictObject({ replica: z.literal(true), lagMs: z.number() }),
} as const;

/** The name of a shape. */
export type SchemaName = keyof typeof schemas;
