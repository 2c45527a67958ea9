/**
 * A primary that cannot be reached from its own in-sync set asks to evict those who cannot reach it. Where that takes S
 * below minSyncReplicas nothing is gained: nobody may write. The fault is rather the primary's, so the answer is another primary.
 *
 *     asks to evict R ──▶ too few would be left, R lives, half of S says "P does not answer"
 *                         ──▶ no lease is renewed for P from now on (K3)
 *                             ──▶ when the last one has run out: is it still so? ──▶ promoted as after any loss of a primary (P1)
 *
 * This is for liveness. It is safe because it is nothing but a promotion: the wait is that of L2. Nothing of it is in the
 * journal: a catalog that starts again has forgotten it, and waits for every lease anyway.
 */
import { type PartitionId, type Rid, sameRid } from '../ids.ts';
import type { ChangeInSync } from '../messages.ts';
import type { PartitionConfig } from './config.ts';
import type { Membership } from './membership.ts';

interface Transfer {
  readonly primary: Rid;
  readonly epoch: number;
  /** Every lease that it was granted has run out by then. */
  readonly endMs: number;
}

export interface TransferFacts {
  readonly minSyncReplicas: number;
  /** Its life is known and not over, and the shard has not failed. */
  readonly isPromotable: (rid: Rid) => boolean;
  readonly nowMs: number;
}

export class Transfers {
  private readonly membership: Membership;
  private readonly pending = new Map<PartitionId, Transfer>();

  constructor(membership: Membership) {
    this.membership = membership;
  }

  /** Whether an eviction that would be granted is answered so instead. */
  begin(config: PartitionConfig, change: ChangeInSync, facts: TransferFacts): boolean {
    const { partition, epoch, primary, sync } = config;
    if (change.kind !== 'evict' || sync.length - 2 >= facts.minSyncReplicas) return false;
    if (!facts.isPromotable(change.target) || !this.isUnreached(config, facts)) return false;
    if (!this.isPending(config)) {
      const endMs = this.membership.leaseEndMs(primary.container);
      this.pending.set(partition, { primary, epoch, endMs });
    }
    return true;
  }

  isPending({ partition, epoch, primary }: PartitionConfig): boolean {
    const transfer = this.pending.get(partition);
    return transfer !== undefined && transfer.epoch === epoch && sameRid(transfer.primary, primary);
  }

  isDue(nowMs: number): boolean {
    for (const { endMs } of this.pending.values()) if (nowMs >= endMs) return true;
    return false;
  }

  /** Whether the primary is to go now. One that its set reaches again stays, and gets its leases back. */
  isUp(config: PartitionConfig, facts: TransferFacts): boolean {
    const transfer = this.pending.get(config.partition);
    if (transfer === undefined || facts.nowMs < transfer.endMs) return false;
    const isUp = this.isPending(config) && this.isUnreached(config, facts);
    this.pending.delete(config.partition);
    return isUp;
  }

  drop(partition: PartitionId): void {
    this.pending.delete(partition);
  }

  /** At least half of S says so; the primary itself does not. */
  private isUnreached({ sync, primary }: PartitionConfig, { isPromotable, nowMs }: TransferFacts): boolean {
    const says = ({ container }: Rid): boolean => this.membership.missesFrom(container, primary.incarnation, nowMs);
    const complaining = sync.filter((rid) => !sameRid(rid, primary) && isPromotable(rid) && says(rid));
    return 2 * complaining.length >= sync.length;
  }
}
