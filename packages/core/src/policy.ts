/** The deployment policy as every part of the system sees it: parsed, checked and with its defaults filled in. */

export type OnInSyncLoss = 'unavailable' | 'promoteAsync' | 'startEmpty';

export interface FailureDetection {
  /** A container sends a heartbeat this often. */
  readonly heartbeatMs: number;
  /** A container that was silent for this long is taken for dead: also the length of its lease. */
  readonly suspectAfterMs: number;
}

export const FAILURE_DETECTION_LEVELS = {
  aggressive: { heartbeatMs: 100, suspectAfterMs: 600 },
  typical: { heartbeatMs: 500, suspectAfterMs: 3_000 },
  relaxed: { heartbeatMs: 2_000, suspectAfterMs: 15_000 },
} as const satisfies Record<string, FailureDetection>;

/** From when an entry's time to live counts: its creation, its last write, or its last write or read. */
export interface TimeToLive {
  readonly type: 'CREATION_TIME' | 'LAST_UPDATE_TIME' | 'LAST_ACCESS_TIME';
  readonly afterMs: number;
}

/** Of what a map may hold in one partition, by `chargedBytes` of its store. */
export interface MapLimit {
  readonly maxBytes: number;
  /** What gives way to new entries: those used longest ago, or those used least; NONE: new ones are refused. */
  readonly evict: 'LRU' | 'LFU' | 'NONE';
}

export type LockStrategy = 'OPTIMISTIC' | 'PESSIMISTIC' | 'NONE';

export interface MapPolicy {
  readonly name: string;
  /** How transactions that touch it are kept apart: by what they find changed at their end, by locks, or not at all. */
  readonly lockStrategy: LockStrategy;
  /** Absent: for ever, but for entries that are given one of their own. */
  readonly timeToLive?: TimeToLive;
  /** Absent: the container's memory is the only limit. */
  readonly limit?: MapLimit;
}

export interface MapSetPolicy {
  readonly name: string;
  readonly numberOfPartitions: number;
  readonly minSyncReplicas: number;
  readonly maxSyncReplicas: number;
  readonly maxAsyncReplicas: number;
  readonly numInitialContainers: number;
  readonly autoReplaceLostShards: boolean;
  readonly developmentMode: boolean;
  readonly failureDetection: FailureDetection;
  /** What becomes of a partition whose whole in-sync set is gone. */
  readonly onInSyncLoss: OnInSyncLoss;
  /** Whether reads that ask for it may be answered by replicas. */
  readonly replicaReadEnabled: boolean;
  /** Elements of a tuple key that alone decide its partition; empty: the whole key. */
  readonly partitionBy: readonly number[];
  readonly maps: readonly MapPolicy[];
}

export interface GridPolicy {
  readonly name: string;
  readonly mapSets: readonly MapSetPolicy[];
}

export interface Policy {
  readonly grids: readonly GridPolicy[];
}

/** A container has one lease: the strictest map set rules. */
export function strictestFailureDetection(policy: Policy): FailureDetection {
  let strictest: FailureDetection = FAILURE_DETECTION_LEVELS.relaxed;
  let found = false;
  for (const grid of policy.grids) {
    for (const mapSet of grid.mapSets) {
      if (found && mapSet.failureDetection.suspectAfterMs >= strictest.suspectAfterMs) continue;
      strictest = mapSet.failureDetection;
      found = true;
    }
  }
  return strictest;
}
