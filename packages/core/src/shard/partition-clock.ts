/**
 * The time that entries of a partition expire by. It goes with the monotonic clock of the primary's container and is
 * drawn towards wall time by at most one part in a hundred: a wall clock that is set, forwards or back, expires
 * nothing. A new primary goes on from the highest ceiling of its log (expiry.ts), so the clock never falls behind a
 * value that somebody was judged by; after a fail-over it may be late.
 */
const SLEW_MAX = 0.01;

export class PartitionClock {
  #nowMs: number;
  #monotonicMs: number | undefined;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** As of the last `advance`. Milliseconds since 1970, more or less. */
  get nowMs(): number {
    return this.#nowMs;
  }

  advance(monotonicMs: number, wallMs: number): number {
    const passedMs = Math.max(0, monotonicMs - (this.#monotonicMs ?? monotonicMs));
    this.#monotonicMs = monotonicMs;
    const behindMs = wallMs - (this.#nowMs + passedMs);
    const slewMs = passedMs * SLEW_MAX;
    this.#nowMs += passedMs + Math.min(slewMs, Math.max(-slewMs, behindMs));
    return this.#nowMs;
  }
}
