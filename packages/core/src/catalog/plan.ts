/** A partition while placement thinks about it: who holds a copy now, and the lists that may change. */
import { must } from '../assert.ts';
import {
  type ContainerName,
  type Epoch,
  type Host,
  type Incarnation,
  type PartitionId,
  type Rid,
  sameRid,
} from '../ids.ts';
import { mapSetOf, type Topology, type TopologyMapSet } from '../topology.ts';
import { hasHost, hasRid } from './chain.ts';
import type { PartitionConfig } from './config.ts';
import { Loads } from './loads.ts';

/** A live container. */
export interface PlacementContainer extends Host {
  /** Label of its machine. */
  readonly host: string;
  readonly zone: string;
  /** Its connection is lost or it is about to leave: it keeps what it has and gets nothing new. */
  readonly isSuspect: boolean;
  /** It is about to leave: what it has moves away. */
  readonly isDraining?: boolean;
}

export interface PlacementFacts {
  readonly topology: Topology;
  readonly containers: readonly PlacementContainer[];
  /** By partition id; undefined: not placed. */
  readonly configs: readonly (PartitionConfig | undefined)[];
  /** By partition id. */
  readonly copiesEver: readonly number[];
  /** By grid: container lives that hold shards of an earlier catalog; nothing is placed on them. */
  readonly foreign: ReadonlyMap<string, ReadonlyMap<Incarnation, ContainerName>>;
  /** Without a configuration, but they may live somewhere: not placed anew. Default: none. */
  readonly withheld?: ReadonlySet<PartitionId>;
  /** Silent, and expected to come back with what it had. Default: nobody is. */
  readonly isAwaited?: (host: Host) => boolean;
  /** Of a partition that is placed anew. Default 1. */
  readonly firstEpoch?: Epoch;
}

export interface Plan {
  readonly mapSet: TopologyMapSet;
  readonly config: PartitionConfig;
  joining: Host[];
  async: Host[];
  leaving: Rid[];
}

/** What one call of placement works with. */
export interface Field {
  readonly facts: PlacementFacts;
  readonly live: ReadonlyMap<Incarnation, PlacementContainer>;
  readonly copies: Loads;
  readonly primaries: Loads;
}

export function newField(facts: PlacementFacts): Field {
  // Sorted, so that equal inputs in any order give equal output.
  const containers = [...facts.containers].sort((a, b) => (a.container < b.container ? -1 : 1));
  return {
    facts: { ...facts, containers },
    live: new Map(containers.map((container) => [container.incarnation, container])),
    copies: new Loads(containers),
    primaries: new Loads(containers),
  };
}

export function newPlan(topology: Topology, config: PartitionConfig): Plan {
  const { joining, async: asyncHosts, leaving } = config;
  const mapSet = mapSetOf(topology, config.partition);
  return { mapSet, config, joining: [...joining], async: [...asyncHosts], leaving: [...leaving] };
}

/** Copies of the in-sync set wanted, the primary included. */
export function wantedInSync(plan: Plan): number {
  return 1 + plan.mapSet.policy.maxSyncReplicas;
}

/** Live members of the in-sync set that are to stay. */
export function staying(field: Field, plan: Plan): Rid[] {
  return plan.config.sync.filter((rid) => field.live.has(rid.incarnation) && !hasRid(plan.leaving, rid));
}

/** Live containers that hold or are to hold a copy, those that leave included. */
export function holders(field: Field, plan: Plan): PlacementContainer[] {
  return [...plan.config.sync, ...plan.joining, ...plan.async].flatMap(
    ({ incarnation }) => field.live.get(incarnation) ?? [],
  );
}

export function countCopies(field: Field, plan: Plan, count: number): void {
  for (const host of [...staying(field, plan), ...plan.joining, ...plan.async]) {
    field.copies.add(plan.mapSet, host, count);
  }
  field.primaries.add(plan.mapSet, plan.config.primary, count);
}

/** Containers that may take a copy of this partition; `besides` is about to give its copy up. */
export function candidates(field: Field, plan: Plan, besides?: Host): PlacementContainer[] {
  const held = holders(field, plan);
  const foreign = field.facts.foreign.get(plan.mapSet.grid);
  const staysPut = held.filter(({ incarnation }) => incarnation !== besides?.incarnation);
  const hosts = plan.mapSet.policy.developmentMode ? new Set<string>() : new Set(staysPut.map(({ host }) => host));
  return field.facts.containers.filter(
    (one) => !one.isSuspect && !hasHost(held, one) && !hosts.has(one.host) && foreign?.has(one.incarnation) !== true,
  );
}

/** The candidate with the fewest copies, first in a zone that has none of this partition. */
export function leastLoaded(field: Field, plan: Plan, among: readonly PlacementContainer[]): Host | undefined {
  const held = holders(field, plan);
  const inZone = (one: PlacementContainer): number => held.filter(({ zone }) => zone === one.zone).length;
  return first(among, (one) => [inZone(one), field.copies.inMapSet(plan.mapSet, one), field.copies.of(one)]);
}

/** Smallest by the numbers of `rank`, compared one after the other; at a tie the first. */
export function first<T>(among: readonly T[], rank: (one: T) => readonly number[]): T | undefined {
  let chosen: T | undefined;
  let smallest: readonly number[] = [];
  for (const one of among) {
    const numbers = rank(one);
    if (chosen !== undefined && !isSmaller(numbers, smallest)) continue;
    chosen = one;
    smallest = numbers;
  }
  return chosen;
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, number] of a.entries()) {
    const other = must(b[index], 'ranks have one length');
    if (number !== other) return number < other;
  }
  return false;
}

/**
 * The member that leaves when there is one too many: first who shares a host, then a zone, then who has most. Never
 * the newest, which is the last: it was brought in so that another one can leave.
 */
export function chooseLeaver(field: Field, plan: Plan): Rid | undefined {
  const held = holders(field, plan).filter((one) => !hasHost(plan.leaving, one));
  const replicas = staying(field, plan).filter((rid) => !sameRid(rid, plan.config.primary));
  const isNewestIn = plan.joining.length === 0 && replicas.length > 1;
  return first(isNewestIn ? replicas.slice(0, -1) : replicas, (rid) => {
    const own = must(field.live.get(rid.incarnation), 'who stays is live');
    const sharesHost = !plan.mapSet.policy.developmentMode && held.filter(({ host }) => host === own.host).length > 1;
    const sharesZone = held.filter(({ zone }) => zone === own.zone).length > 1;
    const drains = own.isDraining === true;
    return [
      drains ? 0 : 1,
      sharesHost ? 0 : 1,
      sharesZone ? 0 : 1,
      -field.copies.inMapSet(plan.mapSet, rid),
      -field.copies.of(rid),
    ];
  });
}

export function asHost({ container, incarnation }: Host): Host {
  return { container, incarnation };
}
