/**
 * A grid's routing, from what the catalog decided. The catalog and every container make it by this one function, so
 * that a client may ask any of them.
 */
import type { Member, PartitionConfig } from '../catalog/config.ts';
import type { Host, Incarnation, PartitionId } from '../ids.ts';
import type { ReplicaRoute, Route, Routing, RoutingMapSet, Unplaceable } from '../messages.ts';
import { partitionsOf, type Topology, type TopologyMapSet } from '../topology.ts';

export interface RoutingSource {
  readonly topology: Topology;
  readonly generation: string;
  /** Undefined for a partition that has not been placed. */
  readonly configOf: (partition: PartitionId) => PartitionConfig | undefined;
  readonly members: readonly Member[];
  readonly unplaceable: readonly Unplaceable[];
}

/** Undefined: there is no grid of this name. */
export function routingOf(grid: string, source: RoutingSource): Routing | undefined {
  const mapSets = source.topology.mapSets.filter((mapSet) => mapSet.grid === grid);
  if (mapSets.length === 0) return undefined;
  const members = membersByIncarnation(source.members);
  const routes: Route[] = [];
  for (const mapSet of mapSets) {
    for (const partition of partitionsOf(mapSet)) {
      const config = source.configOf(partition);
      if (config !== undefined) routes.push(routeOf(config, members, mapSet.policy.replicaReadEnabled));
    }
  }
  return {
    type: 'routing',
    grid,
    generation: source.generation,
    mapSets: mapSets.map((mapSet) => routingMapSetOf(mapSet, source.unplaceable)),
    routes,
    addresses: source.members.filter(({ alive }) => alive).map(({ address }) => address),
  };
}

/** A primary that is silent keeps its route until another is promoted: it may still be the one that decides. */
export function routeOf(
  config: PartitionConfig,
  members: ReadonlyMap<Incarnation, Member>,
  replicaReadEnabled: boolean,
): Route {
  const { partition, epoch, version, lineage } = config;
  const replicas = replicaReadEnabled ? replicasOf(config, members) : [];
  const address = config.lost ? undefined : members.get(config.primary.incarnation)?.address;
  const primary = address === undefined ? '' : config.primary.container;
  return { partition, epoch, version, primary, address: address ?? '', lineage, replicas };
}

export function membersByIncarnation(members: readonly Member[]): Map<Incarnation, Member> {
  return new Map(members.map((member) => [member.incarnation, member]));
}

function replicasOf(config: PartitionConfig, members: ReadonlyMap<Incarnation, Member>): ReplicaRoute[] {
  const routesTo = (hosts: readonly Host[], inSync: boolean): ReplicaRoute[] =>
    hosts.flatMap(({ container, incarnation }) => {
      const member = members.get(incarnation);
      return member?.alive === true ? [{ container, address: member.address, inSync }] : [];
    });
  const others = config.sync.filter(({ incarnation }) => incarnation !== config.primary.incarnation);
  return [...routesTo(others, true), ...routesTo(config.async, false)];
}

function routingMapSetOf(mapSet: TopologyMapSet, unplaceable: readonly Unplaceable[]): RoutingMapSet {
  const reason = unplaceable.find((one) => one.grid === mapSet.grid && one.mapSet === mapSet.policy.name);
  return {
    name: mapSet.policy.name,
    firstPartition: mapSet.firstPartition,
    numberOfPartitions: mapSet.policy.numberOfPartitions,
    partitionBy: mapSet.policy.partitionBy,
    maps: mapSet.maps.map(({ id, policy: { name, lockStrategy } }) => ({
      id,
      name,
      lockStrategy: lockStrategy.toLowerCase() as Lowercase<typeof lockStrategy>,
    })),
    unplaceable: reason?.reason ?? '',
  };
}
