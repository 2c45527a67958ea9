/**
 * A container's tie to the catalog: dial, register, heartbeats. Losing it changes nothing by itself: the container
 * drops nothing, goes on under whatever lease it has, and registers again under the same incarnation.
 */
import type { ConnectionId, Host } from '../ids.ts';
import type { Effects, Peer } from '../machine.ts';
import type { ControlMessage, EpochProbe, Heartbeat, Registered, ShardReport } from '../messages.ts';
import type { Random } from '../random.ts';

/** Before the first registration tells the real one. */
const FIRST_HEARTBEAT_MS = 500;
const REDIAL_MS_MAX = 200;

export interface CatalogSessionOptions {
  readonly self: Host;
  readonly address: string;
  readonly host: string;
  readonly zone: string;
  readonly catalogs: readonly string[];
  readonly effects: Effects;
  readonly random: Random;
  readonly shards: () => ShardReport[];
  /** Of the catalog that was obeyed last. */
  readonly generation: () => string;
}

export class CatalogSession {
  readonly #options: CatalogSessionOptions;
  #connection: ConnectionId | undefined;
  #isRegistered = false;
  #dialNotBeforeMs = 0;
  #nextCatalog = 0;
  #heartbeatSeq = 0;
  #nextHeartbeatMs = 0;
  #registered: Registered | undefined;
  #lastFailure = '';

  constructor(options: CatalogSessionOptions) {
    this.#options = options;
  }

  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  /** What the catalog told at the last registration; stays when the connection is lost. */
  get terms(): Registered | undefined {
    return this.#registered;
  }

  get leaseMs(): number {
    return this.#registered?.leaseMs ?? 0;
  }

  get heartbeatMs(): number {
    return this.#registered?.heartbeatMs ?? FIRST_HEARTBEAT_MS;
  }

  /** Why there is no connection, for people. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  isCatalog(connection: ConnectionId): boolean {
    return connection === this.#connection;
  }

  /** @returns whether a heartbeat is due. */
  onTick(nowMs: number): boolean {
    if (this.#connection === undefined) {
      if (nowMs >= this.#dialNotBeforeMs) this.#dial();
      return false;
    }
    return this.#isRegistered && nowMs >= this.#nextHeartbeatMs;
  }

  /** At its time, or earlier when a fresh configuration wants a lease. */
  heartbeat(nowMs: number, { reachable, leaseGen }: Pick<Heartbeat, 'reachable' | 'leaseGen'>): void {
    this.#nextHeartbeatMs = nowMs + this.heartbeatMs;
    this.send({ type: 'heartbeat', seq: ++this.#heartbeatSeq, sentAtMs: nowMs, leaseGen, reachable });
  }

  /** @returns whether the connection is the one to the catalog. */
  onOpen(connection: ConnectionId, peer: Peer): boolean {
    if (connection !== this.#connection) return false;
    if (peer.role !== 'catalog') {
      this.#lastFailure = `a ${peer.role} answers, not a catalog`;
      this.#options.effects.hangUp(connection, 'not a catalog');
      return true;
    }
    this.register();
    return true;
  }

  register(): void {
    if (this.#connection === undefined) return;
    const { self, address, host, zone, shards, generation, effects } = this.#options;
    effects.send(this.#connection, {
      type: 'register',
      name: self.container,
      incarnation: self.incarnation,
      address,
      host,
      zone,
      generation: generation(),
      shards: shards(),
    });
  }

  onRegistered(message: Registered, nowMs: number): void {
    this.#registered = message;
    this.#isRegistered = true;
    this.#nextHeartbeatMs = nowMs;
    this.#lastFailure = '';
  }

  onRefused(reason: string, nowMs: number): void {
    this.#lastFailure = reason;
    this.#hangUp(reason, nowMs);
  }

  onClose(connection: ConnectionId, reason: string, nowMs: number): boolean {
    if (connection !== this.#connection) return false;
    this.#connection = undefined;
    this.#isRegistered = false;
    this.#lastFailure = reason;
    const delayMs = Math.min(REDIAL_MS_MAX, Math.max(this.heartbeatMs, 20));
    this.#dialNotBeforeMs = nowMs + delayMs * (0.5 + this.#options.random.unit() / 2);
    return true;
  }

  send(message: ControlMessage | EpochProbe): boolean {
    if (this.#connection === undefined || !this.#isRegistered) return false;
    this.#options.effects.send(this.#connection, message);
    return true;
  }

  #dial(): void {
    const { catalogs, effects } = this.#options;
    const url = catalogs[this.#nextCatalog++ % catalogs.length];
    if (url !== undefined) this.#connection = effects.dial(url);
  }

  #hangUp(reason: string, nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#options.effects.hangUp(connection, reason);
    this.onClose(connection, reason, nowMs);
  }
}
