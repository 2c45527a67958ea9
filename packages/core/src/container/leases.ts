/**
 * Leases protect reads (L1); epochs protect writes. Two sources, each enough by itself: the catalog's lease for a
 * partition, renewed by the answer to a heartbeat (K3: only for the very configuration that the primary holds), and
 * promises of all of S+, asked for by pings. Both count from when the question was *sent*, and are shortened by what
 * two clocks may differ in rate. What is granted here counts from receipt: so the holder's end comes first.
 *
 * A machine that slept drops what it holds (suspend-guard.ts): then `leaseGen` is raised, and an answer to a question of
 * an older one, which may have lain in a socket all the while, renews nothing.
 */
import type { ConnectionId, Epoch, Incarnation, PartitionId } from '../ids.ts';
import type { HeartbeatAck, LeaseGrant, LeasePing } from '../messages.ts';
import { ackersOf } from '../replication/primary.ts';
import type { Mutation } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import type { Channels } from './channels.ts';

/** Rates of two clocks differ by at most this, each way. */
const CLOCK_RATE_ERROR = 0.01;
/** A grant is shorter than a lease, so that a promotion after the lease's end seldom waits for it. */
const GRANT_SHARE = 2 / 3;

export function holderMs(ttlMs: number): number {
  return (ttlMs * (1 - CLOCK_RATE_ERROR)) / (1 + CLOCK_RATE_ERROR);
}

export class Leases {
  /** From the catalog, by partition. */
  readonly #catalog = new Map<PartitionId, { epoch: Epoch; untilMs: number }>();
  /** Promised to primaries of older epochs, by partition; outlives a shard that is dropped and rebuilt. */
  readonly #granted = new Map<PartitionId, Granted>();
  /** When the last answered ping to a container was sent. */
  readonly #answeredPingMs = new Map<Incarnation, number>();
  readonly #mutated: (rule: Mutation) => boolean;

  constructor(mutated: (rule: Mutation) => boolean) {
    this.#mutated = mutated;
  }

  /** Whatever this container holds; what it has promised to others stands. */
  drop(shards: Iterable<Shard>): void {
    this.#catalog.clear();
    this.#answeredPingMs.clear();
    for (const { primary } of shards) {
      for (const follower of primary?.followers.values() ?? []) follower.grantUntilMs = 0;
    }
  }

  /** K3. */
  onHeartbeatAck(ack: HeartbeatAck, shards: ReadonlyMap<PartitionId, Shard>, times: HolderTimes): void {
    if (this.#isOld(ack, times)) return;
    const untilMs = this.#countedFrom(ack, times) + holderMs(times.leaseMs);
    for (const { partition, epoch, version } of ack.leases) {
      const shard = shards.get(partition);
      if (shard?.primary === undefined || shard.epoch !== epoch || shard.config.version !== version) continue;
      const lease = this.#catalog.get(partition);
      if (lease !== undefined && lease.epoch === epoch) lease.untilMs = Math.max(lease.untilMs, untilMs);
      else this.#catalog.set(partition, { epoch, untilMs });
    }
  }

  catalogLeaseUntilMs(shard: Shard): number {
    const lease = this.#catalog.get(shard.partition);
    return lease !== undefined && lease.epoch === shard.epoch ? lease.untilMs : 0;
  }

  /** One ping to each container that we have a channel to: also how the catalog learns who can reach whom. */
  ping(
    shards: Iterable<Shard>,
    channels: Channels,
    { nowMs, leaseGen }: { readonly nowMs: number; readonly leaseGen: number },
  ): void {
    const asked = new Map<Incarnation, { partitions: PartitionId[]; epochs: Epoch[] }>();
    for (const incarnation of channels.openIncarnations()) asked.set(incarnation, { partitions: [], epochs: [] });
    for (const shard of shards) {
      if (shard.primary === undefined) continue;
      for (const { incarnation } of ackersOf(shard, shard.primary)) {
        const ping = asked.get(incarnation);
        ping?.partitions.push(shard.partition);
        ping?.epochs.push(shard.epoch);
      }
    }
    for (const [incarnation, { partitions, epochs }] of asked) {
      channels.send(incarnation, { type: 'leasePing', sentAtMs: nowMs, leaseGen, partitions, epochs });
    }
  }

  /** Promises only for partitions that this container follows the asker in, in the very epoch. */
  onPing(ping: LeasePing, from: ConnectionId, shards: ReadonlyMap<PartitionId, Shard>, times: LeaseTimes): LeaseGrant {
    const partitions: PartitionId[] = [];
    const epochs: Epoch[] = [];
    ping.partitions.forEach((partition, index) => {
      const epoch = ping.epochs[index];
      const shard = shards.get(partition);
      if (shard?.opened === undefined || shard.primary !== undefined) return;
      if (shard.opened.connection !== from || shard.opened.epoch !== epoch || shard.epoch !== epoch) return;
      this.#promise(partition, epoch, times.nowMs + times.leaseMs * GRANT_SHARE);
      partitions.push(partition);
      epochs.push(epoch);
    });
    return { type: 'leaseGrant', sentAtMs: ping.sentAtMs, leaseGen: ping.leaseGen, partitions, epochs };
  }

  onGrant(grant: LeaseGrant, from: Incarnation, shards: ReadonlyMap<PartitionId, Shard>, times: HolderTimes): void {
    if (this.#isOld(grant, times)) return;
    this.#answeredPingMs.set(from, Math.max(grant.sentAtMs, this.#answeredPingMs.get(from) ?? 0));
    const untilMs = this.#countedFrom(grant, times) + holderMs(times.leaseMs * GRANT_SHARE);
    grant.partitions.forEach((partition, index) => {
      const shard = shards.get(partition);
      const follower = shard?.primary?.followers.get(from);
      if (shard === undefined || follower === undefined || shard.epoch !== grant.epochs[index]) return;
      follower.grantUntilMs = Math.max(follower.grantUntilMs, untilMs);
    });
  }

  /** Until when this container has promised not to act as primary of the partition (L2). */
  grantedUntilMs(partition: PartitionId): number {
    const granted = this.#granted.get(partition);
    return granted === undefined ? 0 : Math.max(granted.untilMs, granted.olderUntilMs);
  }

  /** The same without what was promised to the primary of `released`: it is gone, but one before it may read on. */
  grantedBeforeUntilMs(partition: PartitionId, released: Epoch): number {
    const granted = this.#granted.get(partition);
    if (granted === undefined) return 0;
    return granted.epoch === released ? granted.olderUntilMs : this.grantedUntilMs(partition);
  }

  #promise(partition: PartitionId, epoch: Epoch, untilMs: number): void {
    const granted = this.#granted.get(partition);
    if (granted?.epoch === epoch) granted.untilMs = untilMs;
    else this.#granted.set(partition, { epoch, untilMs, olderUntilMs: this.grantedUntilMs(partition) });
  }

  /** Who answered a ping that was sent within the last two thirds of a lease. */
  reachable({ nowMs, leaseMs }: LeaseTimes): Incarnation[] {
    const reached: Incarnation[] = [];
    for (const [incarnation, sentMs] of this.#answeredPingMs) {
      if (nowMs - sentMs <= leaseMs * GRANT_SHARE) reached.push(incarnation);
      else this.#answeredPingMs.delete(incarnation);
    }
    return reached;
  }

  #isOld({ leaseGen }: { readonly leaseGen: number }, times: HolderTimes): boolean {
    return leaseGen !== times.leaseGen && !this.#mutated('oldEchoAccepted');
  }

  #countedFrom({ sentAtMs }: { readonly sentAtMs: number }, { nowMs }: HolderTimes): number {
    return this.#mutated('countFromReceipt') ? nowMs : sentAtMs;
  }
}

/** Of one partition, by the epoch in which it was promised last. */
interface Granted {
  readonly epoch: Epoch;
  untilMs: number;
  /** In earlier epochs. */
  readonly olderUntilMs: number;
}

export interface LeaseTimes {
  readonly nowMs: number;
  readonly leaseMs: number;
}

export interface HolderTimes extends LeaseTimes {
  /** What the answer must echo to count. */
  readonly leaseGen: number;
}
