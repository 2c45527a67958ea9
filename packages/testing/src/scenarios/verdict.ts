/** All checkers of the simulator over one script: while it runs, and at its end. */
import {
  asPartitionId,
  decodeKey,
  isNewer,
  type Message,
  type Note,
  type PartitionConfig,
  type PartitionId,
  type Shard,
} from '@ostraca/core';
import { ConfigurationChecker } from '../checkers/configurations.ts';
import { checkCounters } from '../checkers/counters.ts';
import { History, type Violation } from '../checkers/history.ts';
import { LeaseSafety } from '../checkers/lease-safety.ts';
import { erasOf, Losses } from '../checkers/losses.ts';
import { checkRegisters } from '../checkers/registers.ts';
import { checkReplicas, DecidedLog } from '../checkers/replicas.ts';
import { checkTtl } from '../checkers/ttl.ts';
import { checkConnections, checkWeakReads, type WeakRead } from '../checkers/weak-reads.ts';
import type { Cluster } from '../simulator/cluster.ts';
import { Evictions } from '../simulator/evictions.ts';
import { isShardGone, observeDecided, shardStatesOf } from '../simulator/inspection.ts';
import { ownTtlMsOf } from '../simulator/wire-forms.ts';
import type { Records } from './stage-client.ts';

const PROMOTIONS_AT_ONCE_MAX = 8;

export interface VerdictOptions {
  readonly partitionCount: number;
  readonly ttlMs: number | undefined;
  readonly nowMs: () => number;
  readonly cluster: () => Cluster;
  readonly partitionOfKey: (key: string) => number;
}

export class Verdict {
  readonly records: Records = { history: new History(), fleeting: new History(), weakReads: [] };
  readonly violations: Violation[] = [];
  readonly configurations = new ConfigurationChecker();
  readonly #options: VerdictOptions;
  readonly #decided = new DecidedLog();
  readonly #leases = new LeaseSafety();
  readonly #losses = new Losses();
  readonly #evictions = new Evictions(this.records.history, (key) => String(decodeKey(key)));
  readonly #promotionsMs = new Map<number, number[]>();
  readonly #lost = new Map<PartitionId, PartitionConfig>();
  readonly #epochs = new Map<number, number>();

  constructor(options: VerdictOptions) {
    this.#options = options;
  }

  violate(rule: string, what: string): void {
    this.violations.push({ rule, what });
  }

  onSend(message: Message): void {
    if (message.type !== 'configPush') return;
    for (const config of message.configs) {
      this.configurations.observe(config);
      const { partition, epoch } = config;
      const known = this.#epochs.get(partition) ?? 0;
      const promotions = this.#promotionsMs.get(partition) ?? [];
      this.#promotionsMs.set(partition, promotions);
      // A rebuilt partition goes on a million epochs higher.
      const raises = Math.min(epoch - known, PROMOTIONS_AT_ONCE_MAX);
      for (let raise = 0; raise < raises; raise++) promotions.push(this.#options.nowMs());
      this.#epochs.set(partition, Math.max(known, epoch));
    }
  }

  onAct(how: 'reads' | 'decides', shard: Shard): void {
    const { partition, epoch, rid } = shard;
    const atMs = this.#options.nowMs();
    if (how === 'decides' && shard.mapLimits.size > 0) this.#evictions.onDecided(shard, atMs);
    this.#leases.observe({ partition, epoch, how, by: rid.container, atMs });
  }

  onNote({ event, facts }: Note): void {
    const partition = asPartitionId(Number(facts.partition));
    // What the catalog went by, though its news may have reached nobody.
    const ordered = this.#options.cluster().catalog.machine?.state().partitions[partition];
    if (event === 'partition_lost' && ordered !== undefined) this.#lost.set(partition, ordered);
    if (event !== 'partition_lost_data') return;
    const loss = { partition, atMs: this.#options.nowMs(), kind: String(facts.kind) };
    const told = this.configurations.newest.get(partition);
    const lost = this.#lost.get(partition);
    const before = told === undefined || (lost !== undefined && isNewer(lost, told)) ? lost : told;
    this.#losses.observe(loss, before, (rid) => isShardGone(this.#options.cluster(), partition, rid));
  }

  /** Notes what every copy has decided by now. */
  inspect(): void {
    observeDecided(this.#options.cluster(), this.#decided, this.#options.partitionCount);
  }

  /** What keeps copies in sync from being one: empty when they agree, or have what they do not agree in told. */
  lag(configs: readonly PartitionConfig[]): string[] {
    return configs.flatMap((config) => {
      const states = shardStatesOf(this.#options.cluster(), config);
      const lsns = new Set(states.map(({ decidedLsn }) => decidedLsn));
      if (states.length === config.sync.length && lsns.size === 1) return [];
      const each = states.map(({ container, decidedLsn }) => `${container} ${decidedLsn}`).join(', ');
      return [`partition ${config.partition} (${config.epoch}, ${config.version}): ${each}`];
    });
  }

  /** Entries with a time to live that some copy in sync still has. */
  fleetingCount(configs: readonly PartitionConfig[]): number {
    let count = 0;
    for (const { partition, sync } of configs) {
      for (const { container } of sync) {
        count += this.#options.cluster().container(container).machine?.inspectShard(partition)?.expiry.count ?? 0;
      }
    }
    return count;
  }

  /** `finals`: what the last reads found. */
  judge(configs: readonly PartitionConfig[]): readonly Violation[] {
    this.inspect();
    const { history, fleeting, weakReads } = this.records;
    const found = [this.configurations, this.#decided, this.#leases, this.#losses].flatMap((one) => one.violations);
    for (const config of configs) found.push(...checkReplicas(shardStatesOf(this.#options.cluster(), config)));
    found.push(...checkRegisters(history, (key) => this.#lossesOf(key)).violations, ...checkCounters(history, []));
    for (const [key, operations] of fleeting.byKey()) {
      const promotionsMs = this.#promotionsMs.get(this.#options.partitionOfKey(key)) ?? [];
      const ttlMsOf = (value: string): number | undefined => ownTtlMsOf(value) ?? this.#options.ttlMs;
      const [first = []] = erasOf(operations, this.#lossesOf(key));
      found.push(...checkTtl(first, { ttlMsOf, promotionsMs }));
    }
    found.push(...this.#judgeWeakReads(history, weakReads));
    return [...this.violations, ...found];
  }

  #judgeWeakReads(history: History, all: readonly WeakRead[]): Violation[] {
    const weak = all.filter(({ key }) => this.#lossesOf(key).length === 0);
    const byKey = history.byKey();
    const found = checkConnections(weak);
    for (const key of new Set(weak.map((read) => read.key))) {
      const ofKey = weak.filter((read) => read.key === key);
      found.push(...checkWeakReads(byKey.get(key) ?? [], ofKey));
    }
    return found;
  }

  #lossesOf(key: string): readonly number[] {
    return this.#losses.timesOf(this.#options.partitionOfKey(key) as PartitionId);
  }
}
