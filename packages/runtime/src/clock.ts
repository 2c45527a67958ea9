/** Monotonic milliseconds of this process, with a fraction. Stands still while the machine sleeps. */
export function monotonicMs(): number {
  return performance.now();
}
