/**
 * What conditions and mutations mean, for the database in memory.
 *
 * @module
 */
import type { Condition, Mutation, NewValue, StoredValue } from "../../sharding/mod.ts";
import type { Draft } from "./memory_versions.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Tells whether a condition holds of the newest value. */
export function holds(condition: Condition | undefined, current: StoredValue | undefined): boolean {
  switch (condition?.kind) {
    case undefined:
      return true;
    case "absent":
      return current === undefined;
    case "exists":
      return current !== undefined;
    case "version":
      return current !== undefined && condition.versions.includes(current.version);
  }
}

/** Returns a new value as it is once it is written at a version. */
export function draftOf({ bytes, contentType, ttlMicros }: NewValue, version: number): Draft {
  return {
    bytes,
    contentType,
    expiresAt: ttlMicros === undefined ? undefined : version + ttlMicros,
  };
}

/** Returns the value after a mutation, `delete`, or the reason why there is none. */
export function mutate(
  mutation: Mutation,
  before: Draft | undefined,
  version: number,
): Draft | "delete" | { readonly reason: string } {
  switch (mutation.op) {
    case "set":
      return draftOf(mutation.value, version);
    case "delete":
      return "delete";
    case "append": {
      const appended = draftOf(mutation.value, version);
      if (before === undefined) return appended;
      return {
        bytes: new Uint8Array([...before.bytes, ...appended.bytes]),
        contentType: before.contentType || appended.contentType,
        expiresAt: appended.expiresAt ?? before.expiresAt,
      };
    }
    default: {
      const number = before === undefined ? undefined : numberOf(before);
      if (Number.isNaN(number)) return { reason: "the value is no JSON number" };
      const result = compute(mutation.op, number, mutation.operand);
      const bytes = encoder.encode(JSON.stringify(result));
      const { ttlMicros } = mutation;
      const draft = draftOf({ bytes, contentType: "application/json", ttlMicros }, version);
      return { ...draft, expiresAt: draft.expiresAt ?? before?.expiresAt };
    }
  }
}

function numberOf(value: Draft): number {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(value.bytes));
    return typeof parsed === "number" ? parsed : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function compute(op: "add" | "min" | "max", before: number | undefined, operand: number): number {
  if (before === undefined) return operand;
  if (op === "add") return before + operand;
  return op === "min" ? Math.min(before, operand) : Math.max(before, operand);
}
