/**
 * How long versions are kept, as bodies say it.
 *
 * @module
 */
import type { RetentionRuleView, RetentionTerm, RetentionView } from "../../sharding/mod.ts";
import { latin1Bytes } from "../../storage/env/mod.ts";
import { durationText, parseDurationMs } from "./durations.ts";
import { badField, objectFields } from "./fields.ts";
import { keyText, prefixDetails } from "./keys.ts";
import { ruleRetentionMsMax, ruleVersionCountMax } from "./limits.ts";
import { oldestDetails } from "./times.ts";

const ruleFields: ReadonlySet<string> = new Set(["retention", "versions"]);

/**
 * Returns how long versions are kept, by default and by prefix.
 *
 * @param isPacked Whether it goes into MessagePack, where a prefix may be bytes.
 */
export function retentionObject(view: RetentionView, isPacked: boolean): Record<string, unknown> {
  return {
    retention: durationText(view.retentionMicros / 1_000),
    ...oldestDetails(view.oldestVersion),
    rules: view.rules.map((rule) => ruleObject(rule, isPacked)),
  };
}

/**
 * Returns the term that a body states: `retention` or `versions`.
 *
 * @throws {RequestError} `invalid_request`.
 */
export function readTerm(body: unknown): RetentionTerm {
  const { retention, versions } = objectFields(body, "", ruleFields);
  if (versions === undefined) {
    if (retention === undefined) throw badField("retention", "it is missing, as is versions");
    const durationMs = typeof retention === "string" ? parseDurationMs(retention) : undefined;
    if (durationMs === undefined || durationMs > ruleRetentionMsMax) {
      throw badField(
        "retention",
        `it is a duration such as 10m, up to ${durationText(ruleRetentionMsMax)}`,
      );
    }
    return { kind: "duration", retentionMicros: durationMs * 1_000 };
  }
  if (retention !== undefined) throw badField("versions", "retention is given as well");
  const isCount = Number.isInteger(versions) && Number(versions) >= 1 &&
    Number(versions) <= ruleVersionCountMax;
  if (!isCount) throw badField("versions", `it is a number from 1 to ${ruleVersionCountMax}`);
  return { kind: "versions", versionCount: Number(versions) };
}

function ruleObject(
  { prefix, term, oldestVersion }: RetentionRuleView,
  isPacked: boolean,
): Record<string, unknown> {
  const shown = term.kind === "duration"
    ? { retention: durationText(term.retentionMicros / 1_000) }
    : { versions: term.versionCount };
  const named = isPacked
    ? { prefix: keyText(prefix) ?? latin1Bytes(prefix) }
    : prefixDetails(prefix);
  return { ...named, ...shown, ...oldestDetails(oldestVersion) };
}
