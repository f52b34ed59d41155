/**
 * Durations as text: digits and a unit, such as `500ms`, `5s`, `1m`, `2h`.
 *
 * @module
 */

const pattern = /^(\d{1,9})(ms|s|m|h)$/;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Returns the milliseconds of a duration; `undefined` where the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * unitsMs[match[2]];
}
