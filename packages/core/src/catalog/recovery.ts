/**
 * The catalog's part in disasters: its own (the journal is lost, rebuild.ts) and that of partitions (no copy is left
 * that is certain to hold everything, loss.ts). Gathers the facts, keeps the order of things, and tells everybody.
 *
 *     a container has obeyed another generation, and nothing is placed here   the generation rises above it
 *     it is asked, and answers                                               rebuild.ts keeps what it told
 *     the wait of K1 is over, all members have answered                      the configuration is ours, far above
 *     they have not, or the policy is another one                            it waits, and says for whom
 */
import { ERROR_CODES } from '../errors.ts';
import type { ConnectionId, Epoch, Host, Incarnation, PartitionId, Rid } from '../ids.ts';
import type { Note } from '../machine.ts';
import type {
  ConfigReport,
  RebuildAnswer,
  Rebuild as RebuildCommand,
  Register,
  Unplaceable,
  WaitingPartition,
} from '../messages.ts';
import type { Random } from '../random.ts';
import type { Mutation } from '../shard/ports.ts';
import { mapSetOf, partitionsOf, type Topology, type TopologyMapSet } from '../topology.ts';
import { type PartitionConfig, REBUILD_EPOCH_STEP } from './config.ts';
import type { CatalogEffects } from './effects.ts';
import { generationCounter, newGeneration } from './generation.ts';
import { goOnWithLeastLoss, goOnWithLoss, type Loss, type LossFacts, type LossyStep } from './loss.ts';
import type { Membership } from './membership.ts';
import { membersOf, Rebuild } from './rebuild.ts';
import type { Refusal } from './registration.ts';
import { type CatalogEvent, type CatalogState, hasFailed } from './state.ts';
import { goOnWithSurvivors } from './survivors.ts';

export interface RecoveryPorts {
  readonly topology: Topology;
  readonly membership: Membership;
  readonly effects: CatalogEffects;
  readonly random: Random;
  /** No configuration is rebuilt before: a lease that the earlier catalog granted may run until then (K1). */
  readonly rebuildAtMs: number;
  readonly state: () => CatalogState;
  readonly record: (event: CatalogEvent) => void;
  readonly changeConfigs: (configs: readonly PartitionConfig[]) => void;
  /** A member's shard is gone. */
  readonly fail: (partition: PartitionId, rid: Rid, reason: string) => void;
  /** Nothing is placed on this container. */
  readonly noteForeign: (grid: string, host: Host) => void;
  readonly isForeign: (host: Host) => boolean;
  /** A rule broken on purpose. */
  readonly mutated: (rule: Mutation) => boolean;
  /** Tells every registered container the terms and all configurations again. */
  readonly announce: () => void;
}

export class Recovery {
  private readonly ports: RecoveryPorts;
  private readonly rebuild = new Rebuild();
  /** Nobody was told of them, and an operator has said that nobody else will tell. */
  private readonly released = new Set<PartitionId>();
  private isRebuildTime = false;

  constructor(ports: RecoveryPorts) {
    this.ports = ports;
    if (!this.hasEarlier) return;
    // Restarted while it rebuilt: they may have told what is forgotten now, and tell it again.
    for (const { container, ended } of ports.state().containers) if (ended === 'no') this.rebuild.noteKnown(container);
  }

  /** A catalog that has given configurations, and meets one who obeyed a newer one or an unrelated one. */
  refuse({ generation, shards }: Register): Refusal | undefined {
    const own = this.ports.state().generation;
    if (generation === '' || generation === own || this.isEmpty) return undefined;
    const difference = generationCounter(generation) - generationCounter(own);
    if (difference > 0) {
      return { code: 'invalid_argument', reason: `this catalog, ${own}, was replaced by ${generation}` };
    }
    if (difference < 0 || shards.length === 0) return undefined;
    return { code: 'invalid_argument', reason: `it holds shards of another catalog, ${generation}; this is ${own}` };
  }

  /** Before it is told the generation. */
  onRegister(host: Host, register: Register): void {
    this.rebuild.noteRegistered(host);
    const { random, record, announce, state } = this.ports;
    const { generation: own, hashSeed } = state();
    const theirs = register.generation;
    if (theirs === '' || theirs === own || !this.isEmpty) return;
    if (generationCounter(theirs) < generationCounter(own)) return;
    const generation = newGeneration(generationCounter(theirs) + 1, random);
    record({ type: 'generationRaised', generation, hashSeed });
    this.note('warn', 'journal_was_lost', { container: host.container, earlier: theirs, now: generation });
    announce();
  }

  /** After it was told the generation. */
  ask(connection: ConnectionId, host: Host, { generation }: Register): void {
    if (generation === '' || this.unplaced().length === 0) return;
    if (generation === this.ports.state().generation && !this.hasEarlier) return;
    this.rebuild.noteAsked(host);
    this.ports.effects.send(connection, { type: 'configRequest' });
  }

  onReport(host: Host, report: ConfigReport): void {
    const { state, topology, record, noteForeign, announce } = this.ports;
    const { policyJson, hashSeed, generation } = state();
    const configs = report.configs.filter(({ partition }) => partition < topology.partitionCount);
    const terms = { policyJson, hashSeed, isEmpty: this.isEmpty };
    const result = this.rebuild.onReport(host, { ...report, configs }, terms);
    if (result.kind === 'refused') {
      for (const { grid } of topology.mapSets) noteForeign(grid, host);
      this.note('error', 'rebuild_refused', { container: host.container, reason: result.reason });
    } else if (result.kind === 'otherSeed') {
      // The order of entries, and so every cursor, follows from it.
      record({ type: 'generationRaised', generation, hashSeed: report.hashSeed });
      announce();
    }
  }

  /** Its life is over: nobody waits for what it may know, but a member of an in-sync set is one still. */
  noteEnded({ container }: Host): void {
    this.rebuild.noteEnded(container);
  }

  /** Whether time alone may have changed what is to be done. */
  isDue(nowMs: number): boolean {
    if (this.isRebuildTime || nowMs < this.ports.rebuildAtMs) return false;
    this.isRebuildTime = true;
    return this.hasEarlier;
  }

  /** Called when the catalog may decide (K1). */
  settle(nowMs: number): void {
    if (nowMs >= this.ports.rebuildAtMs) this.installAnswered();
    this.goOnByPolicy();
  }

  /** Partitions that are not to be placed anew, for they may live somewhere. */
  withheld(): ReadonlySet<PartitionId> {
    return new Set(this.waiting().keys());
  }

  /** Of a partition that is placed anew: above all that an earlier catalog can have given. */
  get firstEpoch(): Epoch {
    return 1 + (generationCounter(this.ports.state().generation) - 1) * REBUILD_EPOCH_STEP;
  }

  /** Placed with nothing, though there was an earlier catalog: whatever it had placed there is lost. */
  notePlacedAnew(configs: readonly PartitionConfig[]): void {
    if (!this.hasEarlier) return;
    const losses = configs.map(({ partition, epoch }): Loss => {
      return { partition, lineage: '', keptLsn: 0, epoch, kind: 'startEmpty' };
    });
    this.ports.record({ type: 'historyLost', losses });
    for (const [index, loss] of losses.entries()) this.noteLoss(loss, configs[index]?.primary.container ?? '');
  }

  /** While it waits, an earlier catalog's configuration still says where to go. */
  earlierConfig(partition: PartitionId): PartitionConfig | undefined {
    return this.rebuild.newestOf(partition);
  }

  /** For people: which partitions wait for whom. */
  reasons(): Unplaceable[] {
    const waiting = this.waiting();
    if (waiting.size === 0) return [];
    const refusal = this.rebuild.refusalReason();
    return this.ports.topology.mapSets.flatMap((mapSet): Unplaceable[] => {
      const own = partitionsOf(mapSet).filter((partition) => (waiting.get(partition) ?? []).length > 0);
      const { grid, policy } = mapSet;
      if (own.length === 0) return [];
      const names = [...new Set(own.flatMap((partition) => waiting.get(partition) ?? []))].sort().join(', ');
      const reason =
        refusal ??
        `the journal of an earlier catalog is lost: ${own.length} of ${policy.numberOfPartitions} partitions wait ` +
          `for ${names}, or for: ostraca placement rebuild ${grid}`;
      return [{ grid, mapSet: policy.name, reason }];
    });
  }

  /** An operator's word. */
  onRebuild({ grid, acceptLoss }: RebuildCommand, nowMs: number): RebuildAnswer {
    const mapSets = this.ports.topology.mapSets.filter((mapSet) => mapSet.grid === grid);
    const rebuilt: PartitionId[] = [];
    const waiting: WaitingPartition[] = [];
    const code = mapSets.length === 0 ? ERROR_CODES.undefined_grid.number : 0;
    if (nowMs >= this.ports.rebuildAtMs) this.installAnswered(rebuilt);
    for (const mapSet of mapSets) {
      for (const partition of partitionsOf(mapSet)) {
        const reason = this.rebuildOne(mapSet, partition, { acceptLoss, nowMs });
        if (reason === 'done') rebuilt.push(partition);
        else if (reason !== undefined) waiting.push({ partition, reason });
      }
    }
    this.note('warn', 'rebuild_asked_for', { grid, acceptLoss, rebuilt: rebuilt.length, waiting: waiting.length });
    return { type: 'rebuildAnswer', grid, code, rebuilt, waiting };
  }

  /** Undefined: there is nothing to rebuild. Otherwise `done`, or why not. */
  private rebuildOne(
    mapSet: TopologyMapSet,
    partition: PartitionId,
    { acceptLoss, nowMs }: { readonly acceptLoss: boolean; readonly nowMs: number },
  ): 'done' | string | undefined {
    const config = this.ports.state().partitions[partition];
    if (config !== undefined) {
      if (!config.lost) return undefined;
      if (!acceptLoss) return `no copy is left that is sure to hold everything (--accept-loss to go on without)`;
      return this.take(goOnWithLeastLoss(config, this.lossFacts(partition)));
    }
    const missing = this.waiting().get(partition);
    if (missing === undefined) return undefined;
    const refusal = this.rebuild.refusalReason();
    if (refusal !== undefined) return refusal;
    if (nowMs < this.ports.rebuildAtMs) return 'the catalog still waits for containers to come back; ask again';
    const newest = this.rebuild.newestOf(partition);
    if (newest === undefined) {
      if (!acceptLoss) return `nobody was told of it, and ${missing.join(', ')} did not answer (--accept-loss)`;
      this.released.add(partition);
      return 'done';
    }
    const raised = this.rebuild.raised(newest);
    const survivors = goOnWithSurvivors(raised, {
      reportOf: (rid) => (this.ports.membership.isAlive(rid) ? this.rebuild.soundShard(partition, rid) : undefined),
      minSyncReplicas: mapSet.policy.minSyncReplicas,
      newLineage: () => this.ports.random.hex(16),
    });
    if (survivors !== undefined) return this.take(survivors);
    if (!acceptLoss) return `${missing.join(', ')} held every full copy (--accept-loss to go on without)`;
    return this.take(goOnWithLeastLoss(raised, this.lossFacts(partition)));
  }

  private take(step: LossyStep | undefined): 'done' | string {
    if (step === undefined) return 'no container is there to take it';
    const { config, loss } = step;
    this.ports.record({ type: 'historyLost', losses: [loss] });
    this.ports.changeConfigs([config]);
    this.noteLoss(loss, config.primary.container);
    return 'done';
  }

  private noteLoss({ partition, epoch, kind, keptLsn, lineage }: Loss, primary: string): void {
    this.note('error', 'partition_lost_data', { partition, epoch, kind, keptLsn, lineage, primary });
  }

  private installAnswered(installed: PartitionId[] = []): void {
    const configs: PartitionConfig[] = [];
    for (const [partition, missing] of this.waiting()) {
      const newest = this.rebuild.newestOf(partition);
      const isMissing = missing.length > 0 && !this.ports.mutated('rebuildUnanswered');
      if (isMissing || newest === undefined) continue;
      configs.push(this.rebuild.raised(newest));
      installed.push(partition);
    }
    if (configs.length === 0) return;
    this.ports.changeConfigs(configs);
    this.note('warn', 'rebuilt', { partitions: configs.length, generation: this.ports.state().generation });
    for (const config of configs) {
      for (const rid of this.rebuild.damagedMembers(config)) {
        this.ports.fail(config.partition, rid, 'it was rebuilt, or is not there');
      }
    }
  }

  /** By partition without a configuration that may live somewhere: who is waited for; nobody: for the end of K1. */
  private waiting(): ReadonlyMap<PartitionId, readonly string[]> {
    const waiting = new Map<PartitionId, readonly string[]>();
    const unplaced = this.unplaced();
    if (unplaced.length === 0) return waiting;
    const isBlocked = this.rebuild.refusalReason() !== undefined;
    const silent = this.rebuild.silentContainers();
    for (const partition of unplaced) {
      const newest = this.rebuild.newestOf(partition);
      const missing = newest === undefined ? silent : this.rebuild.missingMembers(newest);
      if (isBlocked) waiting.set(partition, ['another policy']);
      else if (newest !== undefined) waiting.set(partition, missing);
      else if (missing.length > 0 && !this.released.has(partition)) waiting.set(partition, missing);
    }
    return waiting;
  }

  private goOnByPolicy(): void {
    const { state, topology } = this.ports;
    for (const config of state().partitions) {
      if (config?.lost !== true) continue;
      const { onInSyncLoss } = mapSetOf(topology, config.partition).policy;
      if (onInSyncLoss === 'unavailable') continue;
      if (!membersOf(config).every((rid) => this.isGone(config.partition, rid))) continue;
      const step = goOnWithLoss(config, onInSyncLoss, this.lossFacts(config.partition));
      if (step !== undefined) this.take(step);
    }
  }

  /** Proof: it ended, its shard is reported damaged, or the next life of its name was let in, after its lease. */
  private isGone(partition: PartitionId, rid: Rid): boolean {
    const { membership, state, mutated } = this.ports;
    if (mutated('lossWithoutProof')) return true;
    if (membership.hasEnded(rid) || hasFailed(state(), partition, rid)) return true;
    const newest = state().containers.find(({ container }) => container === rid.container);
    return newest !== undefined && newest.incarnation !== rid.incarnation;
  }

  private lossFacts(partition: PartitionId): LossFacts {
    const { membership, random, state } = this.ports;
    return {
      copies: membership.copiesOf(partition).filter(({ rid }) => !hasFailed(state(), partition, rid)),
      emptyHost: () => this.leastBusy(),
      newLineage: () => random.hex(16),
    };
  }

  private leastBusy(): Host | undefined {
    const { membership, state } = this.ports;
    const primaries = new Map<Incarnation, number>();
    for (const config of state().partitions) {
      if (config === undefined || config.lost) continue;
      const { incarnation } = config.primary;
      primaries.set(incarnation, (primaries.get(incarnation) ?? 0) + 1);
    }
    const count = ({ incarnation }: Host): number => primaries.get(incarnation) ?? 0;
    return state()
      .containers.filter((one) => membership.isAlive(one) && !membership.isSuspect(one.container))
      .filter((one) => !membership.isDraining(one) && !this.ports.isForeign(one))
      .sort((a, b) => count(a) - count(b))[0];
  }

  private unplaced(): PartitionId[] {
    const { state, topology } = this.ports;
    const { partitions } = state();
    return topology.mapSets.flatMap((mapSet) =>
      partitionsOf(mapSet).filter((partition) => partitions[partition] === undefined),
    );
  }

  /** No configuration was ever given. */
  private get isEmpty(): boolean {
    return this.ports.state().partitions.every((config) => config === undefined);
  }

  /** There was an earlier catalog. */
  private get hasEarlier(): boolean {
    return generationCounter(this.ports.state().generation) > 1;
  }

  private note(level: Note['level'], event: string, facts: Note['facts']): void {
    this.ports.effects.note({ level, event, facts });
  }
}
