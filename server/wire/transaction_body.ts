/**
 * The body of `POST /v1/txn`: from parsed JSON or MessagePack to a command.
 *
 * @module
 */
import type { Check, Command, Mutation } from "../../sharding/mod.ts";
import { badField, type Fields, listField, objectFields } from "./fields.ts";
import {
  transactionCheckCountMax,
  transactionMutationCountMax,
  transactionReadCountMax,
} from "./limits.ts";
import { ttlField } from "./time_to_live.ts";
import { readKey, readPlainKey, readValue } from "./values.ts";
import { parseConditionVersion } from "./versionstamps.ts";

/** A transaction as a command. */
export type TransactionCommand = Extract<Command, { kind: "transaction" }>;

const bodyFields = new Set(["checks", "mutations", "reads"]);
const checkFields = new Set(["key", "keyBase64", "versionstamp"]);
const readFields = new Set(["key", "keyBase64"]);
const mutationFields = new Set([
  "op",
  "key",
  "keyBase64",
  "value",
  "valueBase64",
  "contentType",
  "ttl",
]);

/** @throws {RequestError} for the first field that is wrong, by its path. */
export function readTransaction(body: unknown, valueSizeBytesMax: number): TransactionCommand {
  const fields = objectFields(body, "", bodyFields);
  const checks = listField(fields, "checks", transactionCheckCountMax);
  const mutations = listField(fields, "mutations", transactionMutationCountMax);
  const reads = listField(fields, "reads", transactionReadCountMax);
  return {
    kind: "transaction",
    checks: checks.map((check, index) => readCheck(check, `checks[${index}]`)),
    mutations: mutations.map((mutation, index) =>
      readMutation(mutation, `mutations[${index}]`, valueSizeBytesMax)
    ),
    reads: reads.map((read, index) => readRead(read, `reads[${index}]`)),
  };
}

/** Returns the key that a transaction is remembered beside; empty where it names none. */
export function firstKey(command: TransactionCommand): string {
  return command.mutations[0]?.key ?? command.checks[0]?.key ?? command.reads[0] ?? "";
}

function readCheck(value: unknown, where: string): Check {
  const fields = objectFields(value, where, checkFields);
  return { key: readKey(fields, where), version: readCheckVersion(fields, where) };
}

function readCheckVersion(fields: Fields, where: string): number | null {
  const { versionstamp } = fields;
  if (versionstamp === null) return null;
  const version = typeof versionstamp === "string"
    ? parseConditionVersion(versionstamp)
    : undefined;
  if (version === undefined) {
    throw badField(`${where}.versionstamp`, "it is 20 lower-case hex digits, or null");
  }
  return version;
}

function readRead(value: unknown, where: string): string {
  if (typeof value === "string" || value instanceof Uint8Array) return readPlainKey(value, where);
  return readKey(objectFields(value, where, readFields), where);
}

function readMutation(value: unknown, where: string, valueSizeBytesMax: number): Mutation {
  const fields = objectFields(value, where, mutationFields);
  const { op } = fields;
  switch (op) {
    case "set":
    case "append": {
      const key = readKey(fields, where);
      const value = readValue(fields, { where, sizeBytesMax: valueSizeBytesMax });
      return { op, key, value: { ...value, ttlMicros: ttlField(fields, where) } };
    }
    case "delete":
      refuseFields(fields, where, ["value", "valueBase64", "contentType", "ttl"]);
      return { op, key: readKey(fields, where) };
    case "add":
    case "min":
    case "max":
      refuseFields(fields, where, ["valueBase64", "contentType"]);
      if (typeof fields.value !== "number" || !Number.isFinite(fields.value)) {
        throw badField(`${where}.value`, "it is not a number");
      }
      return {
        op,
        key: readKey(fields, where),
        operand: fields.value,
        ttlMicros: ttlField(fields, where),
      };
    default:
      throw badField(`${where}.op`, "it is set, delete, add, min, max or append");
  }
}

/** @throws {RequestError} where an operation is given a field that it has no use for. */
export function refuseFields(fields: Fields, where: string, names: readonly string[]): void {
  for (const name of names) {
    if (fields[name] !== undefined) {
      throw badField(`${where}.${name}`, "this operation has no such field");
    }
  }
}
