/**
 * One run, made by its seed alone. First the grid forms; then everything goes wrong that the seed has chosen, while
 * clients work; then all is mended, and the grid must take writes again, its replicas must agree, and what the clients
 * were told must be true.
 */
import {
  asPartitionId,
  type Message,
  type Mutation,
  newRandom,
  type PartitionConfig,
  type PartitionId,
} from '@ostraca/core';
import { decodeFrame, encodeFrames } from '@ostraca/protocol';
import { ConfigurationChecker } from '../checkers/configurations.ts';
import { type CounterFinal, checkCounters } from '../checkers/counters.ts';
import { History, type Violation } from '../checkers/history.ts';
import { checkRegisters } from '../checkers/registers.ts';
import { checkReplicas, DecidedLog } from '../checkers/replicas.ts';
import { Cluster } from './cluster.ts';
import { Faults } from './faults.ts';
import { observeDecided, shardStatesOf } from './inspection.ts';
import {
  COUNTERS,
  describeScenario,
  type FaultKind,
  REGISTERS,
  SCRATCH,
  type Scenario,
  scenarioOf,
} from './scenario.ts';
import { Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';
import { VirtualNetwork } from './virtual-network.ts';
import type { World } from './virtual-process.ts';
import { Workload } from './workload.ts';

/** First placement, with empty containers. */
const FORMING_MS = 30_000;
/** After everything was mended: the longest silence (15 s), a lease, a checkpoint, and some pauses before retries. */
const RECOVERY_MS = 45_000;
const PROBE_EVERY_MS = 250;
const INSPECT_EVERY_MS = 500;
const VIOLATIONS_MAX = 20;

export interface RunOptions {
  readonly seed: number;
  readonly mutations?: ReadonlySet<Mutation>;
  /** On top of those that the seed has chosen. */
  readonly extraFaults?: readonly FaultKind[];
  readonly tailLines?: number;
  readonly print?: (line: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly scenario: string;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly tail: readonly string[];
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly commitCount: number;
  readonly operationCount: number;
  readonly unknownCount: number;
  readonly keyCount: number;
  readonly searchedCount: number;
  readonly decidedCount: number;
  readonly configurationCount: number;
  readonly lostPartitionCount: number;
  /** From the end of the faults until every partition took a write; undefined: never. */
  readonly recoveryMs: number | undefined;
  readonly faults: Readonly<Record<string, number>>;
  /** How often machines noted what, by event name: what the runs have reached. */
  readonly notes: Readonly<Record<string, number>>;
}

export function runSimulation(options: RunOptions): RunReport {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: RunOptions;
  readonly #scenario: Scenario;
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  readonly #cluster: Cluster;
  readonly #history = new History();
  readonly #workload: Workload;
  readonly #faults: Faults;
  readonly #configurations = new ConfigurationChecker();
  readonly #decided = new DecidedLog();
  readonly #violations: Violation[] = [];
  readonly #notes = new Map<string, number>();
  #recoveryMs: number | undefined;
  #searchedCount = 0;
  #keyCount = 0;
  #lost: ReadonlySet<PartitionId> = new Set();

  constructor(options: RunOptions) {
    this.#options = options;
    this.#scenario = scenarioOf(options.seed, options.extraFaults);
    const random = newRandom(options.seed ^ 0x5bd1e995);
    this.#scheduler = new Scheduler(random.fork());
    this.#trace = new Trace(Math.max(options.tailLines ?? 80, 1), options.print);
    const { latency } = this.#scenario;
    const network = new VirtualNetwork({ scheduler: this.#scheduler, random: random.fork(), latency });
    const world: World = {
      scheduler: this.#scheduler,
      network,
      codec: { encode: (messages) => encodeFrames(messages), decode: (frame) => decodeFrame(frame) as Message[] },
      trace: this.#trace,
      onSend: (_from, message) => this.#onSend(message),
      onNote: ({ event }) => this.#notes.set(event, (this.#notes.get(event) ?? 0) + 1),
      onThrow: (process, error) => {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#violations.push({ rule: 'assertion', what: `${process} threw: ${what}` });
      },
    };
    const mutations = options.mutations ?? new Set<Mutation>();
    const scenario = this.#scenario;
    this.#cluster = new Cluster({ scenario, world, random: random.fork(), mutations });
    this.#workload = new Workload({ scenario, world, history: this.#history, random: random.fork() });
    const { cluster, workload } = { cluster: this.#cluster, workload: this.#workload };
    this.#faults = new Faults({ scenario, world, cluster, workload, random: random.fork() });
  }

  run(): RunReport {
    this.#cluster.startCatalog();
    for (const process of this.#cluster.containers) this.#cluster.startContainer(process);
    this.#workload.start();
    this.#inspect();
    const isFormed = this.#awaitWrites(FORMING_MS) !== undefined;
    if (!isFormed)
      this.#violate('I-LIVE', `no writes ${FORMING_MS / 1_000} s after the start: ${this.#describeConfigs()}`);
    if (isFormed) this.#chaos();
    if (this.#isSound) this.#recover();
    if (this.#isSound) this.#checkEnd();
    this.#collect();
    return this.#report();
  }

  // ── Phases ────────────────────────────────────────────────────────────────────────────────────────────────────

  #chaos(): void {
    this.#faults.start();
    this.#runFor(this.#scenario.chaosMs);
    this.#faults.end();
  }

  #recover(): void {
    this.#recoveryMs = this.#awaitWrites(RECOVERY_MS);
    this.#noteLost();
    if (this.#recoveryMs === undefined && this.#isSound) {
      const within = `${RECOVERY_MS / 1_000} s after all was mended`;
      this.#violate('I-LIVE', `partitions without writes ${within}: ${this.#describeConfigs()}`);
    }
    this.#workload.stop();
  }

  #noteLost(): void {
    this.#lost = this.#findLost();
    this.#checkLost();
  }

  /**
   * In a gentle run a container died only while another full copy lived. With minSyncReplicas nothing is lost then,
   * unless a catalog that crashed forgot an addition which was not durable yet.
   */
  #checkLost(): void {
    const { isGentle, mapSet, faults } = this.#scenario;
    if (this.#lost.size === 0 || !isGentle || mapSet.minSyncReplicas === 0 || faults.has('catalogCrash')) return;
    this.#violate(
      'I-ACK',
      `partitions ${[...this.#lost].join(', ')} are lost, though a full copy was left at each death`,
    );
  }

  /** Probes each partition until it took a write; returns how long that was. */
  #awaitWrites(boundMs: number): number | undefined {
    const startMs = this.#scheduler.nowMs;
    const missing = new Set(this.#partitions);
    const trying = new Set<PartitionId>();
    while (this.#scheduler.nowMs < startMs + boundMs && this.#isSound) {
      for (const partition of this.#findLost()) missing.delete(partition);
      if (missing.size === 0) return this.#scheduler.nowMs - startMs;
      for (const partition of missing) {
        if (trying.has(partition)) continue;
        trying.add(partition);
        this.#workload.probe(partition, (ok) => {
          trying.delete(partition);
          if (ok) missing.delete(partition);
        });
      }
      this.#runFor(PROBE_EVERY_MS);
    }
    return undefined;
  }

  #checkEnd(): void {
    this.#awaitQuiet();
    this.#awaitAgreement();
    // A container that was told to leave did so when all was mended; that it held the last copy may show only now.
    this.#noteLost();
    if (!this.#isSound) return;
    const places = this.#workload.places.filter(({ partition }) => !this.#lost.has(partition));
    let ok: boolean | undefined;
    this.#workload.readAll(places, (all) => {
      ok = all;
    });
    this.#runWhile(25_000, () => ok === undefined);
    if (ok !== true) this.#violate('I-LIVE', 'a read of all keys at the end did not succeed');
    else this.#checkSizes();
  }

  /** No call is out any more: every one has a deadline. */
  #awaitQuiet(): void {
    this.#runWhile(35_000, () => this.#workload.openCount > 0);
    if (this.#workload.openCount > 0) this.#violate('I-LIVE', `${this.#workload.openCount} calls were never answered`);
  }

  /** All copies that the configurations call in sync reach one lsn, and one state. */
  #awaitAgreement(): void {
    const lag = (): string[] => {
      const behind: string[] = [];
      const lost = this.#findLost();
      for (const config of this.#configs()) {
        if (lost.has(config.partition)) continue;
        const states = shardStatesOf(this.#cluster, config);
        const lsns = new Set(states.map(({ decidedLsn }) => decidedLsn));
        if (states.length !== config.sync.length || lsns.size !== 1) {
          const each = states.map(({ container, decidedLsn }) => `${container} ${decidedLsn}`).join(', ');
          behind.push(`partition ${config.partition} (${config.epoch}, ${config.version}): ${each}`);
        }
      }
      return behind;
    };
    this.#runWhile(10_000, () => lag().length > 0);
    const behind = lag();
    if (behind.length > 0)
      this.#violate('I-LIVE', `replicas in sync do not reach one lsn at rest: ${behind.join('; ')}`);
    for (const config of this.#configs()) this.#violations.push(...checkReplicas(shardStatesOf(this.#cluster, config)));
  }

  /** `size` is the number of keys that reads find. */
  #checkSizes(): void {
    const present = new Map<string, number>();
    for (const [key, value] of this.#finalValues()) {
      const place = this.#workload.places.find(({ name }) => name === key);
      if (value === undefined || place === undefined) continue;
      const id = `${place.map}/${place.partition}`;
      present.set(id, (present.get(id) ?? 0) + 1);
    }
    let left = 0;
    for (const map of [REGISTERS, COUNTERS, SCRATCH] as const) {
      for (const partition of this.#partitions) {
        if (this.#lost.has(partition)) continue;
        left += 1;
        this.#workload.size(map, partition, (count) => {
          left -= 1;
          const expected = present.get(`${map}/${partition}`) ?? 0;
          if (count === expected) return;
          this.#violate(
            'I-AGREE',
            `size of ${map} in partition ${partition} is ${count}, but ${expected} keys are there`,
          );
        });
      }
    }
    this.#runWhile(25_000, () => left > 0);
  }

  // ── Looking inside ────────────────────────────────────────────────────────────────────────────────────────────

  #onSend(message: Message): void {
    if (message.type !== 'configPush') return;
    for (const config of message.configs) this.#configurations.observe(config);
  }

  #inspect(): void {
    observeDecided(this.#cluster, this.#decided, this.#scenario.mapSet.numberOfPartitions);
    this.#scheduler.after(INSPECT_EVERY_MS, () => this.#inspect());
  }

  #configs(): readonly PartitionConfig[] {
    const partitions = this.#cluster.catalog.machine?.state().partitions ?? [];
    return partitions.filter((config) => config !== undefined);
  }

  /** Partitions of which no member of S and no eligible replica is left: the only excuse for not working. */
  #findLost(): Set<PartitionId> {
    const state = this.#cluster.catalog.machine?.state();
    const lost = new Set<PartitionId>();
    for (const config of this.#configs()) {
      if (!config.lost) continue;
      const left = [...config.sync, ...config.elr.map(({ rid }) => rid)].filter(({ incarnation, shardInc }) => {
        if (this.#cluster.dead.has(incarnation)) return false;
        return !(state?.failed ?? []).some(
          (one) => one.partition === config.partition && one.incarnation === incarnation && shardInc <= one.shardInc,
        );
      });
      if (left.length === 0) lost.add(config.partition);
    }
    return lost;
  }

  #describeConfigs(): string {
    return this.#configs()
      .filter(({ partition }) => !this.#lost.has(partition))
      .map(({ partition, epoch, version, primary, sync, elr, joining, lost }) => {
        const names = (hosts: readonly { container: string }[]): string =>
          hosts.map(({ container }) => container).join(' ');
        const eligible = elr.map(({ rid, keepLsn }) => `${rid.container}@${keepLsn}`).join(' ');
        const members = `primary ${primary.container}, sync ${names(sync)}, elr ${eligible}, joining ${names(joining)}`;
        return `\n    partition ${partition} (${epoch}, ${version}): ${members}${lost ? ', lost' : ''}`;
      })
      .join('');
  }

  // ── The verdict ───────────────────────────────────────────────────────────────────────────────────────────────

  #collect(): void {
    this.#violations.push(...this.#configurations.violations, ...this.#decided.violations);
    const { violations, keyCount, searchedCount } = checkRegisters(this.#history);
    this.#violations.push(...violations);
    this.#keyCount = keyCount;
    this.#searchedCount = searchedCount;
    const finals: CounterFinal[] = [];
    for (const [key, value] of this.#finalValues()) if (key.startsWith(`${COUNTERS}/`)) finals.push({ key, value });
    this.#violations.push(...checkCounters(this.#history, finals));
  }

  /** What the last reads of the checker found; undefined: absent. */
  #finalValues(): Map<string, string | undefined> {
    const finals = new Map<string, string | undefined>();
    for (const { process, key, action, result } of this.#history.operations) {
      if (!process.startsWith('checker') || action.kind !== 'get' || result.kind !== 'observed') continue;
      finals.set(key, result.seen.kind === 'entry' ? result.seen.value : undefined);
    }
    return finals;
  }

  #report(): RunReport {
    const { operations } = this.#history;
    return {
      seed: this.#options.seed,
      scenario: describeScenario(this.#scenario),
      violations: this.#violations.slice(0, VIOLATIONS_MAX),
      traceHash: this.#trace.hash,
      tail: this.#violations.length === 0 ? [] : this.#trace.tail(this.#options.tailLines ?? 80),
      virtualMs: this.#scheduler.nowMs,
      eventCount: this.#scheduler.eventCount,
      commitCount: this.#workload.commitCount,
      operationCount: operations.length,
      unknownCount: operations.filter(({ result }) => result.kind === 'unknown').length,
      keyCount: this.#keyCount,
      searchedCount: this.#searchedCount,
      decidedCount: this.#decided.size,
      configurationCount: this.#configurations.checkedCount,
      lostPartitionCount: this.#lost.size,
      recoveryMs: this.#recoveryMs,
      faults: Object.fromEntries(this.#faults.counts),
      notes: Object.fromEntries(this.#notes),
    };
  }

  get #partitions(): PartitionId[] {
    return Array.from({ length: this.#scenario.mapSet.numberOfPartitions }, (_, index) => asPartitionId(index));
  }

  get #isSound(): boolean {
    const found = this.#violations.length + this.#configurations.violations.length + this.#decided.violations.length;
    return found === 0;
  }

  #violate(rule: string, what: string): void {
    this.#violations.push({ rule, what });
  }

  #runFor(ms: number): void {
    this.#scheduler.runUntil(this.#scheduler.nowMs + ms, () => this.#isSound);
  }

  #runWhile(boundMs: number, condition: () => boolean): void {
    const endMs = this.#scheduler.nowMs + boundMs;
    while (this.#scheduler.nowMs < endMs && this.#isSound && condition()) this.#runFor(50);
  }
}
