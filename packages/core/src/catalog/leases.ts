/**
 * What an acknowledgement of a heartbeat renews (K3): one lease per partition, and none of a partition that its primary
 * is to lose. A decision to promote changes the configuration in the turn in which it is taken, so the deposed primary
 * is not in here from then on; one that failed is to lose its partition although its configuration still holds.
 */
import type { Incarnation } from '../ids.ts';
import type { PartitionLease } from '../messages.ts';
import { type CatalogState, hasFailed } from './state.ts';

export function leasesByPrimary(state: CatalogState): ReadonlyMap<Incarnation, readonly PartitionLease[]> {
  const leases = new Map<Incarnation, PartitionLease[]>();
  for (const config of state.partitions) {
    if (config === undefined || config.lost || hasFailed(state, config.partition, config.primary)) continue;
    const { partition, epoch, version, primary } = config;
    const own = leases.get(primary.incarnation) ?? [];
    own.push({ partition, epoch, version });
    leases.set(primary.incarnation, own);
  }
  return leases;
}
