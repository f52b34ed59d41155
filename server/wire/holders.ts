/**
 * Who keeps old versions, as bodies show it.
 *
 * @module
 */
import type { Database, Holder } from "../../sharding/mod.ts";
import { latin1Bytes } from "../../storage/env/mod.ts";
import { durationText } from "./durations.ts";
import { keyText } from "./keys.ts";
import { timeText } from "./times.ts";
import { versionstampText } from "./versionstamps.ts";

const secondMs = 1_000;

/** Returns all holders, the oldest version first, and what they have the watermark at. */
export function holdersObject(
  database: Pick<Database, "holders" | "retention">,
): Record<string, unknown> {
  const { oldestVersion } = database.retention();
  return {
    holders: database.holders().map(holderObject),
    watermark: versionstampText(oldestVersion),
    watermarkTime: timeText(oldestVersion),
  };
}

/** Returns the id that bodies name a holder by: a rule is named after its prefix. */
export function holderId({ id, kind }: Holder): string {
  return kind === "rule" ? keyText(id) ?? id : id;
}

function holderObject(holder: Holder): object {
  const { kind, owner, version, ageMs, isHoldingBack } = holder;
  return {
    id: holderId(holder),
    kind,
    // A rule's owner is its prefix.
    owner: kind === "rule" ? keyText(owner) ?? `base64:${latin1Bytes(owner).toBase64()}` : owner,
    versionstamp: versionstampText(version),
    time: timeText(version),
    age: ageMs === undefined ? null : ageText(ageMs),
    isHoldingBack,
  };
}

/** Milliseconds count only where there are no seconds. */
function ageText(ageMs: number): string {
  return durationText(ageMs < secondMs ? ageMs : Math.floor(ageMs / secondMs) * secondMs);
}
