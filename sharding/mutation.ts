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
import {
  contentTypeJson,
  encodeHead,
  type EnvelopeHead,
  expiresAtOf,
  expiryOf,
  settledEnvelope,
  valueBodyStart,
  valueContentType,
} from "./value.ts";

// More digits than any number needs; what is longer is not worth parsing to find out.
const numberTextLengthMax = 1_024;

/** What a mutation came to: a new envelope, no value, or why it cannot be. */
export type MutationOutcome =
  | { readonly kind: "value"; readonly envelope: Uint8Array }
  | { readonly kind: "deleted" }
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "value_too_large" };

/** The commit that a mutation is part of. */
export interface MutationContext {
  readonly version: number;
  /** As `writer.ts` has it. */
  readonly writer: string;
  /** The longest value it may leave behind, without its envelope. */
  readonly valueSizeBytesMax: number;
  /** Shared by the mutations of one transaction. */
  readonly buffers: AppendBuffers;
}

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
   * @param head Makes a new head, where the one that is there may not stay.
   */
  append(
    treeKey: string,
    parts: { current: Uint8Array; added: Uint8Array; head: (out: ByteWriter) => void },
  ): Uint8Array {
    const { current, added, head } = parts;
    const known = this.#buffers.get(treeKey);
    let out = known?.out;
    // Another mutation of the key came between: begin anew with what that left behind.
    if (out === undefined || known?.view !== current) {
      out = new ByteWriter(current.length + added.length);
      head(out);
      out.bytes(current.subarray(valueBodyStart(current, 0, current.length)));
    }
    out.bytes(added);
    const view = out.view();
    this.#buffers.set(treeKey, { out, view });
    return view;
  }

  /** Has the next append to a key begin anew. */
  forget(treeKey: string): void {
    this.#buffers.delete(treeKey);
  }
}

/**
 * Evaluates a mutation.
 *
 * @param current The envelope that the key holds before it; undefined where it holds none.
 */
export function evaluateMutation(
  mutation: LoggedMutation,
  current: Uint8Array | undefined,
  context: MutationContext,
): MutationOutcome {
  switch (mutation.op) {
    case "delete":
      return { kind: "deleted" };
    case "set":
      return limited(mutation.value, context);
    case "append":
      return current === undefined
        ? limited(mutation.value, context)
        : appended({ treeKey: mutation.treeKey, value: mutation.value, current }, context);
    case "add":
    case "min":
    case "max":
      return arithmetic(mutation, current, context);
  }
}

function limited(value: EnvelopeSlice, context: MutationContext): MutationOutcome {
  const { source, start, end } = value;
  const { valueSizeBytesMax, version } = context;
  if (end - valueBodyStart(source, start, end) > valueSizeBytesMax) {
    return { kind: "value_too_large" };
  }
  return { kind: "value", envelope: settledEnvelope(source, { start, end, version }) };
}

function appended(
  append: { treeKey: string; value: EnvelopeSlice; current: Uint8Array },
  context: MutationContext,
): MutationOutcome {
  const { treeKey, value, current } = append;
  const { version, writer, buffers } = context;
  const added = bodyOf(value);
  const sizeBytes = current.length - valueBodyStart(current, 0, current.length) + added.length;
  if (sizeBytes > context.valueSizeBytesMax) return { kind: "value_too_large" };
  const ttlMicros = expiresAtOf(value.source, value.start, value.end);
  if (ttlMicros !== undefined) buffers.forget(treeKey);
  const head = (out: ByteWriter) =>
    encodeHead(out, {
      // The content type stays: what is appended is bytes.
      contentType: valueContentType(current, 0, current.length),
      expiry: ttlMicros === undefined
        ? expiresAtOf(current, 0, current.length)
        : expiryOf(version, ttlMicros),
      writer,
    });
  return { kind: "value", envelope: buffers.append(treeKey, { current, added, head }) };
}

function bodyOf({ source, start, end }: EnvelopeSlice): Uint8Array {
  return source.subarray(valueBodyStart(source, start, end), end);
}

function arithmetic(
  mutation: Extract<LoggedMutation, { op: "add" | "min" | "max" }>,
  current: Uint8Array | undefined,
  context: MutationContext,
): MutationOutcome {
  const { op: operation, operand, ttlMicros } = mutation;
  const { version, writer } = context;
  const ownExpiry = ttlMicros === undefined ? undefined : expiryOf(version, ttlMicros);
  if (current === undefined) {
    return numberValue(operand, { contentType: contentTypeJson, expiry: ownExpiry, writer });
  }
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
  const expiry = ownExpiry ?? expiresAtOf(current, 0, current.length);
  return numberValue(result, { contentType, expiry, writer });
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

function numberValue(number: number, head: EnvelopeHead): MutationOutcome {
  const out = new ByteWriter(64);
  encodeHead(out, head);
  out.bytes(latin1Bytes(JSON.stringify(number)));
  return { kind: "value", envelope: out.copy() };
}
