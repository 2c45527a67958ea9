/**
 * One run, made by its seed alone, or by a decision list. First the grid forms; then everything goes wrong that the seed has chosen, while
 * clients work; then all is mended, and the grid must take writes again, its replicas must agree, and what the clients
 * were told must be true.
 */
import {
  asPartitionId,
  decodeKey,
  type Message,
  type Mutation,
  type Note,
  newRandom,
  type PartitionConfig,
  type PartitionId,
  type Random,
} from '@ostraca/core';
import { decodeFrame, encodeFrames } from '@ostraca/protocol';
import { ConfigurationChecker } from '../checkers/configurations.ts';
import { History, type Violation } from '../checkers/history.ts';
import { LeaseSafety } from '../checkers/lease-safety.ts';
import { Losses } from '../checkers/losses.ts';
import { checkMemory } from '../checkers/memory-bounds.ts';
import { Readmissions } from '../checkers/readmissions.ts';
import { checkReplicas, DecidedLog } from '../checkers/replicas.ts';
import { Bystanders } from './bystanders.ts';
import { Cluster } from './cluster.ts';
import { Coverage } from './coverage.ts';
import { type Decisions, scenarioOfDecisions, valuesOf } from './decisions.ts';
import { Evictions } from './evictions.ts';
import { Faults } from './faults.ts';
import { isShardGone, observeDecided, shardStatesOf } from './inspection.ts';
import { finalValuesOf, judge } from './judgement.ts';
import { NOTHING_OMITTED } from './omissions.ts';
import { callOperator } from './operator.ts';
import type { MapName } from './places.ts';
import type { RunOptions, RunReport } from './run-report.ts';
import {
  COUNTERS,
  describeScenario,
  FLEETING,
  limitOf,
  REGISTERS,
  SCRATCH,
  type Scenario,
  scenarioOf,
} from './scenario.ts';
import { Scheduler } from './scheduler.ts';
import { memoryOf } from './shard-memory.ts';
import { Trace } from './trace.ts';
import { VirtualNetwork } from './virtual-network.ts';
import type { World } from './virtual-process.ts';
import { Workload } from './workload.ts';

/** First placement, with empty containers. */
const FORMING_MS = 30_000;
/** After everything was mended: the longest silence (15 s), a lease, a checkpoint, and some pauses before retries. */
const RECOVERY_MS = 45_000;
/** The longest time to live with its grace, on a clock that is late, and the removal. */
const FLEETING_MS = 15_000;
/** An operator waits for the longest silence to end before he calls anybody gone; then he has to be heard. */
const OPERATOR_AFTER_MS = 20_000;
const OPERATOR_HEARD_MS = 5_000;
const CALLING_AGAIN_MS = 5_000;
const LATE_WRITES_MS = 1_000;
const PROBE_EVERY_MS = 250;
const INSPECT_EVERY_MS = 500;
const VIOLATIONS_MAX = 20;

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
  readonly #fleetingHistory = new History();
  readonly #evictions = new Evictions(this.#history, (key) => `${SCRATCH}/${String(decodeKey(key))}`);
  /** When each partition got another primary. */
  readonly #promotionsMs = new Map<PartitionId, number[]>();
  readonly #workload: Workload;
  readonly #faults: Faults;
  readonly #bystanders: Bystanders | undefined;
  readonly #configurations = new ConfigurationChecker();
  readonly #decided = new DecidedLog();
  readonly #leases = new LeaseSafety();
  readonly #losses = new Losses();
  readonly #ordered = new Map<PartitionId, PartitionConfig>();
  readonly #readmissions: Readmissions;
  readonly #world: World;
  readonly #violations: Violation[] = [];
  readonly #notes = new Map<string, number>();
  #coverage: Coverage | undefined;
  readonly #seeds: Decisions['seeds'];
  #chaosRanMs = 0;
  #recoveryMs: number | undefined;
  #searchedCount = 0;
  #keyCount = 0;
  #lost: ReadonlySet<PartitionId> = new Set();

  constructor(options: RunOptions) {
    this.#options = options;
    const { decisions } = options;
    this.#scenario =
      decisions === undefined ? scenarioOf(options.seed, options.extraFaults) : scenarioOfDecisions(decisions);
    this.#readmissions = new Readmissions(this.#scenario.mapSet.minSyncReplicas);
    const random = newRandom(options.seed ^ 0x5bd1e995);
    this.#seeds = decisions?.seeds ?? { others: options.seed, ...drawSeeds(random) };
    const seeds = this.#seeds;
    this.#scheduler = new Scheduler(newRandom(seeds.schedule));
    this.#trace = new Trace(Math.max(options.tailLines ?? 80, 1), options.print);
    const { latency } = this.#scenario;
    const isLimited = limitOf(this.#scenario) !== undefined;
    const network = new VirtualNetwork({ scheduler: this.#scheduler, random: newRandom(seeds.network), latency });
    const world: World = {
      scheduler: this.#scheduler,
      network,
      codec: { encode: (messages) => encodeFrames(messages), decode: (frame) => decodeFrame(frame) as Message[] },
      trace: this.#trace,
      onSend: (from, message) => this.#onSend(from, message),
      ...(options.coverage === true ? { onGive: (...given) => this.#coverage?.given(...given) } : {}),
      onTold: (code) => this.#coverage?.told(code),
      onCompared: (copies) => this.#coverage?.compared(copies),
      onAct: (how, shard) => {
        const { partition, epoch, rid } = shard;
        const atMs = this.#scheduler.nowMs;
        if (how === 'decides' && isLimited) this.#evictions.onDecided(shard, atMs);
        this.#leases.observe({ partition, epoch, how, by: rid.container, atMs });
      },
      onNote: (note) => this.#onNote(note),
      onThrow: (process, error) => {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#violations.push({ rule: 'assertion', what: `${process} threw: ${what}` });
      },
    };
    this.#world = world;
    const mutations = options.mutations ?? new Set<Mutation>();
    const scenario = this.#scenario;
    this.#cluster = new Cluster({ scenario, world, random: newRandom(seeds.processes), mutations });
    if (options.coverage === true) {
      this.#coverage = new Coverage(this.#cluster, scenario.mapSet.numberOfPartitions);
    }
    this.#workload = new Workload({
      ...{ scenario, world, random: newRandom(seeds.workload), omissions: decisions?.omissions ?? NOTHING_OMITTED },
      ...{ history: this.#history, fleetingHistory: this.#fleetingHistory, mutations },
    });
    const { cluster, workload } = { cluster: this.#cluster, workload: this.#workload };
    const given = decisions === undefined ? {} : { given: decisions.faults };
    this.#faults = new Faults({ scenario, world, cluster, workload, random, ...given });
    if (!scenario.isCrowded) return;
    this.#bystanders = new Bystanders({
      ...{ world, cluster, workload, partitionCount: scenario.mapSet.numberOfPartitions },
      random: newRandom(scenario.seed ^ 0x1f83d9ab),
      onDifference: (what) => this.#violate('I-AGREE', what),
    });
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
    if (this.#isSound) this.#rest();
    if (this.#isSound) this.#recover();
    if (this.#isSound) this.#checkEnd();
    this.#collect();
    return this.#report();
  }

  // ── Phases ────────────────────────────────────────────────────────────────────────────────────────────────────

  #chaos(): void {
    const { chaosMs } = this.#scenario;
    const startMs = this.#scheduler.nowMs;
    this.#bystanders?.start();
    // Not by the scheduler: what is left out of the list must not shift its draws.
    for (;;) {
      const nextMs = this.#faults.nextAtMs;
      if (nextMs === undefined || nextMs > chaosMs || !this.#isSound) break;
      this.#runUntil(startMs + nextMs);
      if (this.#isSound) this.#faults.injectNext();
    }
    this.#runUntil(startMs + chaosMs);
    this.#chaosRanMs = this.#scheduler.nowMs - startMs;
    this.#bystanders?.end();
    this.#faults.end();
  }

  /** Sessions of clients that call no more end; then they call again. */
  #rest(): void {
    const { restMs } = this.#scenario;
    if (restMs === 0) return;
    this.#workload.rest(true);
    this.#runFor(restMs);
    this.#workload.rest(false);
    this.#runFor(CALLING_AGAIN_MS);
  }

  #recover(): void {
    if (this.#faults.counts.has('catalogLoss')) {
      this.#runFor(OPERATOR_AFTER_MS);
      callOperator(this.#world, newRandom(this.#seeds.others));
      this.#runFor(OPERATOR_HEARD_MS);
    }
    this.#recoveryMs = this.#awaitWrites(RECOVERY_MS);
    this.#noteLost();
    if (this.#recoveryMs === undefined && this.#isSound) {
      const within = `${RECOVERY_MS / 1_000} s after all was mended`;
      this.#violate('I-LIVE', `partitions without writes ${within}: ${this.#describeConfigs()}`);
    }
    this.#workload.stop();
  }

  /** Once lost, a partition stays out of the verdict: its policy may let it go on empty at any time. */
  #noteLost(): void {
    this.#lost = new Set([...this.#lost, ...this.#findLost()]);
    this.#checkLost();
  }

  /**
   * In a gentle run a container died only while another full copy lived. With minSyncReplicas nothing is lost then,
   * unless a catalog that crashed forgot an addition which was not durable yet.
   */
  #checkLost(): void {
    const { isGentle, mapSet } = this.#scenario;
    const { counts } = this.#faults;
    const isForgetful = counts.has('catalogCrash') || counts.has('catalogLoss');
    if (this.#lost.size === 0 || !isGentle || mapSet.minSyncReplicas === 0 || isForgetful) return;
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
    this.#awaitExpiry();
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
    let listsOk: boolean | undefined;
    this.#workload.readLists(
      (partition) => !this.#lost.has(partition),
      (all) => {
        listsOk = all;
      },
    );
    this.#runWhile(25_000, () => listsOk === undefined);
    if (ok !== true || listsOk !== true) this.#violate('I-LIVE', 'a read of all keys at the end did not succeed');
    else this.#checkSizes();
  }

  /** No call is out any more: every one has a deadline. */
  #awaitQuiet(): void {
    this.#runWhile(35_000, () => this.#workload.openCount > 0);
    if (this.#workload.openCount > 0) this.#violate('I-LIVE', `${this.#workload.openCount} calls were never answered`);
    // What a caller gave up early may still be on its way, and change what is counted after it was read (seed 5191).
    this.#runFor(LATE_WRITES_MS);
  }

  /** Nobody writes any more: everything with a time to live goes, on every copy in sync. */
  #awaitExpiry(): void {
    const left = (): number => {
      let count = 0;
      for (const config of this.#configs()) {
        if (this.#lost.has(config.partition)) continue;
        for (const rid of config.sync) {
          const shard = this.#cluster.container(rid.container).machine?.inspectShard(config.partition);
          count += shard?.expiry.count ?? 0;
        }
      }
      return count;
    };
    this.#runWhile(FLEETING_MS, () => left() > 0);
    if (left() > 0) this.#violate('I-TTL', `${left()} entries have not been removed ${FLEETING_MS / 1_000} s later`);
  }

  /** All copies that the configurations call in sync reach one lsn, and one state. */
  #awaitAgreement(): void {
    const lag = (): string[] => {
      const behind: string[] = [];
      const lost = this.#findLost();
      for (const config of this.#configs()) {
        if (lost.has(config.partition) || this.#lost.has(config.partition)) continue;
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
    for (const [key, value] of finalValuesOf(this.#history)) {
      const place = this.#workload.places.find(({ name }) => name === key);
      if (value === undefined || place === undefined) continue;
      const id = `${place.map}/${place.partition}`;
      present.set(id, (present.get(id) ?? 0) + 1);
    }
    let left = 0;
    const maps: MapName[] = [REGISTERS, COUNTERS, SCRATCH];
    if (this.#scenario.ownTtlsMs !== undefined) maps.push(FLEETING);
    for (const map of maps) {
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

  #onSend(from: string, message: Message): void {
    this.#coverage?.sent(from, message);
    if (message.type !== 'configPush') return;
    for (const config of message.configs) {
      this.#configurations.observe(config);
      this.#readmissions.observe(config, this.#scheduler.nowMs);
    }
  }

  #onNote(note: Note): void {
    const { event, facts } = note;
    this.#coverage?.noted(note);
    this.#notes.set(event, (this.#notes.get(event) ?? 0) + 1);
    if (event === 'state_differs') this.#violate('state digest', JSON.stringify(facts));
    const partition = asPartitionId(Number(facts.partition));
    if (event === 'became_primary') this.#notePromotion(partition);
    if (event === 'partition_lost') this.#noteOrdered(partition);
    if (event !== 'partition_lost_data') return;
    const loss = { partition, atMs: this.#scheduler.nowMs, kind: String(facts.kind) };
    const before = newerOf(this.#configurations.newest.get(partition), this.#ordered.get(partition));
    this.#losses.observe(loss, before, (rid) => isShardGone(this.#cluster, partition, rid));
  }

  /** When it begins to be one, not when it was called to: its clock goes on from its log as it is then (seed 501419). */
  #notePromotion(partition: PartitionId): void {
    const promotions = this.#promotionsMs.get(partition);
    if (promotions === undefined) this.#promotionsMs.set(partition, [this.#scheduler.nowMs]);
    else promotions.push(this.#scheduler.nowMs);
  }

  /** What the catalog went by, though its news may have reached nobody. */
  #noteOrdered(partition: PartitionId): void {
    const config = this.#cluster.catalog.machine?.state().partitions[partition];
    if (config !== undefined) this.#ordered.set(partition, config);
  }

  #inspect(): void {
    observeDecided(this.#cluster, this.#decided, this.#scenario.mapSet.numberOfPartitions);
    for (const { machine } of this.#cluster.containers) {
      for (const partition of this.#partitions) {
        const shard = machine?.inspectShard(partition);
        if (shard !== undefined) this.#violations.push(...checkMemory(memoryOf(shard, this.#scenario)));
      }
    }
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
    this.#violations.push(...this.#configurations.violations, ...this.#decided.violations, ...this.#leases.violations);
    this.#violations.push(...this.#losses.violations, ...this.#readmissions.violations);
    const { violations, keyCount, searchedCount } = judge({
      ...{ scenario: this.#scenario, workload: this.#workload, losses: this.#losses },
      ...{ history: this.#history, fleetingHistory: this.#fleetingHistory, promotionsMs: this.#promotionsMs },
    });
    this.#violations.push(...violations);
    this.#keyCount = keyCount;
    this.#searchedCount = searchedCount;
  }

  #report(): RunReport {
    const { operations } = this.#history;
    return {
      seed: this.#options.seed,
      scenario: describeScenario(this.#scenario),
      violations: this.#violations.slice(0, VIOLATIONS_MAX),
      traceHash: this.#trace.hash,
      tail: this.#violations.length === 0 ? [] : this.#tail(),
      virtualMs: this.#scheduler.nowMs,
      eventCount: this.#scheduler.eventCount,
      commitCount: this.#workload.commitCount,
      operationCount: operations.length,
      unknownCount: operations.filter(({ result }) => result.kind === 'unknown').length,
      transactions: this.#workload.transactions?.counts ?? { committed: 0, rolledBack: 0, unknown: 0 },
      keyCount: this.#keyCount,
      searchedCount: this.#searchedCount,
      decidedCount: this.#decided.size,
      configurationCount: this.#configurations.checkedCount,
      lostPartitionCount: this.#lost.size,
      recoveryMs: this.#recoveryMs,
      faults: Object.fromEntries(this.#faults.counts),
      notes: Object.fromEntries(this.#notes),
      coverage: this.#coverage?.counts,
      decisions: this.#decisions(),
      chaosRanMs: this.#chaosRanMs,
    };
  }

  #tail(): readonly string[] {
    const { tailLines = 80, describe } = this.#options;
    return this.#trace.tail(tailLines, describe);
  }

  #decisions(): Decisions {
    const { decisions } = this.#options;
    const omissions = decisions?.omissions ?? NOTHING_OMITTED;
    const scenario = decisions?.scenario ?? valuesOf(this.#scenario);
    return { seeds: this.#seeds, scenario, omissions, faults: this.#faults.injected };
  }

  get #partitions(): PartitionId[] {
    return Array.from({ length: this.#scenario.mapSet.numberOfPartitions }, (_, index) => asPartitionId(index));
  }

  get #isSound(): boolean {
    const checkers = [this.#configurations, this.#decided, this.#leases, this.#losses, this.#readmissions];
    return this.#violations.length === 0 && checkers.every(({ violations }) => violations.length === 0);
  }

  #violate(rule: string, what: string): void {
    this.#violations.push({ rule, what });
  }

  #runFor(ms: number): void {
    this.#runUntil(this.#scheduler.nowMs + ms);
  }

  #runUntil(timeMs: number): void {
    this.#scheduler.runUntil(timeMs, () => this.#isSound);
  }

  #runWhile(boundMs: number, condition: () => boolean): void {
    const endMs = this.#scheduler.nowMs + boundMs;
    while (this.#scheduler.nowMs < endMs && this.#isSound && condition()) this.#runFor(50);
  }
}

function newerOf(a: PartitionConfig | undefined, b: PartitionConfig | undefined): PartitionConfig | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.epoch > a.epoch || (b.epoch === a.epoch && b.version > a.version) ? b : a;
}

function drawSeeds(random: Random): Omit<Decisions['seeds'], 'others'> {
  const draw = (): number => random.below(0x1_0000_0000);
  return { schedule: draw(), network: draw(), processes: draw(), workload: draw() };
}
