/**
 * Who is alive. A life counts its lease from the receipt of its last heartbeat and is silent once that has run out; a
 * lost connection makes it suspect at once but never shortens the wait. Nothing of this is journalled: a restarted
 * catalog takes every life that has not ended for alive until the largest lease ever granted has run out (K1).
 */
import { must } from '../assert.ts';
import type { ConnectionId, ContainerName, Host, Incarnation, PartitionId } from '../ids.ts';
import type { ShardReport } from '../messages.ts';
import type { Member } from './config.ts';
import type { Copy } from './loss.ts';

/**
 * Copies of a container that fell silent are placed elsewhere only after so many leases more, unless too few are left: most come
 * back, with all that they had, and checkpoints of all its copies may be what makes the next container fall silent.
 */
const AWAITED_LEASES = 5;

interface Life {
  readonly incarnation: Incarnation;
  /** The one that its messages are accepted from. */
  connection: ConnectionId | undefined;
  /** Undefined: not heard of since this catalog started. */
  lastReceiptMs: number | undefined;
  expiryMs: number;
  silent: boolean;
  /** While it is silent: its copies keep their places until then; 0: it is not awaited. */
  awaitedUntilMs: number;
  ended: boolean;
  /** It said that it is about to leave. */
  draining: boolean;
  reachable: ReadonlySet<Incarnation>;
  reachableAtMs: number;
  /** What it had when it registered. */
  shardIncs: ReadonlyMap<PartitionId, number>;
  /** Its consistent copies outside of in-sync sets, as told last. */
  copies: ReadonlyMap<PartitionId, ShardReport>;
  /** Since when it has been neither alive nor registered. */
  goneAtMs: number;
}

export interface MembershipTimes {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
}

export class Membership {
  private readonly lives = new Map<ContainerName, Life>();
  private readonly names = new Map<ConnectionId, ContainerName>();
  private readonly times: MembershipTimes;

  constructor(times: MembershipTimes) {
    this.times = times;
  }

  /** A life of the journal. `expiryMs` is the end of the wait of K1; an ended one is not waited for. */
  restore(host: Host, options: { readonly expiryMs: number; readonly ended: boolean; readonly nowMs: number }): void {
    this.lives.set(host.container, {
      ...newLife(host.incarnation),
      expiryMs: options.expiryMs,
      ended: options.ended,
      goneAtMs: options.nowMs,
    });
  }

  /** Returns the connection that this one replaces. */
  register(host: Host, connection: ConnectionId, shards: readonly ShardReport[]): ConnectionId | undefined {
    const known = this.lives.get(host.container);
    const isSame = known?.incarnation === host.incarnation;
    const older = known?.connection;
    const life = isSame ? known : newLife(host.incarnation);
    this.lives.set(host.container, life);
    if (older !== undefined) this.names.delete(older);
    life.connection = connection;
    life.shardIncs = new Map(shards.map(({ partition, shardInc }) => [partition, shardInc]));
    life.copies = new Map();
    this.names.set(connection, host.container);
    return older === connection ? undefined : older;
  }

  /** Renews the lease; every acknowledgement of a heartbeat goes with one of these (K3). */
  renew(name: ContainerName, nowMs: number): void {
    const life = must(this.lives.get(name), name);
    life.lastReceiptMs = nowMs;
    life.silent = false;
    life.awaitedUntilMs = 0;
    life.expiryMs = Math.max(life.expiryMs, nowMs + this.times.leaseMs);
  }

  noteReachable(name: ContainerName, reachable: readonly Incarnation[], nowMs: number): void {
    const life = must(this.lives.get(name), name);
    life.reachable = new Set(reachable);
    life.reachableAtMs = nowMs;
  }

  noteCopies(name: ContainerName, shards: readonly ShardReport[]): void {
    must(this.lives.get(name), name).copies = new Map(shards.map((shard) => [shard.partition, shard]));
  }

  /** Those of live containers. */
  copiesOf(partition: PartitionId): Copy[] {
    const copies: Copy[] = [];
    for (const [container, { incarnation, silent, ended, copies: own }] of this.lives) {
      const report = own.get(partition);
      if (report === undefined || silent || ended) continue;
      copies.push({ rid: { container, incarnation, shardInc: report.shardInc }, decidedLsn: report.decidedLsn });
    }
    return copies;
  }

  /** Until the end of this life. */
  drain(name: ContainerName): void {
    must(this.lives.get(name), name).draining = true;
  }

  isDraining({ container, incarnation }: Host): boolean {
    const life = this.lives.get(container);
    return life !== undefined && life.incarnation === incarnation && life.draining;
  }

  end(name: ContainerName, nowMs: number): void {
    const life = must(this.lives.get(name), name);
    life.ended = true;
    life.goneAtMs = nowMs;
  }

  forget(name: ContainerName): void {
    const connection = this.lives.get(name)?.connection;
    if (connection !== undefined) this.names.delete(connection);
    this.lives.delete(name);
  }

  /** Returns the container that is suspect from now on. */
  close(connection: ConnectionId): ContainerName | undefined {
    const name = this.names.get(connection);
    if (name === undefined) return undefined;
    this.names.delete(connection);
    must(this.lives.get(name), name).connection = undefined;
    return name;
  }

  /**
   * Comes after the sockets were read. A tick that is late by more than a heartbeat proves that we were not
   * listening, so every deadline moves out by the lateness. Returns who has fallen silent.
   */
  tick(nowMs: number, lateMs: number): ContainerName[] {
    const silent: ContainerName[] = [];
    for (const [name, life] of this.lives) {
      if (life.silent || life.ended) continue;
      if (lateMs > this.times.heartbeatMs) life.expiryMs += lateMs;
      if (nowMs < life.expiryMs) continue;
      life.silent = true;
      life.awaitedUntilMs = nowMs + AWAITED_LEASES * this.times.leaseMs;
      life.goneAtMs = nowMs;
      silent.push(name);
    }
    return silent;
  }

  /** Silent, and expected to come back with what it had. */
  isAwaited({ container, incarnation }: Host): boolean {
    const life = this.lives.get(container);
    return life?.incarnation === incarnation && !life.ended && life.awaitedUntilMs > 0;
  }

  /** @returns whether somebody was awaited until now. */
  endWaits(nowMs: number): boolean {
    let hasEnded = false;
    for (const life of this.lives.values()) {
      if (life.awaitedUntilMs === 0 || nowMs < life.awaitedUntilMs) continue;
      life.awaitedUntilMs = 0;
      hasEnded = true;
    }
    return hasEnded;
  }

  isAlive({ container, incarnation }: Host): boolean {
    const life = this.lives.get(container);
    return life !== undefined && life.incarnation === incarnation && !life.silent && !life.ended;
  }

  hasEnded({ container, incarnation }: Host): boolean {
    const life = this.lives.get(container);
    return life !== undefined && life.incarnation === incarnation && life.ended;
  }

  isSuspect(name: ContainerName): boolean {
    return this.lives.get(name)?.connection === undefined;
  }

  /** Who speaks on this connection, if it is the newest of a registered life. */
  nameOn(connection: ConnectionId): ContainerName | undefined {
    return this.names.get(connection);
  }

  connections(): ConnectionId[] {
    return [...this.names.keys()];
  }

  /** Whether this life answered the other one lately, by its own report within a lease. */
  reaches(name: ContainerName, other: Incarnation, nowMs: number): boolean {
    const life = this.lives.get(name);
    return life?.reachable.has(other) === true && nowMs - life.reachableAtMs <= this.times.leaseMs;
  }

  /** Whether it says, by a report of the last half lease, that the other one does not answer it. */
  missesFrom(name: ContainerName, other: Incarnation, nowMs: number): boolean {
    const life = this.lives.get(name);
    if (life === undefined || life.reachableAtMs === 0) return false;
    return !life.reachable.has(other) && nowMs - life.reachableAtMs <= this.times.leaseMs / 2;
  }

  /** The shard's life that it reported when it registered; 0: none. */
  reportedShardInc({ container, incarnation }: Host, partition: PartitionId): number {
    const life = this.lives.get(container);
    return life?.incarnation === incarnation ? (life.shardIncs.get(partition) ?? 0) : 0;
  }

  /** Containers as others see them. */
  membersOf(containers: readonly Omit<Member, 'alive' | 'draining'>[]): Member[] {
    return containers.map((one) => {
      const { container, incarnation, address, host, zone } = one;
      const alive = this.isAlive(one);
      return { container, incarnation, address, host, zone, alive, draining: this.isDraining(one) };
    });
  }

  /** Milliseconds since its last heartbeat; undefined: none since this catalog started. */
  silenceMs(name: ContainerName, nowMs: number): number | undefined {
    const lastReceiptMs = this.lives.get(name)?.lastReceiptMs;
    return lastReceiptMs === undefined ? undefined : nowMs - lastReceiptMs;
  }

  /** When every lease that was granted to this container by now has run out. */
  leaseEndMs(name: ContainerName): number {
    return this.lives.get(name)?.expiryMs ?? 0;
  }

  /** Those neither alive nor connected for at least so long. */
  goneFor(ms: number, nowMs: number): ContainerName[] {
    return [...this.lives]
      .filter(([, life]) => (life.silent || life.ended) && nowMs - life.goneAtMs >= ms)
      .map(([name]) => name);
  }
}

function newLife(incarnation: Incarnation): Life {
  return {
    incarnation,
    connection: undefined,
    lastReceiptMs: undefined,
    expiryMs: 0,
    silent: false,
    awaitedUntilMs: 0,
    ended: false,
    draining: false,
    reachable: new Set(),
    reachableAtMs: 0,
    shardIncs: new Map(),
    copies: new Map(),
    goneAtMs: 0,
  };
}
