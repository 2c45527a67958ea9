/** How much of everything the model is given. The space is finite because each of these is. */
import { assert } from '@ostraca/core';

export interface Bounds {
  readonly replicas: number;
  /** minSyncReplicas. */
  readonly minSync: number;
  readonly transactions: number;
  /** Second attempts, over all transactions; one transaction has at most one. */
  readonly retries: number;
  /** Processes that stop, lose their memory and start again as somebody else. */
  readonly crashes: number;
  /** Evictions and additions that the catalog accepts. */
  readonly changes: number;
  readonly promotions: number;
  /** Records that some replica refuses, and holds a placeholder for. */
  readonly refusals: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  replicas: 3,
  minSync: 1,
  transactions: 2,
  retries: 1,
  crashes: 2,
  changes: 2,
  promotions: 2,
  refusals: 0,
};

/** The encoding has room for these and no more: see state.ts. */
export function checkBounds(bounds: Bounds): void {
  const whole = Object.values(bounds).every((value) => Number.isInteger(value) && value >= 0);
  assert(whole, 'bounds are whole numbers');
  assert(bounds.replicas >= 1 && bounds.replicas <= 4, '1 to 4 replicas');
  assert(bounds.minSync < bounds.replicas, 'minSyncReplicas replicas and a primary exist');
  assert(bounds.transactions >= 1 && bounds.transactions <= 4, '1 to 4 transactions: a placeholder mask has 8 bits');
  assert(bounds.promotions <= 6, 'an epoch has 3 bits in a record');
}

export function describeBounds(bounds: Bounds): string {
  const { replicas, minSync, transactions, retries, crashes, changes, promotions, refusals } = bounds;
  return (
    `${replicas} replicas, minSyncReplicas ${minSync}, ${transactions} transactions, ${retries} retries, ` +
    `${crashes} crashes, ${changes} changes, ${promotions} promotions, ${refusals} refusals`
  );
}
