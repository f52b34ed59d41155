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
  transactionCheckCountMax,
  transactionMutationCountMax,
  transactionReadCountMax,
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

const entry = z.strictObject({
  ...keyFields,
  ...valueFields,
  contentType: z.string(),
  versionstamp,
  expiresAt: z.null(),
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
  })).max(transactionMutationCountMax).optional(),
  reads: z.array(z.union([z.string(), z.strictObject(keyFields)]))
    .max(transactionReadCountMax).optional(),
});

const batch = z.strictObject({
  operations: z.array(z.strictObject({
    op: z.enum(["get", "set", "delete"]),
    ...keyFields,
    ...valueFields,
    ifMatch: z.string().optional().describe("* or a versionstamp"),
    ifNoneMatch: z.literal("*").optional(),
  })).max(batchOperationCountMax),
});

const job = z.strictObject({
  id: z.string(),
  kind: z.literal("check"),
  state: z.enum(["running", "done", "failed"]),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
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
