/** When promotions are due: gathers the facts that promotion.ts decides by, over all partitions. */

import { type Host, type Incarnation, type PartitionId, type Rid, sameHost, sameRid } from '../ids.ts';
import type { Note } from '../machine.ts';
import type { ChangeInSync } from '../messages.ts';
import { mapSetOf, type Topology } from '../topology.ts';
import type { PartitionConfig } from './config.ts';
import type { HandOverFacts } from './hand-over.ts';
import type { Membership } from './membership.ts';
import { decidePromotion, type PromotionFacts } from './promotion.ts';
import { type CatalogState, hasFailed } from './state.ts';
import { type TransferFacts, Transfers } from './transfers.ts';

export interface PromotionsOptions {
  readonly topology: Topology;
  readonly membership: Membership;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  /** Nothing is asked before it (K1). */
  readonly readyAtMs: number;
}

export interface Promotion {
  readonly from: PartitionConfig;
  readonly to: PartitionConfig;
}

/** Above every count of primaries: who has lost its connection is promoted only if nobody else can be. */
const SUSPECT_RANK = 1_000_000;

export class Promotions {
  private readonly options: PromotionsOptions;
  /** When the leases of a failed primary, which still lives, have run out. */
  private readonly failedPrimaryEndMs = new Map<PartitionId, number>();
  private readonly transfers: Transfers;
  private readonly promotedAtMs = new Map<PartitionId, number>();
  private lookAgainAtMs = Number.POSITIVE_INFINITY;

  constructor(options: PromotionsOptions) {
    this.options = options;
    this.transfers = new Transfers(options.membership);
  }

  /** No acknowledgement lists it from now on; those that were sent run out with the container's lease (K3). */
  noteFailedPrimary(partition: PartitionId, primary: Host): void {
    this.failedPrimaryEndMs.set(partition, this.options.membership.leaseEndMs(primary.container));
  }

  /** Whether the primary that asks for this eviction, which would be granted, is to go itself. */
  diverts(state: CatalogState, change: ChangeInSync, nowMs: number): boolean {
    const { readyAtMs } = this.options;
    const config = state.partitions[change.partition];
    if (config === undefined || nowMs < readyAtMs) return false;
    return this.transfers.begin(config, change, this.transferFacts(config, state, nowMs));
  }

  /** No lease is renewed for its primary (K3). */
  isToGo(config: PartitionConfig): boolean {
    return this.transfers.isPending(config);
  }

  /** Whether time alone may have changed what is to be decided. */
  isDue(nowMs: number): boolean {
    let isDue = nowMs >= this.lookAgainAtMs || this.transfers.isDue(nowMs);
    for (const [partition, endMs] of this.failedPrimaryEndMs) {
      if (nowMs < endMs) continue;
      this.failedPrimaryEndMs.delete(partition);
      isDue = true;
    }
    return isDue;
  }

  decide(state: CatalogState, nowMs: number): Promotion[] {
    const { membership, heartbeatMs } = this.options;
    const primaries = new Map<Incarnation, number>();
    const count = ({ incarnation }: Host): void => {
      primaries.set(incarnation, (primaries.get(incarnation) ?? 0) + 1);
    };
    const rank = ({ container, incarnation }: Rid): number =>
      (membership.isSuspect(container) || membership.isDraining({ container, incarnation }) ? SUSPECT_RANK : 0) +
      (primaries.get(incarnation) ?? 0);
    const placed = state.partitions.filter((config) => config !== undefined);
    for (const { primary } of placed) count(primary);
    const promotions: Promotion[] = [];
    this.lookAgainAtMs = Number.POSITIVE_INFINITY;
    for (const from of placed) {
      const facts = this.factsOf(from, state, nowMs);
      const to = decidePromotion(from, { ...facts, rank });
      // Silent, but reached by its replicas: it goes on until it is reached no more.
      if (facts.isPrimaryGone && facts.isPrimaryReached) this.lookAgainAtMs = nowMs + heartbeatMs;
      if (to === undefined) continue;
      promotions.push({ from, to });
      if (to.epoch === from.epoch) continue;
      count(to.primary);
      this.notePromoted(from.partition, nowMs);
    }
    return promotions;
  }

  /** For a planned change of primary: whether grants to older primaries may still run, and who has fewest to do. */
  plannedFacts(config: PartitionConfig, state: CatalogState, nowMs: number): Pick<HandOverFacts, 'mustWait' | 'rank'> {
    const reignMs = nowMs - (this.promotedAtMs.get(config.partition) ?? Number.NEGATIVE_INFINITY);
    const primaries = new Map<Incarnation, number>();
    for (const placed of state.partitions) {
      const incarnation = placed?.primary.incarnation;
      if (incarnation !== undefined) primaries.set(incarnation, (primaries.get(incarnation) ?? 0) + 1);
    }
    return {
      mustWait: config.waitGrants && reignMs < this.options.leaseMs,
      rank: ({ incarnation }) => primaries.get(incarnation) ?? 0,
    };
  }

  notePromoted(partition: PartitionId, nowMs: number): void {
    this.promotedAtMs.set(partition, nowMs);
    this.failedPrimaryEndMs.delete(partition);
    this.transfers.drop(partition);
  }

  private transferFacts(config: PartitionConfig, state: CatalogState, nowMs: number): TransferFacts {
    const { topology, membership } = this.options;
    const { partition } = config;
    return {
      minSyncReplicas: mapSetOf(topology, partition).policy.minSyncReplicas,
      isPromotable: (rid) => membership.isAlive(rid) && !hasFailed(state, partition, rid),
      nowMs,
    };
  }

  private factsOf(config: PartitionConfig, state: CatalogState, nowMs: number): Omit<PromotionFacts, 'rank'> {
    const { membership, leaseMs, readyAtMs } = this.options;
    const { partition, primary } = config;
    const hasPrimaryFailed = hasFailed(state, partition, primary);
    const hasEnded = membership.hasEnded(primary);
    const transferFacts = this.transferFacts(config, state, nowMs);
    const { isPromotable } = transferFacts;
    const isToGo = this.transfers.isUp(config, transferFacts);
    const reaches = ({ container }: Rid): boolean => membership.reaches(container, primary.incarnation, nowMs);
    // Grants to the primary before this one may outlive a short reign: proof about this one says nothing of them.
    const reignMs = nowMs - (this.promotedAtMs.get(partition) ?? Number.NEGATIVE_INFINITY);
    return {
      minSyncReplicas: transferFacts.minSyncReplicas,
      isPrimaryGone: hasPrimaryFailed
        ? nowMs >= (this.failedPrimaryEndMs.get(partition) ?? readyAtMs)
        : isToGo || !membership.isAlive(primary),
      isPrimaryReached:
        !isToGo &&
        !hasEnded &&
        !hasPrimaryFailed &&
        config.sync.some((rid) => !sameRid(rid, primary) && isPromotable(rid) && reaches(rid)),
      isReleased: hasEnded && (!config.waitGrants || reignMs >= leaseMs),
      isPromotable,
      isAwaited: (rid) => membership.isAwaited(rid) && !hasFailed(state, partition, rid),
      isGoneForEver: (rid) => membership.hasEnded(rid) || hasFailed(state, partition, rid),
    };
  }
}

export function promotionNote({ from, to }: Promotion): Note {
  const { partition, epoch, waitGrants } = to;
  const primary = from.primary.container;
  if (epoch === from.epoch) {
    return to.lost
      ? { level: 'error', event: 'partition_lost', facts: { partition, epoch, primary } }
      : { level: 'warn', event: 'partition_found', facts: { partition, epoch, primary } };
  }
  const source = from.elr.some(({ rid }) => sameHost(rid, to.primary)) ? 'elr' : 'sync';
  const facts = { partition, epoch, from: primary, to: to.primary.container, source, waitGrants };
  return { level: 'warn', event: 'promoted', facts };
}
