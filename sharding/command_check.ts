/**
 * What can be said of a command before it goes to the log: values that no replica would accept.
 *
 * @module
 */
import type { Command, CommandResult, NewValue } from "./database.ts";
import { rulePrefixSizeBytesMax } from "./retention_rules.ts";
import { contentTypeLengthMax } from "./value.ts";

/** The longest time to live and retention, in microseconds: a hundred years. */
export const durationMicrosMax = 100 * 366 * 86_400_000_000;

/** The most versions that a rule may keep. */
export const versionCountMax = 1_000_000;

/**
 * Returns why a command cannot be proposed; undefined where it can.
 *
 * @param valueSizeBytesMax The longest value allowed.
 */
export function refusalOf(
  command: Command,
  valueSizeBytesMax: number,
): CommandResult | undefined {
  switch (command.kind) {
    case "put":
      return valueRefusal(command.key, command.value, valueSizeBytesMax);
    case "revert":
      return ttlRefusal(command.key, command.ttlMicros);
    case "set_retention":
      return ruleRefusal(command);
    case "transaction":
      return mutationRefusal(command.mutations, valueSizeBytesMax);
    default:
      return undefined;
  }
}

function mutationRefusal(
  mutations: Extract<Command, { kind: "transaction" }>["mutations"],
  valueSizeBytesMax: number,
): CommandResult | undefined {
  for (const mutation of mutations) {
    const { key } = mutation;
    switch (mutation.op) {
      case "set":
      case "append": {
        const refusal = valueRefusal(key, mutation.value, valueSizeBytesMax);
        if (refusal !== undefined) return refusal;
        break;
      }
      case "add":
      case "min":
      case "max": {
        const refusal = ttlRefusal(key, mutation.ttlMicros);
        if (refusal !== undefined) return refusal;
        if (!Number.isFinite(mutation.operand)) {
          const reason = `Cannot ${mutation.op}: the operand is not a finite number`;
          return { outcome: "invalid", key, reason };
        }
        break;
      }
      case "delete":
    }
  }
  return undefined;
}

function valueRefusal(
  key: string,
  value: NewValue,
  valueSizeBytesMax: number,
): CommandResult | undefined {
  if (value.bytes.length > valueSizeBytesMax) return { outcome: "value_too_large", key };
  if (value.contentType.length > contentTypeLengthMax) {
    const reason = `Cannot store a content type of ${value.contentType.length} characters: ` +
      `${contentTypeLengthMax} is the limit`;
    return { outcome: "invalid", key, reason };
  }
  return ttlRefusal(key, value.ttlMicros);
}

function ttlRefusal(key: string, ttlMicros: number | undefined): CommandResult | undefined {
  if (ttlMicros === undefined || isAmount(ttlMicros, 1, durationMicrosMax)) return undefined;
  const reason = `Cannot let a value live ${ttlMicros} µs: it is 1 to ${durationMicrosMax}`;
  return { outcome: "invalid", key, reason };
}

function ruleRefusal(
  { prefix, rule }: Extract<Command, { kind: "set_retention" }>,
): CommandResult | undefined {
  const refusal = (reason: string): CommandResult => ({ outcome: "invalid", key: prefix, reason });
  if (prefix.length < 1 || prefix.length > rulePrefixSizeBytesMax) {
    return refusal(`Cannot set a rule: a prefix has 1 to ${rulePrefixSizeBytesMax} bytes`);
  }
  const isSane = rule.kind === "duration"
    ? isAmount(rule.retentionMicros, 0, durationMicrosMax)
    : isAmount(rule.versionCount, 1, versionCountMax);
  return isSane ? undefined : refusal("Cannot set a rule: its duration or count is out of bounds");
}

function isAmount(value: number, smallest: number, largest: number): boolean {
  return Number.isSafeInteger(value) && value >= smallest && value <= largest;
}
