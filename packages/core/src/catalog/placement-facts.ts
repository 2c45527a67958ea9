/** What placement decides by, gathered from all that the catalog knows. */
import type { Host } from '../ids.ts';
import type { Topology } from '../topology.ts';
import type { ForeignShards } from './foreign-shards.ts';
import type { Membership } from './membership.ts';
import type { PlacementContainer, PlacementFacts } from './plan.ts';
import type { Recovery } from './recovery.ts';
import type { CatalogState, ContainerRecord } from './state.ts';

export interface PlacementSource {
  readonly topology: Topology;
  readonly state: CatalogState;
  readonly membership: Membership;
  readonly foreign: ForeignShards;
  readonly recovery: Recovery;
}

export function placementFacts({ topology, state, membership, foreign, recovery }: PlacementSource): PlacementFacts {
  return {
    topology,
    containers: liveContainers(state.containers, membership),
    configs: state.partitions,
    copiesEver: state.copiesEver,
    foreign: foreign.byGrid(),
    withheld: recovery.withheld(),
    firstEpoch: recovery.firstEpoch,
    isAwaited: (host: Host) => membership.isAwaited(host),
  };
}

function liveContainers(containers: readonly ContainerRecord[], membership: Membership): PlacementContainer[] {
  return containers
    .filter((one) => membership.isAlive(one))
    .map((one) => {
      const { container, incarnation, host, zone } = one;
      const isDraining = membership.isDraining(one);
      const isSuspect = membership.isSuspect(container) || isDraining;
      return { container, incarnation, host, zone, isSuspect, isDraining };
    });
}
