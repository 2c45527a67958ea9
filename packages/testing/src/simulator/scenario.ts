/**
 * One seed decides everything: topology, workload, and which faults come how often. Each seed takes a random part of
 * the faults only (swarm testing, Groce et al. 2012): all of them always hide each other's effects.
 */
import {
  FAILURE_DETECTION_LEVELS,
  LIMITS,
  type MapLimit,
  type MapPolicy,
  type MapSetPolicy,
  newRandom,
  type Policy,
  type Random,
} from '@ostraca/core';
import { themed } from './themes.ts';
import type { Latency } from './virtual-network.ts';

export const GRID = 'sim';
export const REGISTERS = 'registers';
export const COUNTERS = 'counters';
/** Cleared now and then; in some runs limited, so that its entries give way or writes to it are refused. */
export const SCRATCH = 'scratch';
/** Its entries have a time to live. */
export const FLEETING = 'fleeting';
/** Of transactions alone; their values are lists. */
export const LISTS = 'lists';
export const LOCKED_LISTS = 'lockedLists';

export const FAULT_KINDS = [
  'crash',
  'silentCrash',
  'crashMany',
  'stop',
  'drain',
  'catalogCrash',
  'catalogStop',
  'catalogLoss',
  'cut',
  'halfOpen',
  'stall',
  'partition',
  'isolate',
  'depose',
  'oneWay',
  'slowNetwork',
  'slowDisk',
  'clientCrash',
  'clientStop',
  'refuse',
  'poison',
  'suspend',
  'lateNews',
  'grantsOnly',
  'exile',
  'wallJump',
  'flap',
  'estrange',
  'slowReader',
  'lateWords',
  'lateAnswers',
  'lastCopy',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Scenario {
  readonly seed: number;
  readonly policy: Policy;
  readonly mapSet: MapSetPolicy;
  readonly containerCount: number;
  readonly clientCount: number;
  readonly workersPerClient: number;
  readonly thinkMs: number;
  readonly keyCount: number;
  readonly counterCount: number;
  readonly chaosMs: number;
  /** Of a container: mostly small, so that who joins needs a checkpoint and who lags behind falls out of the log. */
  readonly logRetentionBytes: number;
  /** Between two lsns at which replicas compare the digests of their states. */
  readonly digestEveryLsns: number;
  /** Sent to a replica and not acknowledged, at most; small: a connection that stalls lets it fall behind. */
  readonly replicationWindowBytes: number;
  /** Of records that wait for a replica outside of the in-sync set. */
  readonly followerQueueBytes: number;
  readonly latency: Latency;
  /** Mean time between two faults of a kind; absent: none of it. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** A container dies only while every partition has all the copies that it needs: nothing may be lost then. */
  readonly isGentle: boolean;
  /** How long a crashed container stays away, at most. */
  readonly downMsMax: number;
  /** Times to live that single writes ask for; undefined: nothing in this run has one. */
  readonly ownTtlsMs: readonly number[] | undefined;
  /** Callers who make transactions, for each client, and the lists of one partition and map; undefined: there are none. */
  readonly transactions: { readonly callersPerClient: number; readonly listCount: number } | undefined;
  /** Of every client's near caches; undefined: there are none. */
  readonly nearCache: { readonly maxBytes: number; readonly maxStaleMs: number } | undefined;
  /** Callers abort some of their writes within so long; undefined: none does. */
  readonly abortsWithinMs: number | undefined;
  /** Of all clocks, from real time: at most 0.01. */
  readonly clockError: number;
  /** Tools look in, a supervisor tells of deaths, a stranger sends what nobody should; callers look around. */
  readonly isCrowded: boolean;
  /** After the faults nobody calls for so long: longer than a session lives. */
  readonly restMs: number;
}

export const LIST_MAPS: readonly MapPolicy[] = [
  { name: LISTS, lockStrategy: 'OPTIMISTIC' },
  { name: LOCKED_LISTS, lockStrategy: 'PESSIMISTIC' },
];

/** `extra` are kinds of faults that come on top of what the seed has chosen. */
export function scenarioOf(seed: number, extra: readonly FaultKind[] = []): Scenario {
  const scenario = themed(drawScenario(seed));
  const added = extra.map((kind): [FaultKind, number] => [kind, 3_000]);
  return { ...scenario, faults: new Map([...scenario.faults, ...added]) };
}

function drawScenario(seed: number): Scenario {
  const random = newRandom(seed);
  // Of its own, so that runs without a time to live stay what they were.
  const ttlRandom = newRandom(seed ^ 0x3c6ef372);
  const timeToLive = {
    type: pick(ttlRandom, ['CREATION_TIME', 'LAST_UPDATE_TIME', 'LAST_ACCESS_TIME'] as const),
    afterMs: pick(ttlRandom, [600, 2_000, 6_000]),
  };
  const hasTtl = ttlRandom.below(2) === 0;
  const catalogLosses: [FaultKind, number][] =
    newRandom(seed ^ 0x5be0cd19).below(4) === 0 ? [['catalogLoss', 10_000]] : [];
  const netRandom = newRandom(seed ^ 0x6a09e667);
  const flaps: [FaultKind, number][] = netRandom.below(4) === 0 ? [['flap', 4_000]] : [];
  const slowReaders: [FaultKind, number][] = netRandom.below(3) === 0 ? [['slowReader', 3_000]] : [];
  const estranged: [FaultKind, number][] = netRandom.below(4) === 0 ? [['estrange', 5_000]] : [];
  const wallJumps: [FaultKind, number][] = ttlRandom.below(3) === 0 ? [['wallJump', 5_000]] : [];
  const nearRandom = newRandom(seed ^ 0x3c2e9a71);
  const hasNear = nearRandom.below(3) === 0;
  const nearCache = { maxBytes: pick(nearRandom, [1_000, 100_000]), maxStaleMs: pick(nearRandom, [60, 300, 1_000]) };
  const listRandom = newRandom(seed ^ 0x428a2f98);
  const hasTransactions = listRandom.below(2) === 0;
  const transactions = { callersPerClient: pick(listRandom, [1, 2, 3]), listCount: pick(listRandom, [1, 2, 4]) };
  const limit = drawLimit(newRandom(seed ^ 0x243f6a88));
  const crowdRandom = newRandom(seed ^ 0x7ed55d16);
  const minSyncReplicas = pick(random, [0, 1, 1, 1, 2]);
  const maxSyncReplicas = Math.max(minSyncReplicas, 1 + random.below(2));
  const containerCount = Math.max(minSyncReplicas + 1, 2 + random.below(4));
  const mapSet: MapSetPolicy = {
    name: 'set',
    numberOfPartitions: 1 + random.below(4),
    minSyncReplicas,
    maxSyncReplicas,
    maxAsyncReplicas: random.below(4) === 0 ? 1 : 0,
    numInitialContainers: Math.min(containerCount, minSyncReplicas + 1 + random.below(2)),
    autoReplaceLostShards: true,
    developmentMode: true,
    replicaReadEnabled: newRandom(seed ^ 0x5be0cd19).below(3) > 0,
    onInSyncLoss: pick(newRandom(seed ^ 0x1f83d9ab), ['unavailable', 'unavailable', 'promoteAsync', 'startEmpty']),
    failureDetection: random.below(3) === 0 ? FAILURE_DETECTION_LEVELS.typical : FAILURE_DETECTION_LEVELS.aggressive,
    partitionBy: [],
    maps: [
      ...[REGISTERS, COUNTERS].map((name) => ({ name, lockStrategy: 'OPTIMISTIC' }) as const),
      { name: SCRATCH, lockStrategy: 'OPTIMISTIC', ...(limit === undefined ? {} : { limit }) },
      ...(hasTtl ? [{ name: FLEETING, lockStrategy: 'OPTIMISTIC', timeToLive } as const] : []),
      ...(hasTransactions ? LIST_MAPS : []),
    ],
  };
  return {
    seed,
    policy: { grids: [{ name: GRID, mapSets: [mapSet] }] },
    mapSet,
    containerCount,
    clientCount: 1 + random.below(3),
    workersPerClient: pick(random, [2, 3, 5, 10]),
    thinkMs: pick(random, [10, 60, 150]),
    keyCount: pick(random, [6, 20, 50]),
    counterCount: 1 + random.below(4),
    chaosMs: 20_000 + random.below(pick(random, [1, 10_000, 40_000])),
    latency: { medianMs: pick(random, [0.2, 1, 5]), spread: pick(random, [0.2, 0.6, 1]) },
    faults: new Map([...swarm(random), ...wallJumps, ...catalogLosses, ...flaps, ...estranged, ...slowReaders]),
    isGentle: random.below(3) > 0,
    downMsMax: pick(random, [500, 3_000, 15_000]),
    abortsWithinMs: pick(newRandom(seed ^ 0x510e527f), [undefined, 3, 30, 1_000]),
    nearCache: hasNear ? nearCache : undefined,
    transactions: hasTransactions ? transactions : undefined,
    ownTtlsMs: hasTtl ? [400, 1_500, 5_000] : undefined,
    clockError: random.below(2) === 0 ? 0 : 0.01,
    digestEveryLsns: pick(newRandom(seed ^ 0x2f1b4c9d), [7, 20, 100]),
    replicationWindowBytes: pick(newRandom(seed ^ 0x1b873593), [1, 1, 500, LIMITS.replicationWindowBytes]),
    followerQueueBytes: pick(newRandom(seed ^ 0x2745937f), [0, 0, 500, LIMITS.followerQueueBytes]),
    isCrowded: crowdRandom.below(3) === 0,
    restMs: crowdRandom.below(40) === 0 ? LIMITS.sessionIdleMs * 1.05 : 0,
    logRetentionBytes: pick(random, [0, 2_000, 20_000, LIMITS.logRetentionBytes]),
  };
}

/** Room for two to five entries in a partition. */
function drawLimit(random: Random): MapLimit | undefined {
  if (random.below(2) === 0) return undefined;
  return { maxBytes: pick(random, [130, 200, 300]), evict: pick(random, ['LRU', 'LRU', 'LFU', 'NONE']) };
}

/** Of the map that has one. */
export function limitOf({ mapSet }: Scenario): MapLimit | undefined {
  return mapSet.maps.find(({ limit }) => limit !== undefined)?.limit;
}

/** Drawn by themselves, so that older seeds stay what they were. */
const DRAWN_APART: ReadonlySet<FaultKind> = new Set([
  ...(['wallJump', 'catalogLoss', 'flap', 'estrange', 'slowReader', 'lateWords', 'lateAnswers', 'lastCopy'] as const),
]);

function swarm(random: Random): ReadonlyMap<FaultKind, number> {
  const faults = new Map<FaultKind, number>();
  for (const kind of FAULT_KINDS) {
    if (DRAWN_APART.has(kind) || random.below(3) > 0) continue;
    faults.set(kind, pick(random, [1_000, 3_000, 8_000]));
  }
  // A run without any death of a primary shows little.
  if (!faults.has('crash') && !faults.has('stop') && random.below(3) > 0) faults.set('crash', 5_000);
  return faults;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}

export function describeScenario(scenario: Scenario): string {
  const { mapSet, containerCount, clientCount, faults } = scenario;
  const { numberOfPartitions, minSyncReplicas, maxSyncReplicas, maxAsyncReplicas, failureDetection } = mapSet;
  const { onInSyncLoss } = mapSet;
  return [
    `${containerCount} containers, ${clientCount} clients, ${numberOfPartitions} partitions`,
    `minSync ${minSyncReplicas}, maxSync ${maxSyncReplicas}, maxAsync ${maxAsyncReplicas}, ${onInSyncLoss}`,
    `lease ${failureDetection.suspectAfterMs} ms, chaos ${scenario.chaosMs / 1_000} s${scenario.isGentle ? ', gentle' : ''}`,
    `log ${scenario.logRetentionBytes} B`,
    `faults: ${[...faults].map(([kind, ms]) => `${kind}/${ms}`).join(' ') || 'none'}`,
  ].join('; ');
}
