/** Milliseconds of the machine's monotonic clock, with a fraction: the same for all of its processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
