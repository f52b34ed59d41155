/**
 * Bodies that are JSON or MessagePack, as their content type says.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import { unpackMessage } from "../wire/message_pack.ts";
import type { Exchange } from "./exchange.ts";

/** The forms that a structured body comes in. */
export type BodyForm = "json" | "msgpack";

const formOfType: ReadonlyMap<string, BodyForm> = new Map([
  ["application/json", "json"],
  ["application/msgpack", "msgpack"],
  ["application/x-msgpack", "msgpack"],
  ["application/vnd.msgpack", "msgpack"],
]);
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the form that the request's body has. @throws {RequestError} `unsupported_media_type`. */
export function bodyForm(exchange: Exchange): BodyForm {
  const header = exchange.header("content-type");
  if (header === null) return "json";
  const essence = header.split(";", 1)[0].trim().toLowerCase();
  const form = formOfType.get(essence);
  if (form !== undefined) return form;
  throw new RequestError(
    "unsupported_media_type",
    "Cannot read the body: its type is application/json or application/msgpack",
    { header: "Content-Type" },
  );
}

/** Returns what the body says. @throws {RequestError} `invalid_request`. */
export function parseBody(form: BodyForm, bytes: Uint8Array): unknown {
  if (form === "msgpack") return unpackMessage(bytes);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new RequestError("invalid_request", "Cannot read the body: it is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "it cannot be parsed";
    throw new RequestError("invalid_request", `Cannot read the body as JSON: ${reason}`);
  }
}
