/**
 * What can be said of a command before it goes to the log: values that no replica would accept.
 *
 * @module
 */
import type { Command, CommandResult, NewValue } from "./database.ts";
import { contentTypeLengthMax } from "./value.ts";

/**
 * Returns why a command cannot be proposed; undefined where it can.
 *
 * @param valueSizeBytesMax The longest value allowed.
 */
export function refusalOf(
  command: Command,
  valueSizeBytesMax: number,
): CommandResult | undefined {
  if (command.kind === "put") return valueRefusal(command.key, command.value, valueSizeBytesMax);
  if (command.kind !== "transaction") return undefined;
  for (const mutation of command.mutations) {
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
      case "max":
        if (!Number.isFinite(mutation.operand)) {
          const reason = `Cannot ${mutation.op}: the operand is not a finite number`;
          return { outcome: "invalid", key, reason };
        }
        break;
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
  return undefined;
}
