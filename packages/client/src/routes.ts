/**
 * Which container has the primary of which partition, as told by whoever answered. Within a generation a
 * partition's route never goes back in (epoch, version); an older generation is ignored whole.
 */
import {
  isNewer,
  type PartitionId,
  type Route,
  type Routing,
  type RoutingMap,
  type RoutingMapSet,
} from '@ostraca/core';

export interface MapPlace {
  readonly map: RoutingMap;
  readonly mapSet: RoutingMapSet;
}

/** `raised`: its epoch is higher than that of the route before, so that what was sent by that one is sent again. */
export interface RouteChange {
  readonly partition: PartitionId;
  readonly raised: boolean;
}

export class Routes {
  #generation: string | undefined;
  readonly #routes = new Map<PartitionId, Route>();
  #mapSets: readonly RoutingMapSet[] = [];
  #maps = new Map<string, MapPlace>();
  #addresses: readonly string[] = [];

  get generation(): string | undefined {
    return this.#generation;
  }

  get mapSets(): readonly RoutingMapSet[] {
    return this.#mapSets;
  }

  /** Of live containers, each of which answers a RoutingRequest. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  routeOf(partition: PartitionId): Route | undefined {
    return this.#routes.get(partition);
  }

  /** Undefined: the grid has no map of this name. */
  mapOf(name: string): MapPlace | undefined {
    return this.#maps.get(name);
  }

  /** Of containers that have a primary. */
  primaryAddresses(): Set<string> {
    const addresses = new Set<string>();
    for (const { address } of this.#routes.values()) if (address !== '') addresses.add(address);
    return addresses;
  }

  /** Of containers that have a replica which may be read. */
  replicaAddresses(): Set<string> {
    const addresses = new Set<string>();
    for (const { replicas } of this.#routes.values()) for (const { address } of replicas) addresses.add(address);
    return addresses;
  }

  /** Why a partition that was never placed cannot be; empty when it can, or was. */
  unplaceable(partition: PartitionId): string {
    if (this.#routes.has(partition)) return '';
    const mapSet = this.#mapSets.find(
      ({ firstPartition, numberOfPartitions }) =>
        partition >= firstPartition && partition < firstPartition + numberOfPartitions,
    );
    return mapSet?.unplaceable ?? '';
  }

  /**
   * Undefined: an older generation, nothing was taken over.
   *
   * @param acceptsOther - Also a generation that is not comparable with ours (a grid that was started anew).
   */
  adopt(routing: Routing, acceptsOther: boolean): RouteChange[] | undefined {
    const order = compareGenerations(routing.generation, this.#generation);
    if (order === 'older' || (order === 'other' && !acceptsOther)) return undefined;
    const changes: RouteChange[] = [];
    if (order !== 'same') {
      // Epochs of two generations cannot be compared: all that was sent by the old routes is sent again.
      for (const partition of this.#routes.keys()) changes.push({ partition, raised: true });
      this.#routes.clear();
      this.#generation = routing.generation;
    }
    this.#mapSets = routing.mapSets;
    this.#addresses = routing.addresses;
    this.#maps = new Map();
    for (const mapSet of routing.mapSets) {
      for (const map of mapSet.maps) this.#maps.set(map.name, { map, mapSet });
    }
    for (const route of routing.routes) {
      const change = this.adoptRoute(route);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  /** One route, of the generation that we have. */
  adoptRoute(route: Route): RouteChange | undefined {
    if (route.epoch === 0) return undefined;
    const held = this.#routes.get(route.partition);
    if (held !== undefined && !isNewer(route, held) && !completes(route, held)) return undefined;
    this.#routes.set(route.partition, route);
    return { partition: route.partition, raised: held !== undefined && route.epoch > held.epoch };
  }
}

/** The same configuration, told by somebody who knows the primary's address. */
function completes(route: Route, held: Route): boolean {
  return route.epoch === held.epoch && route.version === held.version && held.address === '' && route.address !== '';
}

type GenerationOrder = 'same' | 'newer' | 'older' | 'other';

/** A generation is a counter and a random rest: the counter orders, the rest only tells equals apart. */
function compareGenerations(received: string, held: string | undefined): GenerationOrder {
  if (received === held) return 'same';
  if (held === undefined) return 'newer';
  const difference = counterOf(received) - counterOf(held);
  if (difference === 0) return 'other';
  return difference > 0 ? 'newer' : 'older';
}

function counterOf(generation: string): number {
  const counter = Number.parseInt(generation, 10);
  return Number.isNaN(counter) ? 0 : counter;
}
