/**
 * What one mutation of a transaction makes of the value it meets.
 *
 * Pure and the same everywhere: numbers are read and written as JSON text, whose rounding the
 * language fixes.
 *
 * @module
 */
import { ByteWriter, latin1Bytes, latin1Decode } from "../storage/env/mod.ts";
import type { EnvelopeSlice, LoggedMutation } from "./command.ts";
import { contentTypeJson, encodeValue, valueBodyStart, valueContentType } from "./value.ts";

// More digits than any number needs; what is longer is not worth parsing to find out.
const numberTextLengthMax = 1_024;

/** What a mutation came to: a new envelope, no value, or why it cannot be. */
export type MutationOutcome =
  | { readonly kind: "value"; readonly envelope: Uint8Array }
  | { readonly kind: "deleted" }
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "value_too_large" };

/**
 * The values that one transaction appends to, in buffers that grow: ten thousand appends to a value
 * of a megabyte would copy ten gigabytes otherwise, in one turn.
 */
export class AppendBuffers {
  readonly #buffers = new Map<string, { readonly out: ByteWriter; readonly view: Uint8Array }>();

  /**
   * Returns an envelope with more bytes behind it: valid until the next append to the key.
   *
   * @param current Not modified, except that what this returned for the key last is extended in place.
   */
  append(treeKey: string, current: Uint8Array, added: Uint8Array): Uint8Array {
    const known = this.#buffers.get(treeKey);
    let out = known?.out;
    // Another mutation of the key came between: begin anew with what that left behind.
    if (out === undefined || known?.view !== current) {
      out = new ByteWriter(current.length + added.length);
      out.bytes(current);
    }
    out.bytes(added);
    const view = out.view();
    this.#buffers.set(treeKey, { out, view });
    return view;
  }
}

/**
 * Evaluates a mutation.
 *
 * @param current The envelope that the key holds before it; undefined where it holds none.
 * @param valueSizeBytesMax The longest value it may leave behind, without its envelope.
 * @param buffers Shared by the mutations of one transaction.
 */
export function evaluateMutation(
  mutation: LoggedMutation,
  current: Uint8Array | undefined,
  valueSizeBytesMax: number,
  buffers: AppendBuffers = new AppendBuffers(),
): MutationOutcome {
  switch (mutation.op) {
    case "delete":
      return { kind: "deleted" };
    case "set":
      return limited(mutation.value, valueSizeBytesMax);
    case "append": {
      const { treeKey, value } = mutation;
      if (current === undefined) return limited(value, valueSizeBytesMax);
      const added = bodyOf(value);
      const bodyStart = valueBodyStart(current, 0, current.length);
      return current.length - bodyStart + added.length > valueSizeBytesMax
        ? { kind: "value_too_large" }
        // The content type stays: what is appended is bytes.
        : { kind: "value", envelope: buffers.append(treeKey, current, added) };
    }
    case "add":
    case "min":
    case "max":
      return arithmetic(mutation.op, mutation.operand, current);
  }
}

function limited(value: EnvelopeSlice, valueSizeBytesMax: number): MutationOutcome {
  const { source, start, end } = value;
  if (end - valueBodyStart(source, start, end) > valueSizeBytesMax) {
    return { kind: "value_too_large" };
  }
  return { kind: "value", envelope: source.subarray(start, end) };
}

function bodyOf({ source, start, end }: EnvelopeSlice): Uint8Array {
  return source.subarray(valueBodyStart(source, start, end), end);
}

function arithmetic(
  operation: "add" | "min" | "max",
  operand: number,
  current: Uint8Array | undefined,
): MutationOutcome {
  if (current === undefined) return numberValue(operand, contentTypeJson);
  const contentType = valueContentType(current, 0, current.length);
  if (!isJson(contentType)) {
    return { kind: "invalid", reason: `Cannot ${operation}: the value is ${contentType}` };
  }
  const number = numberIn(current);
  if (number === undefined) {
    return { kind: "invalid", reason: `Cannot ${operation}: the value is not a JSON number` };
  }
  const result = combine(operation, number, operand);
  if (!Number.isFinite(result)) {
    return { kind: "invalid", reason: `Cannot ${operation}: the result is not a finite number` };
  }
  return numberValue(result, contentType);
}

function combine(operation: "add" | "min" | "max", left: number, right: number): number {
  switch (operation) {
    case "add":
      return left + right;
    case "min":
      return Math.min(left, right);
    case "max":
      return Math.max(left, right);
  }
}

function isJson(contentType: string): boolean {
  return contentType === contentTypeJson ||
    contentType.split(";", 1)[0].trim().toLowerCase() === contentTypeJson;
}

function numberIn(envelope: Uint8Array): number | undefined {
  const bodyStart = valueBodyStart(envelope, 0, envelope.length);
  if (envelope.length - bodyStart > numberTextLengthMax) return undefined;
  try {
    const found: unknown = JSON.parse(latin1Decode(envelope, bodyStart, envelope.length));
    return typeof found === "number" && Number.isFinite(found) ? found : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function numberValue(number: number, contentType: string): MutationOutcome {
  const out = new ByteWriter(32);
  encodeValue(out, { bytes: latin1Bytes(JSON.stringify(number)), contentType });
  return { kind: "value", envelope: out.copy() };
}
