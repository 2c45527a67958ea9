/** How much of everything the model is given. Time is not bounded: a state holds what is left of each lease, not when it ends. */
import { assert } from '@ostraca/core';

export interface Bounds {
  readonly containers: number;
  /** minSyncReplicas. */
  readonly minSync: number;
  /** Of a lease of the catalog, in ticks; a promise is two thirds of it. */
  readonly lease: number;
  /** Changes of primary, planned ones too. */
  readonly promotions: number;
  /** Evictions, additions and changes of its own that the catalog accepts. */
  readonly changes: number;
  /** Processes that stop for good. */
  readonly crashes: number;
  /** Times that a machine sleeps, and its clock with it. */
  readonly sleeps: number;
  /** Times that the catalog starts again. */
  readonly restarts: number;
}

export const DEFAULT_BOUNDS: Bounds = {
  containers: 3,
  minSync: 1,
  lease: 3,
  promotions: 2,
  changes: 2,
  crashes: 1,
  sleeps: 0,
  restarts: 1,
};

/** The encoding has room for these and no more: see state.ts. */
export function checkBounds(bounds: Bounds): void {
  const whole = Object.values(bounds).every((value) => Number.isInteger(value) && value >= 0);
  assert(whole, 'bounds are whole numbers');
  assert(bounds.containers >= 2 && bounds.containers <= 4, '2 to 4 containers');
  assert(bounds.minSync < bounds.containers, 'minSyncReplicas replicas and a primary exist');
  assert(bounds.lease >= 3 && bounds.lease <= 30 && bounds.lease % 3 === 0, 'a lease is 3 to 30 ticks, by threes');
  assert(bounds.promotions <= 6, 'up to 6 promotions');
}

/** In ticks. */
export function promiseOf({ lease }: Bounds): number {
  return (2 * lease) / 3;
}

export function describeBounds(bounds: Bounds): string {
  const { containers, minSync, lease, promotions, changes, crashes, sleeps, restarts } = bounds;
  return (
    `${containers} containers, minSyncReplicas ${minSync}, leases of ${lease} ticks, ${promotions} promotions, ` +
    `${changes} changes, ${crashes} crashes, ${sleeps} sleeps, ${restarts} restarts of the catalog`
  );
}
