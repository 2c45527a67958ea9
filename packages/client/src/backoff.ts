import type { Random } from '@ostraca/core';

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Of a lost connection. */
export const RECONNECT_BACKOFF: Backoff = { baseMs: 50, maxMs: 5_000 };
/** Of a partition whose primary refused for now. */
export const REFUSED_BACKOFF: Backoff = { baseMs: 10, maxMs: 500 };

/** Of a transaction that others were faster than, before it is run again. */
export const TRANSACTION_BACKOFF: Backoff = { baseMs: 10, maxMs: 500 };

/** While the retry budget is used up. */
export const THROTTLED_BACKOFF: Backoff = { baseMs: 200, maxMs: 2_000 };

/**
 * Exponential with full jitter: anything between nothing and the ceiling, so that clients that failed together do
 * not come back together (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
 *
 * @param failures - In a row, this one included: 1 at the first.
 */
export function backoffMs(random: Random, failures: number, { baseMs, maxMs }: Backoff): number {
  return random.unit() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
}
