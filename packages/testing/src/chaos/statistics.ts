/** Middle of a list; 0 of an empty one. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function worst(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}

/** Of even counts the mean of the two in the middle. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}
