/**
 * Medians, percentiles and ratios.
 *
 * @module
 */

/** Returns the middle of the values, or NaN where there are none. Not modified. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns the smallest value that `share` of all do not exceed, or NaN where there are none. */
export function percentile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/**
 * Returns the median of the ratios of runs that were interleaved: the first with the first, the
 * second with the second. So a change of the machine's mood between repetitions cancels out.
 */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  const count = Math.min(ours.length, theirs.length);
  return median(Array.from({ length: count }, (_, index) => ours[index] / theirs[index]));
}

/** Prints a figure with as many digits as mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}
