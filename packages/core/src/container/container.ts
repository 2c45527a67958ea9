/**
 * A container: hosts shards, never two of one partition. It routes every message to its shard, obeys the catalog's
 * configurations in their order, and keeps what all shards of the process share: the tie to the catalog, channels to
 * other containers, leases, who asked for routing.
 *
 *     client ──request──▶ requests.ts ──▶ primary.ts ──▶ followers.ts ──append──▶ another container's replica.ts
 *        ◀──answer──────────── D1 holds ◀── onVote ◀───────────────────vote──────────────┘
 *
 * What many messages of one turn give cause for (appends, votes, hints, routing) is sent once, when the turn ends.
 */
import { hostsOf, type Member, type PartitionConfig } from '../catalog/config.ts';
import type { ConnectionId, Host, PartitionId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { Machine, Peer } from '../machine.ts';
import type { Message, ReplicationMessage, RequestMessage } from '../messages.ts';
import { payCredit } from '../replication/checkpoint-credit.ts';
import { boundQueues } from '../replication/dirty.ts';
import { renewInTime, tickExpiry } from '../replication/expire.ts';
import { hint, openFollower, openPatiently, pump, trimLog } from '../replication/followers.ts';
import { driveHandOver } from '../replication/hand-over.ts';
import { considerChanges } from '../replication/in-sync.ts';
import { stepDown, tryDecide } from '../replication/primary.ts';
import { EpochProbes } from '../replication/read-index.ts';
import { vote } from '../replication/replica.ts';
import { expireSessions } from '../replication/session-expiry.ts';
import { endIdleTransactions } from '../shard/locking.ts';
import type { ShardPorts } from '../shard/ports.ts';
import { ReplicaReads } from '../shard/replica-reads.ts';
import { expireWaiting, retryWaiting } from '../shard/requests.ts';
import type { Shard } from '../shard/shard.ts';
import { topologyOf } from '../topology.ts';
import { CatalogSession } from './catalog-session.ts';
import { Channels } from './channels.ts';
import {
  answer,
  answerError,
  onNearPoll,
  onRequest,
  onRoutingRequest,
  onTransactionNotice,
  pushRouting,
} from './client-inbox.ts';
import {
  matchChannels,
  onConfigPush,
  onFollowerLost,
  onRegistered,
  onRejected,
  shardReports,
} from './configurations.ts';
import { ContainerMemory } from './container-memory.ts';
import { type ContainerMetrics, MetricsRecorder } from './container-metrics.ts';
import { type ContainerOptions, type ContainerState, holderTimes } from './container-state.ts';
import { type ContainerStatus, isReady, shardStatus } from './container-status.ts';
import { Leases } from './leases.ts';
import { NearSubscriptions } from './near-subscriptions.ts';
import { onEpochAckFrom, onReplicationMessage } from './replication-inbox.ts';
import { reportConfigs, reportCopies } from './reports.ts';
import { SuspendGuard } from './suspend-guard.ts';
import { type TransactionsStatus, transactionsStatus } from './transaction-status.ts';

/** A container that drains waits so long for its shards to move away. */
const DRAIN_MS = 10_000;
const RECONNECT_MS = 2_000;
const SESSIONS_EVERY_MS = 1_000;

const NO_TOPOLOGY = topologyOf({ grids: [] });

export interface Container extends Machine {
  status(): ContainerStatus;
  metrics(): ContainerMetrics;
  transactions(): TransactionsStatus;
  /** Its assigned shards are ready; true while none is assigned. */
  ready(): boolean;
  /**
   * Hands its primaries over and lets its copies move away, while everything is served; then, or after 10 s, gives its
   * leases back and leaves. The note `left` says that it is done.
   */
  drain(nowMs: number): void;
  /** For checkers: the shard as it is. */
  inspectShard(partition: PartitionId): Shard | undefined;
}

export function newContainer(options: ContainerOptions): Container {
  return new ContainerMachine(options);
}

class ContainerMachine implements Container {
  readonly #state: ContainerState;
  #changeId = 0;
  #nextPingMs = 0;
  #lastTrimMs = 0;
  #lastSessionsMs = 0;

  constructor(options: ContainerOptions) {
    const { effects, random, address, host, zone, catalogs } = options;
    const self: Host = { container: options.name, incarnation: options.incarnation };
    const session = new CatalogSession({
      self,
      address,
      host,
      zone,
      catalogs,
      effects,
      random,
      shards: () => shardReports(this.#state),
      generation: () => this.#state.generation,
    });
    const ports = this.#newPorts(self, options);
    const shards = new Map<PartitionId, Shard>();
    const shardOf = (partition: PartitionId): Shard | undefined => shards.get(partition);
    this.#state = {
      self,
      options,
      effects,
      session,
      channels: new Channels(effects),
      leases: new Leases((rule) => options.mutations?.has(rule) === true),
      guard: new SuspendGuard(options.mutations?.has('noSuspendGuard') === true ? undefined : options.clocks),
      metrics: new MetricsRecorder(),
      memory: new ContainerMemory(options.memoryBytes),
      ports,
      connections: new Map(),
      shards,
      shardIncs: new Map(),
      configs: new Map(),
      members: new Map(),
      unplaceable: [],
      topology: undefined,
      generation: '',
      replicaReads: new ReplicaReads(ports, shardOf),
      probes: new EpochProbes(ports),
      near: new NearSubscriptions({ ports, shardOf, send: (connection, message) => effects.send(connection, message) }),
      hasItsConfigs: false,
      disobeys: '',
      copiesTold: '[]',
      subscriptions: new Map(),
      routingChanged: false,
      touchedPrimaries: new Set(),
      touchedReplicas: new Set(),
      nowMs: 0,
      draining: 'no',
      drainUntilMs: 0,
    };
  }

  onOpen(connection: ConnectionId, peer: Peer, nowMs: number): void {
    const state = this.#begin(nowMs);
    state.connections.set(connection, peer);
    if (state.session.onOpen(connection, peer)) return;
    const incarnation = state.channels.onOpen(connection, peer);
    if (incarnation === undefined) return;
    for (const shard of state.shards.values()) {
      const follower = shard.primary?.followers.get(incarnation);
      if (follower !== undefined) openFollower(shard, state.ports, follower);
    }
    // The sooner it answers, the sooner reads may rest on its promise.
    this.#nextPingMs = nowMs;
  }

  onMessage(connection: ConnectionId, message: Message, nowMs: number): void {
    const state = this.#begin(nowMs);
    const peer = state.connections.get(connection);
    if (peer === undefined) return;
    if (peer.role === 'catalog') return this.#onFromCatalog(connection, message);
    if (peer.role === 'container') {
      return onReplicationMessage(state, connection, peer, message as ReplicationMessage);
    }
    this.#onFromClient(connection, peer, message);
  }

  onClose(connection: ConnectionId, reason: string, nowMs: number): void {
    const state = this.#begin(nowMs);
    state.connections.delete(connection);
    state.subscriptions.delete(connection);
    state.near.onClose(connection);
    if (state.session.onClose(connection, reason, nowMs)) return;
    const incarnation = state.channels.onClose(connection, nowMs);
    if (incarnation !== undefined) onFollowerLost(state, incarnation);
  }

  onTick(nowMs: number, lateMs: number): void {
    const state = this.#begin(nowMs, true);
    const { session, leases, channels } = state;
    if (lateMs > session.heartbeatMs) this.#excuseSilence(lateMs);
    if (session.onTick(nowMs)) this.#heartbeat();
    matchChannels(state);
    if (nowMs >= this.#nextPingMs) {
      this.#nextPingMs = nowMs + session.heartbeatMs;
      leases.ping(state.shards.values(), channels, { nowMs, leaseGen: state.guard.leaseGen });
    }
    for (const shard of state.shards.values()) this.#tickShard(shard);
    state.probes.onTick(state.shards.values());
    if (nowMs - this.#lastTrimMs > 100) {
      this.#lastTrimMs = nowMs;
      state.memory.measure(state.shards.values());
      for (const shard of state.shards.values()) payCredit(shard, state.ports);
      for (const shard of state.shards.values()) {
        if (shard.primary !== undefined) boundQueues(shard, shard.primary, state.ports);
        trimLog(shard, state.ports.retentionBytes());
      }
    }
    if (nowMs - this.#lastSessionsMs > SESSIONS_EVERY_MS) {
      this.#lastSessionsMs = nowMs;
      for (const shard of state.shards.values()) {
        if (shard.primary === undefined) continue;
        expireSessions(shard, shard.primary, state.ports);
        endIdleTransactions(shard, shard.primary, state.ports);
        if (shard.primary.retryWaiting) state.touchedPrimaries.add(shard);
      }
    }
    if (state.draining !== 'no') this.#goOnDraining();
  }

  onTurnEnd(nowMs: number): void {
    const state = this.#state;
    state.nowMs = nowMs;
    state.guard.endTurn();
    state.ports.checkpointTurn.bytesLeft = LIMITS.checkpointTurnBytes;
    // Deciding frees waiting requests, which append again: pump sends the outcome of all of it in one go.
    for (const shard of state.touchedPrimaries) {
      if (shard.primary === undefined) continue;
      while (shard.primary?.retryWaiting === true) {
        retryWaiting(shard, shard.primary, state.ports);
        tryDecide(shard, state.ports);
      }
      if (shard.primary !== undefined) renewInTime(shard, shard.primary, state.ports);
      if (shard.primary !== undefined) pump(shard, shard.primary, state.ports);
    }
    state.touchedPrimaries.clear();
    for (const shard of state.touchedReplicas) vote(shard, state.ports);
    state.touchedReplicas.clear();
    state.replicaReads.settle();
    state.probes.send();
    state.near.flush();
    if (state.routingChanged) pushRouting(state);
  }

  status(): ContainerStatus {
    const { self, session, generation, draining, connections, shards, topology } = this.#state;
    return {
      name: self.container,
      incarnation: self.incarnation,
      registered: session.isRegistered,
      generation,
      lastFailure: session.lastFailure,
      leaseMs: session.leaseMs,
      draining: draining !== 'no',
      left: draining === 'left',
      memory: this.#state.memory.status(),
      clients: [...connections.values()]
        .filter(({ role }) => role === 'client')
        .map(({ name, incarnation }) => ({ name, clientId: incarnation })),
      shards: topology === undefined ? [] : [...shards.values()].map((shard) => shardStatus(shard, topology)),
    };
  }

  transactions(): TransactionsStatus {
    const { shards, topology, nowMs } = this.#state;
    return transactionsStatus(topology === undefined ? [] : shards.values(), topology ?? NO_TOPOLOGY, nowMs);
  }

  metrics(): ContainerMetrics {
    return this.#state.metrics.read();
  }

  ready(): boolean {
    return this.#state.session.terms !== undefined && [...this.#state.shards.values()].every(isReady);
  }

  drain(nowMs: number): void {
    if (this.#state.draining !== 'no') return;
    this.#state.draining = 'draining';
    this.#state.drainUntilMs = nowMs + DRAIN_MS;
    this.#state.session.send({ type: 'drain' });
  }

  inspectShard(partition: PartitionId): Shard | undefined {
    return this.#state.shards.get(partition);
  }

  #onFromCatalog(connection: ConnectionId, message: Message): void {
    const state = this.#state;
    if (!state.session.isCatalog(connection)) return;
    switch (message.type) {
      case 'registered':
        return onRegistered(state, message);
      case 'registerRefused':
        state.ports.note('registration_refused', { code: message.code, reason: message.reason }, 'warn');
        return state.session.onRefused(message.reason, state.nowMs);
      case 'configPush': {
        const primariesBefore = this.#primaryCount();
        onConfigPush(state, message);
        // A new primary needs a lease to read: it need not wait for the next heartbeat.
        if (this.#primaryCount() > primariesBefore) this.#heartbeat();
        return;
      }
      case 'heartbeatAck':
        state.leases.onHeartbeatAck(message, state.shards, holderTimes(state));
        for (const { partition } of message.leases) this.#retry(partition);
        return;
      case 'configRequest':
        return reportConfigs(state);
      case 'epochAck':
        return onEpochAckFrom(state, undefined, message);
      case 'changeRejected':
        return onRejected(state, message);
      case 'left':
        state.draining = 'left';
        return state.ports.note('left', {});
      default:
        return;
    }
  }

  #onFromClient(connection: ConnectionId, peer: Peer, message: Message): void {
    const state = this.#state;
    switch (message.type) {
      case 'read':
      case 'size':
      case 'scan':
      case 'write':
      case 'resolveOrAbort':
      case 'lock':
      case 'commit':
        return onRequest(state, connection, peer, message);
      case 'endTransaction':
      case 'keepTransactions':
        return onTransactionNotice(state, peer, message);
      case 'verify':
        if (peer.role === 'tool') onRequest(state, connection, peer, message as RequestMessage);
        return;
      case 'nearPoll':
        return onNearPoll(state, connection, message);
      case 'routingRequest':
        return onRoutingRequest(state, connection, message);
      default:
        state.effects.hangUp(connection, `a ${peer.role} may not send ${message.type}`);
    }
  }

  #primaryCount(): number {
    let count = 0;
    for (const { primary } of this.#state.shards.values()) if (primary !== undefined) count++;
    return count;
  }

  /** Every turn, before anything is done in it: no lease outlives a sleep of the machine. */
  #begin(nowMs: number, isTick = false): ContainerState {
    const state = this.#state;
    state.nowMs = nowMs;
    if (!state.guard.look(nowMs, isTick)) return state;
    state.leases.drop(state.shards.values());
    state.replicaReads.forgetFreshness();
    state.ports.note('leases_dropped', { leaseGen: state.guard.leaseGen }, 'warn');
    // What it holds no more it asks for at once.
    this.#nextPingMs = nowMs;
    this.#heartbeat();
    return state;
  }

  #heartbeat(): void {
    const { session, leases, guard, nowMs } = this.#state;
    if (!session.isRegistered) return;
    const reachable = leases.reachable({ nowMs, leaseMs: session.leaseMs });
    session.heartbeat(nowMs, { reachable, leaseGen: guard.leaseGen });
    reportCopies(this.#state);
  }

  #retry(partition: PartitionId): void {
    const shard = this.#state.shards.get(partition);
    if (shard?.primary === undefined || shard.primary.waiting.length === 0) return;
    shard.primary.retryWaiting = true;
    this.#state.touchedPrimaries.add(shard);
  }

  #tickShard(shard: Shard): void {
    const { ports, touchedPrimaries } = this.#state;
    const { primary } = shard;
    if (primary === undefined) return;
    openPatiently(shard, primary, ports);
    considerChanges(shard, primary, ports);
    tickExpiry(shard, primary, ports);
    tryDecide(shard, ports);
    expireWaiting(shard, primary, ports);
    if (primary.waiting.length > 0) primary.retryWaiting = true;
    hint(shard, primary, ports);
    touchedPrimaries.add(shard);
  }

  /** We were not listening: what others did meanwhile lies unread, so their silence proves nothing. */
  #excuseSilence(lateMs: number): void {
    for (const { primary } of this.#state.shards.values()) {
      for (const follower of primary?.followers.values() ?? []) follower.progressMs += lateMs;
    }
  }

  #goOnDraining(): void {
    const state = this.#state;
    if (state.draining !== 'draining') return;
    for (const shard of state.shards.values()) {
      if (shard.primary !== undefined) driveHandOver(shard, shard.primary, state.ports);
    }
    const isEmpty = ![...state.shards.values()].some(({ config }) => isNamed(config, state.self));
    if (!isEmpty && this.#hasSuccessor() && state.nowMs < state.drainUntilMs) return;
    // From here on nothing is read or decided; only then may the leases be given back.
    for (const shard of state.shards.values()) stepDown(shard, state.ports);
    state.draining = 'leaving';
    if (!state.session.send({ type: 'leave' })) {
      state.draining = 'left';
      state.ports.note('left', { without: 'catalog' });
    }
  }

  /** Somebody to hand over to: when a whole grid ends, nobody waits for anybody. */
  #hasSuccessor(): boolean {
    const { members, self, session } = this.#state;
    const stays = ({ incarnation, alive, draining }: Member): boolean =>
      incarnation !== self.incarnation && alive && !draining;
    // A catalog that is away for a moment is waited for, not for long: it may have ended too.
    if (!session.isRegistered) return this.#state.nowMs < this.#state.drainUntilMs - DRAIN_MS + RECONNECT_MS;
    return [...members.values()].some(stays);
  }

  #newPorts(self: Host, options: ContainerOptions): ShardPorts {
    const { effects, refuses, mutations, onAct } = options;
    const state = () => this.#state;
    return {
      self,
      nowMs: () => state().nowMs,
      wallMs: () => options.clocks?.wallMs() ?? state().nowMs,
      leaseGen: () => state().guard.leaseGen,
      askEpoch: (shard) => state().probes.ask(shard),
      leaseNowMs: () => state().nowMs + state().guard.standstillMs,
      toFollower: (incarnation, message) => state().channels.send(incarnation, message),
      toCatalog: (message) => state().session.send(message),
      toPrimary: (connection, message) => effects.send(connection, message),
      answer: (request, message) => answer(state(), request, message),
      answerError: (request, code, details) => answerError(state(), request, code, details),
      isOpen: (connection) => state().connections.has(connection),
      catalogLeaseUntilMs: (partition) => {
        const shard = state().shards.get(partition);
        return shard === undefined ? 0 : state().leases.catalogLeaseUntilMs(shard);
      },
      isDead: (incarnation) => state().members.get(incarnation)?.alive !== true,
      leaseMs: () => state().session.leaseMs,
      nextChangeId: () => ++this.#changeId,
      retentionBytes: () => (options.logRetentionBytes ?? LIMITS.logRetentionBytes) / Math.max(1, state().shards.size),
      replicationWindowBytes: () => options.replicationWindowBytes ?? LIMITS.replicationWindowBytes,
      checkpointWindowBytes: () => LIMITS.checkpointWindowBytes / Math.max(1, state().shards.size),
      checkpointTurn: { bytesLeft: 0 },
      followerQueueBytes: () => options.followerQueueBytes ?? LIMITS.followerQueueBytes,
      mapName: (map) => state().topology?.maps[map]?.policy.name ?? `${map}`,
      note: (event, facts, level = 'info') => effects.note({ level, event, facts }),
      count: (counter, by) => state().metrics.count(counter, by),
      refuses: (record) => refuses?.(record) ?? state().memory.refuses(record),
      hasMemory: (use) => state().memory.hasRoom(use),
      takeMemory: (bytes) => state().memory.take(bytes),
      acts: (how, shard) => onAct?.(how, shard),
      mutated: (rule) => mutations?.has(rule) === true,
    };
  }
}

function isNamed(config: PartitionConfig, self: Host): boolean {
  return hostsOf(config).some(({ incarnation }) => incarnation === self.incarnation);
}
