/**
 * Conditional headers (RFC 9110, section 13): lists of entity tags, which here are versionstamps.
 *
 * @module
 */
import type { Condition } from "../../sharding/mod.ts";
import { RequestError } from "../errors.ts";
import { parseVersionstamp, versionNever, versionstampText } from "./versionstamps.ts";

/** What a conditional header names: any version, or some. */
export type EntityTags = "*" | readonly number[];

const tagCountMax = 100;
const tagPattern = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

/** Returns a version as an entity tag. */
export function entityTag(version: number): string {
  return `"${versionstampText(version)}"`;
}

/**
 * Reads `If-Match` or `If-None-Match`. A tag that is not ours is a version that no commit has.
 *
 * @param comparison `strong` leaves weak tags unmatched, `weak` takes them as they are.
 * @throws {RequestError} `invalid_request` where it is no list of entity tags.
 */
export function parseEntityTags(
  text: string,
  options: { readonly header: string; readonly comparison: "strong" | "weak" },
): EntityTags {
  const trimmed = text.trim();
  if (trimmed === "*") return "*";
  const parts = trimmed.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (parts.length === 0 || parts.length > tagCountMax) {
    throw malformed(options.header, `it has 1 to ${tagCountMax} entity tags`);
  }
  return parts.map((part) => {
    const match = tagPattern.exec(part);
    if (match === null) {
      throw malformed(options.header, 'it is * or a list of versionstamps, each in "…"');
    }
    const isMatchable = match[1] === undefined || options.comparison === "weak";
    return isMatchable ? parseVersionstamp(match[2]) ?? versionNever : versionNever;
  });
}

/** Tells whether the newest version, if there is one, is among the tags. */
export function matchesTags(tags: EntityTags, version: number | undefined): boolean {
  if (version === undefined) return false;
  return tags === "*" || tags.includes(version);
}

/**
 * Returns the condition that a write's headers state.
 *
 * @throws {RequestError} `invalid_request` where they cannot be read or do not go together.
 */
export function writeCondition(
  ifMatch: string | null,
  ifNoneMatch: string | null,
): Condition | undefined {
  if (ifMatch === null && ifNoneMatch === null) return undefined;
  if (ifMatch !== null && ifNoneMatch !== null) {
    throw new RequestError("invalid_request", "Cannot take If-Match and If-None-Match together");
  }
  if (ifMatch !== null) {
    const tags = parseEntityTags(ifMatch, { header: "If-Match", comparison: "strong" });
    return tags === "*" ? { kind: "exists" } : { kind: "version", versions: tags };
  }
  if (ifNoneMatch?.trim() !== "*") throw malformed("If-None-Match", "on a write it is *");
  return { kind: "absent" };
}

function malformed(header: string, rule: string): RequestError {
  return new RequestError("invalid_request", `Cannot read ${header}: ${rule}`, { header });
}
