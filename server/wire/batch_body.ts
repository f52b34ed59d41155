/**
 * The body of `POST /v1/batch`: from parsed JSON or MessagePack to operations.
 *
 * @module
 */
import type { BatchOperation, Condition } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";
import { badField, type Fields, listField, objectFields } from "./fields.ts";
import { batchOperationCountMax } from "./limits.ts";
import { ttlField } from "./time_to_live.ts";
import { refuseFields } from "./transaction_body.ts";
import { readKey, readValue } from "./values.ts";
import { parseConditionVersion } from "./versionstamps.ts";

const bodyFields = new Set(["operations"]);
const operationFields = new Set([
  "op",
  "key",
  "keyBase64",
  "value",
  "valueBase64",
  "contentType",
  "ttl",
  "ifMatch",
  "ifNoneMatch",
]);
const valueFields = ["value", "valueBase64", "contentType", "ttl"];

/**
 * Returns the operations in order, and the refusal in the place of one that cannot be read: it must
 * not keep the others from their work.
 *
 * @throws {RequestError} where there is no list of operations, or a longer one than is taken.
 */
export function readBatch(
  body: unknown,
  valueSizeBytesMax: number,
): readonly (BatchOperation | RequestError)[] {
  const fields = objectFields(body, "", bodyFields);
  if (fields.operations === undefined) throw badField("operations", "it is missing");
  const operations = listField(fields, "operations", batchOperationCountMax);
  return operations.map((value, index) => {
    try {
      return readOperation(value, `operations[${index}]`, valueSizeBytesMax);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
  });
}

function readOperation(value: unknown, where: string, valueSizeBytesMax: number): BatchOperation {
  const fields = objectFields(value, where, operationFields);
  switch (fields.op) {
    case "get":
      refuseFields(fields, where, [...valueFields, "ifMatch", "ifNoneMatch"]);
      return { op: "get", key: readKey(fields, where) };
    case "set":
      return {
        op: "set",
        key: readKey(fields, where),
        value: {
          ...readValue(fields, { where, sizeBytesMax: valueSizeBytesMax }),
          ttlMicros: ttlField(fields, where),
        },
        condition: readCondition(fields, where),
      };
    case "delete":
      refuseFields(fields, where, [...valueFields, "ifNoneMatch"]);
      return { op: "delete", key: readKey(fields, where), condition: readCondition(fields, where) };
    default:
      throw badField(`${where}.op`, "it is get, set or delete");
  }
}

function readCondition(fields: Fields, where: string): Condition | undefined {
  const { ifMatch, ifNoneMatch } = fields;
  if (ifNoneMatch !== undefined) {
    if (ifMatch !== undefined) throw badField(`${where}.ifNoneMatch`, "ifMatch is given as well");
    if (ifNoneMatch !== "*") throw badField(`${where}.ifNoneMatch`, "it is *");
    return { kind: "absent" };
  }
  if (ifMatch === undefined) return undefined;
  if (ifMatch === "*") return { kind: "exists" };
  const version = typeof ifMatch === "string" ? parseConditionVersion(ifMatch) : undefined;
  if (version === undefined) {
    throw badField(`${where}.ifMatch`, "it is * or 20 lower-case hex digits");
  }
  return { kind: "version", versions: [version] };
}
