/**
 * The catalog: the one that decides who hosts which shard and who is alive. It is not on the path of reads and writes.
 *
 *     a message or a tick  ->  events (journalled, then applied)  ->  decide: promote, place, heal  ->  push
 *
 * One way in for each kind of message. What follows from all the messages of a turn is decided once, in `settle`, so
 * that the death of a container with a thousand shards is one push and not a thousand.
 *
 * Where the rules of docs/internals/replication.md are enforced: K1 (`isReady`), K3 (leases.ts), L2 (promotions.ts), P1
 * (promotion.ts), E1 to E3 (in-sync.ts), I-CFG (chain.ts).
 */
import { assert, must } from '../assert.ts';
import { GridError } from '../errors.ts';
import { type ConnectionId, type Host, type Incarnation, type PartitionId, type Rid, sameHost } from '../ids.ts';
import type { Machine, Note, Peer } from '../machine.ts';
import type {
  ChangeInSync,
  ConfigReport,
  CopyReport,
  HandOver,
  Heartbeat,
  Message,
  PartitionLease,
  ProvedDead,
  Register,
  ReplicaFailed,
  Unplaceable,
} from '../messages.ts';
import { type Policy, strictestFailureDetection } from '../policy.ts';
import type { Random } from '../random.ts';
import { answered } from '../replication/read-index.ts';
import type { Mutation } from '../shard/ports.ts';
import { mapSetOf, type Topology, topologyOf } from '../topology.ts';
import { type CatalogStatus, catalogStatus } from './catalog-status.ts';
import { hasHost } from './chain.ts';
import { hostsOf, type Member, type PartitionConfig } from './config.ts';
import type { CatalogEffects } from './effects.ts';
import { ForeignShards } from './foreign-shards.ts';
import { newGeneration } from './generation.ts';
import { handOver } from './hand-over.ts';
import { changeInSync, changeNote, notePrimaryToGo } from './in-sync.ts';
import { holdsEpoch, leasesByPrimary } from './leases.ts';
import { Membership } from './membership.ts';
import { heal, type PlacementFacts, placeFirst } from './placement.ts';
import { placementFacts } from './placement-facts.ts';
import { policyDifference } from './policy-difference.ts';
import { Promotions, promotionNote } from './promotions.ts';
import { Pushes } from './pushes.ts';
import { Recovery } from './recovery.ts';
import { Refusals } from './refusals.ts';
import { considerShards, refuseRegister } from './registration.ts';
import {
  apply,
  type CatalogEvent,
  type CatalogState,
  compact,
  EMPTY_STATE,
  type EndCause,
  hasFailed,
} from './state.ts';
import { UnplaceableNotices } from './unplaceable-notices.ts';

/** A restarted catalog waits at least so long for containers to come back before it decides anything (K1). */
const START_WAIT_MIN_MS = 2_000;
/** A container that is gone and in no configuration is shown for so long. */
const FORGET_AFTER_MS = 60_000;
const FORGET_EVERY_MS = 5_000;

export interface CatalogOptions {
  readonly policy: Policy;
  readonly random: Random;
  readonly effects: CatalogEffects;
  /** What the journal holds, in order; empty: a new one. */
  readonly events: readonly CatalogEvent[];
  readonly nowMs: number;
  /** Rules broken on purpose: only the simulator throws these switches. */
  readonly mutations?: ReadonlySet<Mutation>;
}

export interface Catalog extends Machine {
  /** For people and scripts: plain values, fit for JSON. */
  status(nowMs: number): CatalogStatus;
  state(): CatalogState;
  /** The events of a rewritten journal. */
  compact(): CatalogEvent[];
}

/** @throws {GridError} `incompatible_policy`: the journal was founded with another one; `details.difference` says how. */
export function newCatalog(options: CatalogOptions): Catalog {
  return new CatalogMachine(options);
}

class CatalogMachine implements Catalog {
  private readonly effects: CatalogEffects;
  private readonly random: Random;
  private readonly topology: Topology;
  private readonly membership: Membership;
  private readonly pushes: Pushes;
  private readonly notices: UnplaceableNotices;
  private readonly leaseMs: number;
  private readonly heartbeatMs: number;
  private readonly peers = new Map<ConnectionId, Peer>();
  /** Before it nothing is declared, promoted or placed (K1). */
  private readonly readyAtMs: number;
  private current: CatalogState;
  private readonly mutations: ReadonlySet<Mutation>;
  /** By partition, the configuration of the epoch before. */
  private readonly deposed = new Map<PartitionId, PartitionConfig>();
  private readonly foreign = new ForeignShards();
  private readonly promotions: Promotions;
  private readonly recovery: Recovery;
  private readonly refusals: Refusals;
  private leases: ReadonlyMap<Incarnation, readonly PartitionLease[]> | undefined;
  private unplaceable: readonly Unplaceable[] = [];
  private changed = new Set<PartitionId>();
  /** Members, their liveness or the reasons changed. */
  private isDirty = true;
  private wasReady = false;
  /** Members and reasons as containers were last told. */
  private told = '';
  private forgetAtMs = 0;

  constructor({ policy, random, effects, events, nowMs, mutations = new Set() }: CatalogOptions) {
    const { heartbeatMs, suspectAfterMs } = strictestFailureDetection(policy);
    this.effects = effects;
    this.random = random;
    this.topology = topologyOf(policy);
    this.leaseMs = suspectAfterMs;
    this.heartbeatMs = heartbeatMs;
    this.membership = new Membership({ leaseMs: suspectAfterMs, heartbeatMs });
    this.notices = new UnplaceableNotices(effects);
    this.refusals = new Refusals(effects);
    this.pushes = new Pushes(effects, () => this.routingSource());
    this.current = events.reduce(apply, EMPTY_STATE);
    this.mutations = mutations;
    const startWaitMs = Math.max(this.current.largestLeaseMs, START_WAIT_MIN_MS);
    this.readyAtMs = mutations.has('noStartWait') ? nowMs : nowMs + startWaitMs;
    this.promotions = new Promotions({
      topology: this.topology,
      membership: this.membership,
      leaseMs: suspectAfterMs,
      heartbeatMs,
      readyAtMs: this.readyAtMs,
    });
    this.found(JSON.stringify(policy));
    this.recovery = new Recovery({
      topology: this.topology,
      membership: this.membership,
      effects,
      random,
      rebuildAtMs: Math.max(this.readyAtMs, nowMs + suspectAfterMs),
      state: () => this.current,
      record: (event) => this.record(event),
      changeConfigs: (configs) => this.changeConfigs(configs),
      fail: (partition, rid, reason) => this.fail(partition, rid, reason),
      noteForeign: (grid, host) => this.foreign.note(grid, host),
      isForeign: ({ incarnation }) => this.foreign.has(incarnation),
      mutated: (rule) => mutations.has(rule),
      announce: () => this.announce(),
    });
    for (const container of this.current.containers) {
      const ended = container.ended !== 'no';
      this.membership.restore(container, { expiryMs: this.readyAtMs, ended, nowMs });
    }
  }

  state(): CatalogState {
    return this.current;
  }

  compact(): CatalogEvent[] {
    return compact(this.current);
  }

  status(nowMs: number): CatalogStatus {
    const { current: state, membership, topology, unplaceable } = this;
    return catalogStatus({ state, membership, topology, unplaceable, nowMs, isReady: this.isReady(nowMs) });
  }

  onOpen(connection: ConnectionId, peer: Peer): void {
    this.peers.set(connection, peer);
  }

  onClose(connection: ConnectionId): void {
    this.peers.delete(connection);
    this.pushes.unsubscribe(connection);
    const name = this.membership.close(connection);
    if (name !== undefined) this.note('info', 'container_suspect', { container: name });
  }

  onMessage(connection: ConnectionId, message: Message, nowMs: number): void {
    switch (message.type) {
      case 'register':
        this.onRegister(connection, message, nowMs);
        break;
      case 'heartbeat':
        this.onHeartbeat(connection, message, nowMs);
        break;
      case 'changeInSync':
        this.onChangeInSync(connection, message, nowMs);
        break;
      case 'replicaFailed':
        this.onReplicaFailed(connection, message);
        break;
      case 'drain':
        this.onDrain(connection);
        break;
      case 'handOver':
        this.onHandOver(connection, message, nowMs);
        break;
      case 'configReport':
      case 'copyReport':
        this.onContainerReport(connection, message);
        break;
      case 'rebuild':
        if (this.peers.get(connection)?.role !== 'tool') break;
        this.effects.send(connection, this.recovery.onRebuild(message, nowMs));
        this.isDirty = true;
        break;
      case 'leave':
        this.onLeave(connection, nowMs);
        break;
      case 'provedDead':
        this.onProvedDead(connection, message, nowMs);
        break;
      case 'epochProbe': {
        const holds = holdsEpoch(this.current, this.hostOn(connection));
        this.effects.sendNow(connection, answered(message, holds));
        break;
      }
      case 'routingRequest':
        this.pushes.subscribe(connection, message.grid);
        break;
      default:
        // A peer that mistakes us for a container. It hears nothing, and its request ends at its deadline.
        this.note('debug', 'unexpected_message', { type: message.type });
    }
  }

  onTick(nowMs: number, lateMs: number): void {
    for (const name of this.membership.tick(nowMs, lateMs)) {
      const silentMs = Math.round(this.membership.silenceMs(name, nowMs) ?? this.leaseMs);
      this.note('warn', 'container_dead', { container: name, cause: 'silent', silentMs });
      this.isDirty = true;
    }
    if (this.membership.endWaits(nowMs)) this.isDirty = true;
    if (!this.wasReady && this.isReady(nowMs)) {
      this.wasReady = true;
      this.isDirty = true;
    }
    if (this.notices.isDue(nowMs) || this.promotions.isDue(nowMs) || this.recovery.isDue(nowMs)) this.isDirty = true;
    this.forgetGone(nowMs);
    this.settle(nowMs);
  }

  onTurnEnd(nowMs: number): void {
    this.settle(nowMs);
  }

  // ── The journal ───────────────────────────────────────────────────────────────────────────────────────────────

  private found(policyJson: string): void {
    if (this.current.generation === '') {
      const generation = newGeneration(1, this.random);
      this.record({ type: 'founded', generation, policyJson, hashSeed: this.random.below(0x1_0000_0000) });
    }
    const difference = policyDifference(JSON.parse(this.current.policyJson), JSON.parse(policyJson));
    if (difference.length > 0) {
      throw new GridError('incompatible_policy', { details: { difference: difference.join('; ') } });
    }
    if (this.leaseMs > this.current.largestLeaseMs) this.record({ type: 'leaseGranted', leaseMs: this.leaseMs });
  }

  private record(event: CatalogEvent): void {
    this.effects.journal(event);
    this.current = apply(this.current, event);
  }

  private changeConfigs(configs: readonly PartitionConfig[]): void {
    if (configs.length === 0) return;
    for (const { partition, epoch } of configs) {
      const before = this.current.partitions[partition];
      if (before !== undefined && before.epoch < epoch) this.deposed.set(partition, before);
    }
    this.record({ type: 'configsChanged', configs });
    for (const { partition } of configs) this.changed.add(partition);
    this.leases = undefined;
  }

  // ── Containers come and go ────────────────────────────────────────────────────────────────────────────────────

  private onRegister(connection: ConnectionId, register: Register, nowMs: number): void {
    const peer = must(this.peers.get(connection), 'peer');
    const known = this.current.containers.find(({ container }) => container === register.name);
    const refusal =
      refuseRegister(register, { peer, known, isAlive: (host) => this.membership.isAlive(host) }) ??
      this.recovery.refuse(register);
    if (refusal !== undefined) {
      this.refusals.refuse(connection, register, refusal);
      return;
    }
    const host = { container: register.name, incarnation: register.incarnation };
    const record = {
      ...host,
      address: register.address,
      host: register.host,
      zone: register.zone,
      ended: 'no',
    } as const;
    if (JSON.stringify(known) !== JSON.stringify(record)) {
      this.record({ type: 'containerRegistered', container: record });
      if (known !== undefined && !sameHost(known, host)) this.foreign.forget(known.incarnation);
    }
    this.recovery.onRegister(host, register);
    const older = this.membership.register(host, connection, register.shards);
    if (older !== undefined) this.effects.hangUp(older, 'replaced by a newer connection');
    this.membership.renew(register.name, nowMs);
    this.isDirty = true;
    const { name, address, host: label, zone, shards } = register;
    this.note('info', 'container_registered', { container: name, address, host: label, zone, shards: shards.length });
    this.considerShards(host, register);
    this.sendTerms(connection);
    this.recovery.ask(connection, host, register);
  }

  private sendTerms(connection: ConnectionId): void {
    const { leaseMs, heartbeatMs } = this;
    const { generation, policyJson, hashSeed } = this.current;
    this.effects.send(connection, { type: 'registered', generation, leaseMs, heartbeatMs, policyJson, hashSeed });
    this.pushes.pushAll(connection, this.placed());
  }

  private announce(): void {
    for (const connection of this.membership.connections()) this.sendTerms(connection);
  }

  private considerShards(host: Host, register: Register): void {
    const { foreign, rebuilt } = considerShards(register, this.current, this.topology.partitionCount);
    for (const partition of foreign) this.noteForeign(host, partition);
    for (const { partition, rid } of rebuilt) this.fail(partition, rid, 'rebuilt');
  }

  private noteForeign(host: Host, partition: PartitionId): void {
    const { grid } = mapSetOf(this.topology, partition);
    if (this.foreign.note(grid, host)) this.note('warn', 'foreign_shards', { container: host.container, grid });
  }

  private onHeartbeat(connection: ConnectionId, heartbeat: Heartbeat, nowMs: number): void {
    const host = this.hostOn(connection);
    if (host === undefined) return;
    if (!this.membership.isAlive(host)) {
      this.note('info', 'container_back', { container: host.container });
      this.isDirty = true;
    }
    this.membership.renew(host.container, nowMs);
    this.membership.noteReachable(host.container, heartbeat.reachable, nowMs);
    const { seq, sentAtMs, leaseGen } = heartbeat;
    const leases = this.leasesOf(host.incarnation);
    this.effects.sendNow(connection, { type: 'heartbeatAck', seq, sentAtMs, leaseGen, leases });
  }

  private leasesOf(incarnation: Incarnation): readonly PartitionLease[] {
    const isBroken = this.mutations.has('ackAfterPromotion');
    const deposed = isBroken ? this.deposed.values() : [];
    this.leases ??= leasesByPrimary(this.current, { isWithheld: (config) => this.promotions.isToGo(config), deposed });
    return this.leases.get(incarnation) ?? [];
  }

  private onDrain(connection: ConnectionId): void {
    const host = this.hostOn(connection);
    if (host === undefined || this.membership.isDraining(host)) return;
    this.membership.drain(host.container);
    this.note('info', 'container_draining', { container: host.container });
    this.isDirty = true;
  }

  private onHandOver(connection: ConnectionId, request: HandOver, nowMs: number): void {
    const from = this.hostOn(connection);
    const config = this.current.partitions[request.partition];
    if (from === undefined || config === undefined) return;
    const { membership } = this;
    const result = handOver(config, request, {
      ...this.promotions.plannedFacts(config, this.current, nowMs),
      from,
      canTakeOver: (rid) =>
        membership.isAlive(rid) &&
        !membership.isSuspect(rid.container) &&
        !membership.isDraining(rid) &&
        !hasFailed(this.current, request.partition, rid),
    });
    if (!result.done) {
      const { changeId } = request;
      this.effects.send(connection, { type: 'changeRejected', changeId, reason: result.reason, config });
      return;
    }
    this.changeConfigs([result.config]);
    this.promotions.notePromoted(request.partition, nowMs);
    const { partition, epoch, primary } = result.config;
    this.note('info', 'handed_over', { partition, epoch, from: from.container, to: primary.container });
  }

  private onContainerReport(connection: ConnectionId, report: ConfigReport | CopyReport): void {
    const host = this.hostOn(connection);
    if (host === undefined) return;
    if (report.type === 'configReport') this.recovery.onReport(host, report);
    else this.membership.noteCopies(host.container, report.shards);
    this.isDirty = true;
  }

  private onLeave(connection: ConnectionId, nowMs: number): void {
    const host = this.hostOn(connection);
    if (host === undefined) return;
    this.endLife(host, 'left', nowMs);
    this.effects.send(connection, { type: 'left' });
  }

  private onProvedDead(connection: ConnectionId, message: ProvedDead, nowMs: number): void {
    const role = this.peers.get(connection)?.role;
    if (role !== 'tool' && role !== 'container') return;
    const known = this.current.containers.find(({ container }) => container === message.container);
    if (known === undefined || known.incarnation !== message.incarnation || known.ended !== 'no') return;
    this.endLife(known, 'provedDead', nowMs);
  }

  private endLife({ container, incarnation }: Host, cause: EndCause, nowMs: number): void {
    this.record({ type: 'containerEnded', container, incarnation, cause });
    this.membership.end(container, nowMs);
    this.foreign.forget(incarnation);
    this.recovery.noteEnded({ container, incarnation });
    this.isDirty = true;
    if (cause === 'left') this.note('info', 'container_left', { container });
    else this.note('warn', 'container_dead', { container, cause });
  }

  private forgetGone(nowMs: number): void {
    if (!this.isReady(nowMs) || nowMs < this.forgetAtMs) return;
    this.forgetAtMs = nowMs + FORGET_EVERY_MS;
    for (const name of this.membership.goneFor(FORGET_AFTER_MS, nowMs)) {
      const found = this.current.containers.find(({ container }) => container === name);
      const host = must(found, name);
      const isNamed = this.placed().some((config) => hasHost(hostsOf(config), host));
      const isForeign = this.foreign.has(host.incarnation);
      if (isNamed || isForeign || !this.membership.isSuspect(name)) continue;
      this.record({ type: 'containerForgotten', container: name });
      this.membership.forget(name);
      this.isDirty = true;
    }
  }

  // ── Replicas come and go ──────────────────────────────────────────────────────────────────────────────────────

  private onChangeInSync(connection: ConnectionId, change: ChangeInSync, nowMs: number): void {
    const from = this.hostOn(connection);
    const config = this.current.partitions[change.partition];
    if (from === undefined || config === undefined) return;
    const { minSyncReplicas, maxSyncReplicas } = mapSetOf(this.topology, change.partition).policy;
    const result = changeInSync(config, change, {
      minSyncReplicas,
      maxSyncReplicas,
      from,
      isAlive: (host) => this.membership.isAlive(host),
      isAwaited: (host) => this.membership.isAwaited(host),
      hasFailed: (rid) =>
        hasFailed(this.current, change.partition, rid) ||
        rid.shardInc < this.membership.reportedShardInc(rid, change.partition),
    });
    const isFirst = !this.promotions.isToGo(config);
    const isDiverted = result.done && this.promotions.diverts(this.current, change, nowMs);
    if (!result.done || isDiverted) {
      const reason = result.done ? 'its in-sync set does not reach the primary: another is to be' : result.reason;
      this.effects.send(connection, { type: 'changeRejected', changeId: change.changeId, reason, config });
      if (!isDiverted) return;
      // K3.
      this.leases = undefined;
      if (isFirst) this.effects.note(notePrimaryToGo(config));
      return;
    }
    this.changeConfigs([result.config]);
    this.effects.note(changeNote(change, result.config));
  }

  private onReplicaFailed(connection: ConnectionId, { partition, rid, reason }: ReplicaFailed): void {
    const from = this.hostOn(connection);
    if (from === undefined || !sameHost(from, rid) || partition >= this.topology.partitionCount) return;
    this.fail(partition, { ...from, shardInc: rid.shardInc }, reason);
  }

  /** Never to be promoted again. A member of the in-sync set is left to its primary to evict. */
  private fail(partition: PartitionId, rid: Rid, reason: string): void {
    if (hasFailed(this.current, partition, rid)) return;
    this.record({ type: 'replicaFailed', partition, rid });
    this.leases = undefined;
    this.isDirty = true;
    this.note('error', 'replica_failed', { partition, container: rid.container, reason });
    const config = this.current.partitions[partition];
    if (config === undefined) return;
    if (hasFailed(this.current, partition, config.primary) && sameHost(config.primary, rid)) {
      this.promotions.noteFailedPrimary(partition, rid);
    }
    const elr = config.elr.filter((one) => !hasFailed(this.current, partition, one.rid));
    if (elr.length < config.elr.length) this.changeConfigs([{ ...config, elr, version: config.version + 1 }]);
  }

  // ── Decisions ─────────────────────────────────────────────────────────────────────────────────────────────────

  private isReady(nowMs: number): boolean {
    return nowMs >= this.readyAtMs;
  }

  private settle(nowMs: number): void {
    if (!this.isDirty && this.changed.size === 0) return;
    this.isDirty = false;
    if (this.isReady(nowMs)) {
      this.recovery.settle(nowMs);
      this.promote(nowMs);
      this.recovery.settle(nowMs);
      this.changeConfigs(heal(this.placementFacts()));
    }
    this.placeFirst(nowMs);
    this.push();
  }

  private promote(nowMs: number): void {
    const promotions = this.promotions.decide(this.current, nowMs);
    // A primary that was to go may stay.
    this.leases = undefined;
    this.changeConfigs(promotions.map(({ to }) => to));
    for (const promotion of promotions) this.effects.note(promotionNote(promotion));
  }

  /** Before the wait of K1 is over only the reasons are looked at. */
  private placeFirst(nowMs: number): void {
    const { configs, unplaceable } = placeFirst(this.placementFacts(), () => this.random.hex(16));
    if (this.isReady(nowMs)) {
      this.changeConfigs(configs);
      if (configs.length > 0) {
        this.note('info', 'placed', { partitions: configs.length });
        this.recovery.notePlacedAnew(configs);
      }
    }
    this.unplaceable = this.notices.update([...unplaceable, ...this.recovery.reasons()], nowMs);
  }

  private placementFacts(): PlacementFacts {
    const { topology, current: state, membership, foreign, recovery } = this;
    return placementFacts({ topology, state, membership, foreign, recovery });
  }

  // ── What others are told ──────────────────────────────────────────────────────────────────────────────────────

  private push(): void {
    const configs = [...this.changed].map((partition) => must(this.current.partitions[partition], 'changed'));
    const told = JSON.stringify([this.members(), this.unplaceable]);
    if (configs.length === 0 && told === this.told) return;
    this.changed = new Set();
    this.told = told;
    this.pushes.pushChanged(this.membership.connections(), configs);
    this.pushes.pushRouting();
  }

  private routingSource() {
    const { topology, current, unplaceable } = this;
    return {
      topology,
      generation: current.generation,
      configOf: (partition: PartitionId) => current.partitions[partition] ?? this.recovery.earlierConfig(partition),
      members: this.members(),
      unplaceable,
    };
  }

  private members(): Member[] {
    return this.membership.membersOf(this.current.containers);
  }

  private placed(): PartitionConfig[] {
    return this.current.partitions.filter((config) => config !== undefined);
  }

  /** Who speaks, if it is registered on this very connection and its life has not ended. */
  private hostOn(connection: ConnectionId): Host | undefined {
    const name = this.membership.nameOn(connection);
    if (name === undefined) return undefined;
    const found = this.current.containers.find(({ container }) => container === name);
    assert(found !== undefined, 'a registered container is in the state');
    return found.ended === 'no' ? { container: found.container, incarnation: found.incarnation } : undefined;
  }

  private note(level: Note['level'], event: string, facts: Note['facts']): void {
    this.effects.note({ level, event, facts });
  }
}
