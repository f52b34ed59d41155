/**
 * The OpenAPI 3.1 document, made from the operations and the shapes, and nothing by hand.
 *
 * @module
 */
import { z } from "zod";
import { type ProblemCode, problemKinds } from "../errors.ts";
import {
  type BodyDescription,
  type OperationDescription,
  operationDescriptions,
} from "./operations.ts";
import { schemas } from "./schemas.ts";

/** An OpenAPI document, as plain data. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: Readonly<Record<string, object>>;
}

/** Returns the document. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, object>> = {};
  for (const [operation, description] of Object.entries(operationDescriptions)) {
    paths[description.path] ??= {};
    paths[description.path][description.method] = operationObject(operation, description);
  }
  const shapes: Record<string, object> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const { $schema: _, ...shape } = z.toJSONSchema(schema);
    shapes[name] = shape;
  }
  return {
    openapi: "3.1.0",
    info: { title: "Ankylo", version: "1" },
    // The empty one: without any access token the API is open.
    security: [{ accessToken: [] }, {}],
    paths,
    components: {
      schemas: shapes,
      securitySchemes: { accessToken: { type: "http", scheme: "bearer" } },
    },
  };
}

function operationObject(operation: string, description: OperationDescription): object {
  const { request, isOpen, summary, status, answer, problems = [] } = description;
  const refused: readonly ProblemCode[] = isOpen
    ? problems
    : [...problems, "unauthorized", "internal_error"];
  return {
    operationId: operation,
    summary,
    ...(isOpen ? { security: [] } : {}),
    parameters: parametersOf(description),
    ...(request === undefined ? {} : { requestBody: { content: contentOf(request) } }),
    responses: {
      [status]: { description: "Done", content: contentOf(answer) },
      ...otherResponses(description),
      ...withoutBodyResponses(description),
      ...problemResponses(refused),
    },
  };
}

function otherResponses({ others = {} }: OperationDescription): Record<string, object> {
  return Object.fromEntries(
    Object.entries(others).map(([status, { description, answer }]) => [
      status,
      { description, content: contentOf(answer) },
    ]),
  );
}

function withoutBodyResponses({ withoutBody = {} }: OperationDescription): Record<string, object> {
  return Object.fromEntries(
    Object.entries(withoutBody).map(([status, description]) => [status, { description }]),
  );
}

function parametersOf(description: OperationDescription): readonly object[] {
  const inPath = [...description.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  return [
    ...inPath.map((name) => parameter(name, "path")),
    ...(description.query ?? []).map((name) => parameter(name, "query")),
    ...(description.headers ?? []).map((name) => parameter(name, "header")),
  ];
}

function parameter(name: string, place: "path" | "query" | "header"): object {
  return { name, in: place, required: place === "path", schema: { type: "string" } };
}

function contentOf(bodies: readonly BodyDescription[]): Record<string, object> {
  const content: Record<string, object> = {};
  for (const { type, schema } of bodies) {
    content[type] = schema === undefined
      ? {}
      : { schema: { $ref: `#/components/schemas/${schema}` } };
  }
  return content;
}

function problemResponses(codes: readonly ProblemCode[]): Record<string, object> {
  const responses: Record<string, object> = {};
  for (const [status, group] of Map.groupBy(codes, (code) => problemKinds[code].status)) {
    responses[status] = {
      description: group.join(", "),
      content: contentOf([{ type: "application/problem+json", schema: "Problem" }]),
    };
  }
  return responses;
}
