/**
 * The versions of a key as a history shows them, in JSON text and as MessagePack objects.
 *
 * @module
 */
import type { KeyVersion } from "../../sharding/mod.ts";
import { type EntryShape, expiresAtJson, typeJson, valueJson, valueObject } from "./entries.ts";
import { timeText } from "./times.ts";
import { versionstampText } from "./versionstamps.ts";

/** Returns a version as the text of a JSON object. */
export function keyVersionJson(entry: KeyVersion, shape: EntryShape): string {
  const { version, kind, value, node, token } = entry;
  let text = `{"versionstamp":"${versionstampText(version)}","time":"${
    timeText(version)
  }","op":"${kind}"`;
  if (value !== undefined) {
    if (!shape.isKeysOnly) text += `,${valueJson(value, shape.isExact === true)}`;
    text += `,"contentType":${typeJson(value)},"expiresAt":${expiresAtJson(value.expiresAt)}`;
  }
  return `${text},"node":${JSON.stringify(node)},"token":${JSON.stringify(token)}}`;
}

/** Returns a version as the object that goes into MessagePack. */
export function keyVersionObject(entry: KeyVersion, shape: EntryShape): Record<string, unknown> {
  const { version, kind, value, node, token } = entry;
  const shown: Record<string, unknown> = {
    versionstamp: versionstampText(version),
    time: timeText(version),
    op: kind,
  };
  if (value !== undefined) {
    if (!shape.isKeysOnly) shown.value = valueObject(value, shape.isExact === true);
    shown.contentType = value.contentType;
    shown.expiresAt = value.expiresAt === undefined ? null : timeText(value.expiresAt);
  }
  return { ...shown, node, token };
}
