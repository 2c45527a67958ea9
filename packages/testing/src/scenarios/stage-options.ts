/** The topology of a stage: fixed, and without chance. */
import {
  FAILURE_DETECTION_LEVELS,
  type FailureDetection,
  LIMITS,
  type MapLimit,
  type MapSetPolicy,
  type Mutation,
  type OnInSyncLoss,
} from '@ostraca/core';
import { COUNTERS, FLEETING, GRID, REGISTERS, SCRATCH, type Scenario } from '../simulator/scenario.ts';

/** Of keys that begin with `lck`. */
export const LOCKED = 'locked';

export interface StageOptions {
  readonly containers: number;
  /** Default 1. */
  readonly minSync?: number;
  /** Default: minSync. */
  readonly maxSync?: number;
  /** Default 0. */
  readonly maxAsync?: number;
  /** Default 1; a script's keys should then be in the one that it plays with. */
  readonly partitions?: number;
  /** Default `aggressive`: 600 ms. */
  readonly detection?: FailureDetection;
  /** Default `unavailable`. */
  readonly onInSyncLoss?: OnInSyncLoss;
  /** Of keys that begin with `ttl`, from their last update. Default 2,000. */
  readonly ttlMs?: number;
  /** Of the map of keys that begin with `lim`. Default: none. */
  readonly limit?: MapLimit;
  /** Of a container's log. Default: that of production. */
  readonly logRetentionBytes?: number;
  /** Of what is left to chance: jitter of ticks, ids, and what a crash loses. */
  readonly seed?: number;
  readonly mutations?: ReadonlySet<Mutation>;
  /** Gets every event's line as it happens. */
  readonly print?: (line: string) => void;
}

export function scenarioOf(options: StageOptions): Scenario {
  const { containers, minSync = 1, maxSync = minSync, maxAsync = 0, partitions = 1 } = options;
  const timeToLive = { type: 'LAST_UPDATE_TIME', afterMs: options.ttlMs ?? 2_000 } as const;
  const mapSet: MapSetPolicy = {
    name: 'set',
    numberOfPartitions: partitions,
    minSyncReplicas: minSync,
    maxSyncReplicas: maxSync,
    maxAsyncReplicas: maxAsync,
    numInitialContainers: containers,
    autoReplaceLostShards: true,
    developmentMode: true,
    replicaReadEnabled: true,
    onInSyncLoss: options.onInSyncLoss ?? 'unavailable',
    failureDetection: options.detection ?? FAILURE_DETECTION_LEVELS.aggressive,
    partitionBy: [],
    maps: [
      ...[REGISTERS, COUNTERS].map((name) => ({ name, lockStrategy: 'OPTIMISTIC' }) as const),
      { name: SCRATCH, lockStrategy: 'OPTIMISTIC', ...(options.limit === undefined ? {} : { limit: options.limit }) },
      { name: FLEETING, lockStrategy: 'OPTIMISTIC', timeToLive },
      { name: LOCKED, lockStrategy: 'PESSIMISTIC' },
    ],
  };
  return {
    seed: 0,
    policy: { grids: [{ name: GRID, mapSets: [mapSet] }] },
    mapSet,
    containerCount: containers,
    ...{ clientCount: 2, workersPerClient: 0, thinkMs: 0, keyCount: 0, counterCount: 0, chaosMs: 0, downMsMax: 0 },
    logRetentionBytes: options.logRetentionBytes ?? LIMITS.logRetentionBytes,
    digestEveryLsns: LIMITS.digestEveryLsns,
    replicationWindowBytes: LIMITS.replicationWindowBytes,
    followerQueueBytes: LIMITS.followerQueueBytes,
    abortsWithinMs: undefined,
    nearCache: undefined,
    transactions: undefined,
    latency: { medianMs: 0.5, spread: 0 },
    faults: new Map(),
    isGentle: false,
    ownTtlsMs: undefined,
    clockError: 0,
    isCrowded: false,
    restMs: 0,
  };
}
