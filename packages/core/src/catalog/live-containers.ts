/** Containers as placement sees them. */
import type { Membership } from './membership.ts';
import type { PlacementContainer } from './plan.ts';
import type { ContainerRecord } from './state.ts';

export function liveContainers(containers: readonly ContainerRecord[], membership: Membership): PlacementContainer[] {
  return containers
    .filter((one) => membership.isAlive(one))
    .map((one) => {
      const { container, incarnation, host, zone } = one;
      const isDraining = membership.isDraining(one);
      const isSuspect = membership.isSuspect(container) || isDraining;
      return { container, incarnation, host, zone, isSuspect, isDraining };
    });
}
