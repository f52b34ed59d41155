/**
 * Durations as text: digits and a unit, such as `500ms`, `5s`, `1m`, `2h`, `30d`.
 *
 * @module
 */

const pattern = /^(\d{1,9})(ms|s|m|h|d)$/;
const unitsMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

/** Returns the milliseconds of a duration; `undefined` where the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * unitsMs[match[2]];
}

/**
 * Returns a duration as text that {@linkcode parseDurationMs} reads back: in the largest unit that
 * leaves no rest, to the millisecond.
 */
export function durationText(durationMs: number): string {
  const wholeMs = Math.round(durationMs);
  if (wholeMs === 0) return "0s";
  for (const [unit, unitMs] of Object.entries(unitsMs)) {
    if (wholeMs % unitMs === 0) return `${wholeMs / unitMs}${unit}`;
  }
  return `${wholeMs}ms`;
}
