/**
 * What the catalog must not forget: one immutable value, changed only by `apply`. The journal holds the events;
 * `events.reduce(apply, EMPTY_STATE)` is the state, in production, after a restart and in tests alike.
 */
import { type Draft, produce } from 'immer';
import { assert, must, unreachable } from '../assert.ts';
import type { ContainerName, Host, Incarnation, PartitionId, Rid } from '../ids.ts';
import { checkConfig, isSuccessor } from './chain.ts';
import type { PartitionConfig } from './config.ts';
import type { Loss } from './loss.ts';

/** How a life ended for ever. Silence is not an end: whoever was silent may come back with its shards. */
export type EndCause = 'left' | 'provedDead';

/** The newest life of a container's name. */
export interface ContainerRecord extends Host {
  readonly address: string;
  readonly host: string;
  readonly zone: string;
  readonly ended: EndCause | 'no';
}

/** Shards of this partition in this life, up to `shardInc`, have lost their state: never to be promoted. */
export interface FailedReplica {
  readonly partition: PartitionId;
  readonly incarnation: Incarnation;
  readonly shardInc: number;
}

export interface CatalogState {
  /** Empty until the journal is founded. */
  readonly generation: string;
  readonly policyJson: string;
  readonly hashSeed: number;
  /** What a restarted catalog must wait out (K1). */
  readonly largestLeaseMs: number;
  /** Sorted by name. */
  readonly containers: readonly ContainerRecord[];
  /** By partition id; undefined: not placed. */
  readonly partitions: readonly (PartitionConfig | undefined)[];
  /** By partition id: the most copies that it was ever given. Fewer now means that one was lost. */
  readonly copiesEver: readonly number[];
  readonly failed: readonly FailedReplica[];
  /** Decided history that was given up, the newest last. */
  readonly losses: readonly Loss[];
}

/** Older ones are forgotten: the log has told them. */
const LOSSES_MAX = 1_000;

export type CatalogEvent =
  | { readonly type: 'founded'; readonly generation: string; readonly policyJson: string; readonly hashSeed: number }
  /** An earlier journal is lost, and containers told of it: what they hold goes on under this one. */
  | { readonly type: 'generationRaised'; readonly generation: string; readonly hashSeed: number }
  | { readonly type: 'historyLost'; readonly losses: readonly Loss[] }
  | { readonly type: 'leaseGranted'; readonly leaseMs: number }
  | { readonly type: 'containerRegistered'; readonly container: ContainerRecord }
  | {
      readonly type: 'containerEnded';
      readonly container: ContainerName;
      readonly incarnation: Incarnation;
      readonly cause: EndCause;
    }
  | { readonly type: 'containerForgotten'; readonly container: ContainerName }
  /** All configurations that one turn changed. */
  | { readonly type: 'configsChanged'; readonly configs: readonly PartitionConfig[] }
  /** Only in a rewritten journal, which has lost the history that this was counted from. */
  | { readonly type: 'copiesCounted'; readonly copiesEver: readonly number[] }
  | { readonly type: 'replicaFailed'; readonly partition: PartitionId; readonly rid: Rid };

export const EMPTY_STATE: CatalogState = {
  generation: '',
  policyJson: '',
  hashSeed: 0,
  largestLeaseMs: 0,
  containers: [],
  partitions: [],
  copiesEver: [],
  failed: [],
  losses: [],
};

export function apply(state: CatalogState, event: CatalogEvent): CatalogState {
  if (event.type === 'configsChanged') return withConfigs(state, event.configs);
  return produce(state, (draft) => change(draft, event));
}

/** Events that make the same state from nothing, for a journal that is rewritten. */
export function compact(state: CatalogState): CatalogEvent[] {
  if (state.generation === '') return [];
  const { generation, policyJson, hashSeed } = state;
  const configs = state.partitions.filter((config) => config !== undefined);
  return [
    { type: 'founded', generation, policyJson, hashSeed },
    { type: 'leaseGranted', leaseMs: state.largestLeaseMs },
    ...state.containers.map((container) => ({ type: 'containerRegistered', container }) as const),
    { type: 'configsChanged', configs },
    { type: 'copiesCounted', copiesEver: state.copiesEver },
    { type: 'historyLost', losses: state.losses },
    ...state.failed.map(({ partition, incarnation, shardInc }) => {
      const container = state.containers.find((one) => one.incarnation === incarnation)?.container ?? '';
      return { type: 'replicaFailed', partition, rid: { container, incarnation, shardInc } } as const;
    }),
  ];
}

export function hasFailed(state: CatalogState, partition: PartitionId, rid: Rid): boolean {
  return state.failed.some(
    (one) => one.partition === partition && one.incarnation === rid.incarnation && rid.shardInc <= one.shardInc,
  );
}

function change(draft: Draft<CatalogState>, event: Exclude<CatalogEvent, { type: 'configsChanged' }>): void {
  switch (event.type) {
    case 'founded':
      assert(draft.generation === '', 'a journal is founded once');
      draft.generation = event.generation;
      draft.policyJson = event.policyJson;
      draft.hashSeed = event.hashSeed;
      return;
    case 'generationRaised':
      draft.generation = event.generation;
      draft.hashSeed = event.hashSeed;
      return;
    case 'historyLost':
      draft.losses = [...draft.losses, ...event.losses].slice(-LOSSES_MAX);
      return;
    case 'leaseGranted':
      draft.largestLeaseMs = Math.max(draft.largestLeaseMs, event.leaseMs);
      return;
    case 'containerRegistered':
      onContainerRegistered(draft, event.container);
      return;
    case 'containerEnded': {
      const container = draft.containers.find((one) => one.container === event.container);
      assert(container?.incarnation === event.incarnation, 'only the newest life of a name ends');
      must(container, event.container).ended = event.cause;
      return;
    }
    case 'containerForgotten':
      forget(draft, event.container);
      return;
    case 'copiesCounted':
      draft.copiesEver = [...event.copiesEver];
      return;
    case 'replicaFailed':
      onReplicaFailed(draft, event.partition, event.rid);
      return;
    default:
      unreachable(event);
  }
}

function onContainerRegistered(draft: Draft<CatalogState>, container: ContainerRecord): void {
  const older = draft.containers.find((one) => one.container === container.container);
  // The damage of a life that is over matters no more, for only the newest life of a name is promoted.
  if (older !== undefined && older.incarnation !== container.incarnation) forget(draft, container.container);
  draft.containers = draft.containers.filter((one) => one.container !== container.container);
  draft.containers.push({ ...container });
  draft.containers.sort((a, b) => (a.container < b.container ? -1 : 1));
}

function forget(draft: Draft<CatalogState>, name: ContainerName): void {
  const gone = draft.containers.find((one) => one.container === name)?.incarnation;
  draft.containers = draft.containers.filter((one) => one.container !== name);
  draft.failed = draft.failed.filter((one) => one.incarnation !== gone);
}

/** By hand: the one event that comes by thousands, where looking through two long arrays for drafts took 0.4 ms each. */
function withConfigs(state: CatalogState, configs: readonly PartitionConfig[]): CatalogState {
  const partitions = [...state.partitions];
  const copiesEver = [...state.copiesEver];
  for (const config of configs) {
    checkConfig(config);
    while (partitions.length <= config.partition) {
      partitions.push(undefined);
      copiesEver.push(0);
    }
    assert(isSuccessor(partitions[config.partition], config), 'configurations of a partition form one chain (I-CFG)');
    partitions[config.partition] = config;
    const copies = config.sync.length + config.joining.length + config.async.length;
    copiesEver[config.partition] = Math.max(must(copiesEver[config.partition], 'copies'), copies);
  }
  return { ...state, partitions, copiesEver };
}

function onReplicaFailed(draft: Draft<CatalogState>, partition: PartitionId, rid: Rid): void {
  const known = draft.failed.find((one) => one.partition === partition && one.incarnation === rid.incarnation);
  if (known !== undefined) known.shardInc = Math.max(known.shardInc, rid.shardInc);
  else draft.failed.push({ partition, incarnation: rid.incarnation, shardInc: rid.shardInc });
}
