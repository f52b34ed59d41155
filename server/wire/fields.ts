/**
 * Reading the fields of a parsed body strictly: what is unknown, missing or of another type is
 * refused by its name.
 *
 * @module
 */
import { RequestError } from "../errors.ts";

/** An object of a body, whose fields have not been looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns the refusal of a field. `where` is its path, such as `mutations[3].key`. */
export function badField(where: string, rule: string): RequestError {
  return new RequestError("invalid_request", `Cannot read ${where}: ${rule}`, { field: where });
}

/**
 * Returns a value as an object with known fields only.
 *
 * @param where Its path; empty for the body itself.
 * @throws {RequestError} `invalid_request` otherwise.
 */
export function objectFields(
  value: unknown,
  where: string,
  known: ReadonlySet<string>,
): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badField(where === "" ? "the body" : where, "it is not an object");
  }
  if (value instanceof Uint8Array) throw badField(where, "it is bytes, not an object");
  for (const name in value) {
    if (!known.has(name)) {
      throw badField(where === "" ? name : `${where}.${name}`, "there is no such field");
    }
  }
  return value as Fields;
}

/**
 * Returns a list, empty where the field is absent.
 *
 * @throws {RequestError} `invalid_request` where it is no list or too long.
 */
export function listField(fields: Fields, name: string, countMax: number): readonly unknown[] {
  const value = fields[name];
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw badField(name, "it is not a list");
  if (value.length > countMax) {
    throw new RequestError(
      "invalid_request",
      `Cannot take ${value.length} ${name}: the limit is ${countMax}`,
      { field: name, limit: countMax },
    );
  }
  return value;
}

/** Returns the bytes of standard base64. @throws {RequestError} where it is none. */
export function base64Bytes(value: unknown, where: string): Uint8Array {
  if (typeof value !== "string") throw badField(where, "it is not text");
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch {
    throw badField(where, "it is not base64");
  }
}
