/**
 * Numbers for names. The policy is fixed for the life of a journal, so partitions and maps are numbered densely
 * in the order in which the policy lists them, and every process that has the policy has the same numbers.
 */
import { must } from './assert.ts';
import { asMapId, asPartitionId, type MapId, type PartitionId } from './ids.ts';
import type { MapLimit, MapPolicy, MapSetPolicy, Policy, TimeToLive } from './policy.ts';

export interface TopologyMap {
  readonly id: MapId;
  readonly policy: MapPolicy;
  readonly mapSet: TopologyMapSet;
}

export interface TopologyMapSet {
  readonly grid: string;
  readonly policy: MapSetPolicy;
  /** Partition `i` of the map set has the id `firstPartition + i`. */
  readonly firstPartition: number;
  readonly maps: readonly TopologyMap[];
}

export interface Topology {
  readonly policy: Policy;
  readonly mapSets: readonly TopologyMapSet[];
  readonly partitionCount: number;
  /** By map id. */
  readonly maps: readonly TopologyMap[];
}

/** Of maps that no policy names. */
export const OWN_MAPS_PREFIX = 'ostraca.';
/** Of `grid.lock()`: an entry for each lock that somebody has. In the first map set of each grid. */
export const LOCKS_MAP: MapPolicy = { name: `${OWN_MAPS_PREFIX}locks`, lockStrategy: 'OPTIMISTIC' };

/** Our own maps come after all of the policy, which so keep the numbers that they had without them. */
export function topologyOf(policy: Policy): Topology {
  const mapSets: (TopologyMapSet & { readonly maps: TopologyMap[] })[] = [];
  const maps: TopologyMap[] = [];
  let partitionCount = 0;
  for (const grid of policy.grids) {
    for (const mapSetPolicy of grid.mapSets) {
      const ownMaps: TopologyMap[] = [];
      const mapSet = {
        grid: grid.name,
        policy: mapSetPolicy,
        firstPartition: partitionCount,
        maps: ownMaps,
      };
      for (const mapPolicy of mapSetPolicy.maps) {
        const map = { id: asMapId(maps.length), policy: mapPolicy, mapSet };
        maps.push(map);
        ownMaps.push(map);
      }
      partitionCount += mapSetPolicy.numberOfPartitions;
      mapSets.push(mapSet);
    }
  }
  for (const { name } of policy.grids) {
    const mapSet = mapSets.find(({ grid }) => grid === name);
    if (mapSet === undefined) continue;
    const map = { id: asMapId(maps.length), policy: LOCKS_MAP, mapSet };
    maps.push(map);
    mapSet.maps.push(map);
  }
  return { policy, mapSets, partitionCount, maps };
}

export function mapSetOf(topology: Topology, partition: PartitionId): TopologyMapSet {
  const found = topology.mapSets.find(
    ({ firstPartition, policy }) =>
      partition >= firstPartition && partition < firstPartition + policy.numberOfPartitions,
  );
  return must(found, `map set of partition ${partition}`);
}

export function timesToLiveOf(mapSet: TopologyMapSet): Map<MapId, TimeToLive> {
  const times = new Map<MapId, TimeToLive>();
  for (const { id, policy } of mapSet.maps) if (policy.timeToLive !== undefined) times.set(id, policy.timeToLive);
  return times;
}

export function mapLimitsOf(mapSet: TopologyMapSet): Map<MapId, MapLimit> {
  const limits = new Map<MapId, MapLimit>();
  for (const { id, policy } of mapSet.maps) if (policy.limit !== undefined) limits.set(id, policy.limit);
  return limits;
}

export function lockedMapsOf(mapSet: TopologyMapSet): Set<MapId> {
  return new Set(mapSet.maps.filter(({ policy }) => policy.lockStrategy === 'PESSIMISTIC').map(({ id }) => id));
}

export function partitionsOf(mapSet: TopologyMapSet): PartitionId[] {
  return Array.from({ length: mapSet.policy.numberOfPartitions }, (_, index) =>
    asPartitionId(mapSet.firstPartition + index),
  );
}
