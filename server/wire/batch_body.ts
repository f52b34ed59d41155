/**
 * The body of `POST /v1/batch`: from parsed JSON or MessagePack to operations.
 *
 * @module
 */
import type { BatchOperation, Condition } from "../../sharding/mod.ts";
import { badField, type Fields, listField, objectFields } from "./fields.ts";
import { batchOperationCountMax } from "./limits.ts";
import { refuseFields, refuseTtl } from "./transaction_body.ts";
import { readKey, readValue } from "./values.ts";
import { parseVersionstamp } from "./versionstamps.ts";

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
const valueFields = ["value", "valueBase64", "contentType"];

/** @throws {RequestError} for the first field that is wrong, by its path. */
export function readBatch(body: unknown, valueSizeBytesMax: number): readonly BatchOperation[] {
  const fields = objectFields(body, "", bodyFields);
  if (fields.operations === undefined) throw badField("operations", "it is missing");
  const operations = listField(fields, "operations", batchOperationCountMax);
  return operations.map((value, index) =>
    readOperation(value, `operations[${index}]`, valueSizeBytesMax)
  );
}

function readOperation(value: unknown, where: string, valueSizeBytesMax: number): BatchOperation {
  const fields = objectFields(value, where, operationFields);
  refuseTtl(fields, where);
  switch (fields.op) {
    case "get":
      refuseFields(fields, where, [...valueFields, "ifMatch", "ifNoneMatch"]);
      return { op: "get", key: readKey(fields, where) };
    case "set":
      return {
        op: "set",
        key: readKey(fields, where),
        value: readValue(fields, { where, sizeBytesMax: valueSizeBytesMax }),
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
  const version = typeof ifMatch === "string" ? parseVersionstamp(ifMatch) : undefined;
  if (version === undefined) {
    throw badField(`${where}.ifMatch`, "it is * or 20 lower-case hex digits");
  }
  return { kind: "version", versions: [version] };
}
