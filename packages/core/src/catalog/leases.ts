/**
 * What an acknowledgement of a heartbeat renews (K3): one lease per partition, and none of a partition that its primary
 * is to lose. A decision to promote changes the configuration in the turn in which it is taken, so the deposed primary
 * is not in here from then on; one that failed is to lose its partition although its configuration still holds.
 */
import type { Epoch, Host, Incarnation, PartitionId } from '../ids.ts';
import type { PartitionLease } from '../messages.ts';
import type { PartitionConfig } from './config.ts';
import { type CatalogState, hasFailed } from './state.ts';

export interface LeaseFacts {
  /** Its primary is to go, and waited out. */
  readonly isWithheld: (config: PartitionConfig) => boolean;
  /** Configurations whose primaries are listed although they are not primary any more: a rule broken on purpose. */
  readonly deposed: Iterable<PartitionConfig>;
}

export function leasesByPrimary(
  state: CatalogState,
  { isWithheld, deposed }: LeaseFacts,
): ReadonlyMap<Incarnation, readonly PartitionLease[]> {
  const leases = new Map<Incarnation, PartitionLease[]>();
  const list = ({ partition, epoch, version, primary }: PartitionConfig): void => {
    const own = leases.get(primary.incarnation) ?? [];
    own.push({ partition, epoch, version });
    leases.set(primary.incarnation, own);
  };
  for (const config of state.partitions) {
    if (config === undefined || config.lost || hasFailed(state, config.partition, config.primary)) continue;
    if (!isWithheld(config)) list(config);
  }
  for (const config of deposed) list(config);
  return leases;
}

/** Whether `asker` is still the primary of that epoch: nobody was promoted over it, durable or not (read-index.ts). */
export function holdsEpoch(
  state: CatalogState,
  asker: Host | undefined,
): (partition: PartitionId, epoch: Epoch) => boolean {
  return (partition, epoch) => {
    const config = state.partitions[partition];
    return config?.epoch === epoch && config.primary.incarnation === asker?.incarnation;
  };
}
