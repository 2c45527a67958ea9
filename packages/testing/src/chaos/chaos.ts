/**
 * A run: a grid of real processes whose every connection passes a proxy of ours, clients that write down what they
 * were answered, and faults as the seed has drawn them. In the end everything is mended, the grid must take writes
 * again, and the checkers of the simulator judge what the clients were told.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { connect, type Grid } from '@ostraca/client';
import { encodeKey, must, newRandom, type PartitionConfig, partitionOf } from '@ostraca/core';
import { ConfigurationChecker } from '../checkers/configurations.ts';
import { History, type Operation, type Violation } from '../checkers/history.ts';
import { Caller, COUNTERS, failureOf, type MapName, parseVersion, REGISTERS } from './caller.ts';
import type { ClientTask, Workers } from './client-process.ts';
import { ClientProcess } from './clients.ts';
import { freePort, GRID, GridProcesses, pause } from './grid-processes.ts';
import { HistoryFile, readHistory } from './history-file.ts';
import { JournalDisk } from './journal-disk.ts';
import { monotonicMs } from './monotonic.ts';
import { CATALOG, Network, OBSERVER } from './network.ts';
import { NetworkFaults } from './network-faults.ts';
import { type Outage, PROBES, Probes } from './probe.ts';
import { ProcessFaults } from './process-faults.ts';
import { describeScenario, type NetworkFault, type ProcessFault, type Scenario, scenarioOf } from './scenario.ts';
import { TRANSACTION_MAPS } from './transactions/places.ts';
import { endTransactions, openBanks } from './transactions/transaction-ending.ts';
import type { TransactionVerdict } from './transactions/transaction-verdict.ts';
import { finalsOf, judge, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly chaosMs: number;
  readonly program: string;
  /** What clients do: calls for single keys with some transactions, or transactions only. */
  readonly workload: 'mixed' | 'transactions';
  /** The folder stays also when nothing was found. */
  readonly isKept: boolean;
  readonly onEvent: (line: string) => void;
  readonly onProgress: (text: string) => void;
  /** Ends everything that was started, at once. */
  readonly onEnding: (end: (isAsked: boolean) => void) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly scenario: string;
  readonly partitions: number;
  readonly chaosMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly faultCount: number;
  readonly skipped: Readonly<Record<string, number>>;
  /** `startMs` from the first fault on. */
  readonly outages: readonly Outage[];
  /** From the end of the faults until every partition took a write. */
  readonly recoveryMs: number | undefined;
  readonly verify: string;
  /** How late timers of this process were while it did little but pass bytes on: what the machine had to spare. */
  readonly lateMs: { readonly p99: number; readonly worst: number };
  readonly configurations: number;
  /** How often a partition was seen with another primary than before. */
  readonly failovers: number;
  /** SIGKILLs and SIGSTOPs of containers that were primary of something. */
  readonly primariesKilled: number;
  readonly primariesStopped: number;
  readonly verdict: Verdict;
  readonly transactions: TransactionVerdict;
  readonly violations: readonly Violation[];
  /** With the histories, the journal and the schedule. */
  readonly folder: string;
}

const SETTLED_MS = 120_000;
const WRITABLE_MS = 60_000;
const STATUS_EVERY_MS = 500;
const PROBE_PACE_MS = { mixed: 60, transactions: 150 } as const;
/** Of all clients together, on 10 partitions. */
const WORKERS = { plain: 240, transactional: 60, transactionalAlone: 56 } as const;
const THINK_MS = { plain: 150, transactional: 150, transactionalAlone: 10 } as const;
const READERS = 64;
const READ_MS = 30_000;
const CHECKER = 'checker';

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const run = new Run(options);
  options.onEnding((isAsked) => run.killAll(isAsked));
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #options: ChaosOptions;
  readonly #scenario: Scenario;
  readonly #processes: GridProcesses;
  readonly #network: Network;
  readonly #disk: JournalDisk | string;
  readonly #configurations = new ConfigurationChecker();
  readonly #violations: Violation[] = [];
  readonly #faults = new Map<string, number>();
  readonly #skipped = new Map<string, number>();
  readonly #clients: ClientProcess[] = [];
  /** By partition, as last seen: `#watch`. */
  readonly #primaries = new Map<number, string>();
  readonly #hurt = { kill: 0, stop: 0 };
  #failovers = 0;
  readonly #ports = new Map<string, number>();
  readonly #late: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 });
  #probes: Probes | undefined;
  #observer: Grid | undefined;
  #probeFile: HistoryFile | undefined;
  #isOver = false;
  #hasFailed = false;
  #startMs = 0;
  /** The same on the clock of all processes. */
  #startedMs = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#scenario = scenarioOf(options.seed, options.chaosMs);
    const { partitions, maxSyncReplicas, failureDetection, containers } = this.#scenario;
    this.#network = new Network(newRandom(options.seed ^ 0x5bd1e995));
    this.#processes = new GridProcesses(options.program, {
      numberOfPartitions: partitions,
      minSyncReplicas: 1,
      maxSyncReplicas,
      numInitialContainers: containers.length,
      failureDetection,
      maps: [{ name: REGISTERS }, { name: COUNTERS }, { name: PROBES }, ...TRANSACTION_MAPS],
    });
    this.#disk = JournalDisk.mount(this.#processes.dataDir);
    this.#processes.onSurprise = ({ name, log }, how) => {
      if (this.#isOver) return;
      this.#violate('process', `${name} ended by itself: ${how}: ${log().split('\n').slice(-6).join('\n')}`);
    };
  }

  killAll(isAsked: boolean): void {
    this.#isOver = true;
    this.#processes.killAll();
    for (const client of this.#clients) client.kill();
    if (typeof this.#disk !== 'string') this.#disk.unmount();
    if (isAsked) this.#processes.removeFolder();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#observer?.close().catch(() => {});
    for (const client of this.#clients) client.kill();
    this.#network.close();
    await this.#processes.end();
    const journal = this.#processes.dataDir;
    const isKept = this.#options.isKept || this.#hasFailed || this.#violations.length > 0;
    if (isKept) cpSync(journal, `${journal}-journal`, { recursive: true });
    if (typeof this.#disk !== 'string') this.#disk.unmount();
    if (!isKept) this.#processes.removeFolder();
  }

  async run(): Promise<ChaosReport> {
    try {
      return await this.#run();
    } catch (error) {
      this.#hasFailed = true;
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`seed ${this.#scenario.seed}: ${what}; logs: ${this.#processes.folder}`, { cause: error });
    }
  }

  async #run(): Promise<ChaosReport> {
    const { onEvent } = this.#options;
    onEvent(`seed ${this.#scenario.seed}: ${describeScenario(this.#scenario)}`);
    if (typeof this.#disk === 'string') onEvent(`no full disk under the journal: ${this.#disk}`);
    await this.#startGrid();
    await this.#startClients();
    const watching = this.#watch();
    await this.#disturb();
    const recoveryMs = await this.#recover();
    const outages = (this.#probes?.outages ?? []).map((outage) => ({
      ...outage,
      startMs: Math.round(outage.startMs - this.#startedMs),
    }));
    await this.#finish();
    const verify = await this.#verify();
    const history = await this.#readHistories();
    const finalReads = await this.#readFinals(history);
    const transactions = await endTransactions({
      grid: must(this.#observer, 'an observer'),
      partitions: this.#scenario.partitions,
      files: this.#scenario.clients.map((name) => this.#transactionFile(name)),
      finalFile: this.#transactionFile(CHECKER),
      onProgress: this.#options.onProgress,
    });
    this.#isOver = true;
    await watching;
    for (const operation of finalReads) history.add(operation);
    const verdict = judge(history, finalsOf(history, CHECKER), (part) =>
      this.#options.onProgress(`judging, ${(part * 100).toFixed(0)} %`),
    );
    this.#violations.push(...this.#configurations.violations, ...verdict.violations, ...transactions.violations);
    return this.#report({ verdict, transactions, outages, recoveryMs, verify });
  }

  // ── Phases ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #startGrid(): Promise<void> {
    const catalog = await this.#processes.startCatalog();
    this.#network.setPort(CATALOG, this.#processes.catalogPort);
    this.#options.onProgress(`${catalog.name} is process ${catalog.pid}`);
    await Promise.all(this.#scenario.containers.map((name) => this.#startContainer(name)));
    await this.#processes.settled(this.#copies, SETTLED_MS);
  }

  async #startContainer(name: string): Promise<void> {
    const listenPort = this.#ports.get(name) ?? (await freePort());
    this.#ports.set(name, listenPort);
    this.#network.setPort(name, listenPort);
    const own = await this.#network.containerProxy(name);
    const catalog = await this.#network.catalogProxy(name);
    await this.#processes.startContainer(name, { listenPort, advertise: own.url, catalogUrl: catalog.url });
  }

  async #startClients(): Promise<void> {
    const { clients, seed, partitions } = this.#scenario;
    const catalog = await this.#network.catalogProxy(OBSERVER);
    this.#observer = await connect({ catalogs: [catalog.url], grid: GRID });
    const file = new HistoryFile(this.#historyFile('probe'));
    this.#probeFile = file;
    this.#probes = new Probes({
      grid: this.#observer,
      partitions,
      paceMs: PROBE_PACE_MS[this.#options.workload],
      onWrite: ({ key, value, version, invokedMs, returnedMs }) => {
        const result = { kind: 'applied', version: parseVersion(version) } as const;
        file.add(probeOperation({ key, value, invokedMs }, result, returnedMs));
      },
      onFailure: ({ key, value, invokedMs, returnedMs }, error) => {
        const result = failureOf(error);
        const endMs = result.kind === 'unknown' ? Number.POSITIVE_INFINITY : returnedMs;
        file.add(probeOperation({ key, value, invokedMs }, result, endMs));
      },
    });
    await openBanks(this.#observer, partitions);
    this.#probes.start();
    for (const [index, name] of clients.entries()) {
      const { url } = await this.#network.catalogProxy(name);
      const files = { historyFile: this.#historyFile(name), transactionFile: this.#transactionFile(name) };
      const task = { name, client: index, catalogUrl: url, ...files, seed: seed + index, partitions };
      this.#clients.push(new ClientProcess({ ...task, ...this.#workers }));
    }
    await Promise.all(this.#clients.map((client) => client.working()));
  }

  async #disturb(): Promise<void> {
    const { networkFaults, processFaults, chaosMs } = this.#scenario;
    const network = new NetworkFaults({
      network: this.#network,
      faults: networkFaults,
      onFault: (fault) => this.#onFault(fault, fault.where),
    });
    const processes = new ProcessFaults({
      processes: this.#processes,
      clients: this.#clients,
      faults: processFaults,
      disk: typeof this.#disk === 'string' ? undefined : this.#disk,
      onFault: (fault, whom) => this.#onFault(fault, whom),
      onSkipped: (kind, why) => {
        this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1);
        this.#tell(`${kind} left out: ${why}`);
      },
      onViolation: (what) => this.#violate('I-DISK', what),
      restart: (name) => this.#startContainer(name),
    });
    this.#startMs = performance.now();
    this.#startedMs = monotonicMs();
    this.#late.enable();
    const underWay = Promise.all([network.run(this.#startMs), processes.run(this.#startMs)]);
    await Promise.race([pause(chaosMs), underWay.then(() => pause(chaosMs))]);
    network.end();
    await Promise.all([processes.end(), underWay]);
    this.#late.disable();
    this.#tell('everything is mended');
  }

  async #recover(): Promise<number | undefined> {
    const sinceMs = monotonicMs();
    const partitions = Array.from({ length: this.#scenario.partitions }, (_, index) => index);
    let recoveryMs: number | undefined;
    try {
      const timesMs = await must(this.#probes, 'probes').writableSince(sinceMs, partitions, WRITABLE_MS);
      recoveryMs = Math.max(...timesMs) - sinceMs;
    } catch (error) {
      this.#violate('I-LIVE', error instanceof Error ? error.message : String(error));
    }
    return recoveryMs;
  }

  async #finish(): Promise<void> {
    this.#options.onProgress('waiting for the last answers');
    await Promise.all([this.#probes?.stop(), ...this.#clients.map((client) => client.finish())]);
    this.#probeFile?.close();
    try {
      await this.#processes.settled(this.#copies, SETTLED_MS);
    } catch (error) {
      this.#violate('I-LIVE', error instanceof Error ? error.message : String(error));
    }
  }

  async #verify(): Promise<string> {
    const { code, output } = await this.#processes.ostraca('verify', GRID, '--timeout', '60');
    const last = output.trim().split('\n').at(-1) ?? '';
    if (code !== 0) this.#violate('I-AGREE', `ostraca verify ended with ${code}: ${output}`);
    return last;
  }

  /** Configurations that the catalog shows must be one chain for each partition. */
  async #watch(): Promise<void> {
    while (!this.#isOver) {
      try {
        const { partitions } = await this.#processes.status();
        for (const { config } of partitions) if (config !== null) this.#observe(config);
      } catch {
        // It is stopped, killed, or about to come back.
      }
      const operations = this.#clients.reduce((sum, client) => sum + client.operations, 0);
      const seconds = Math.max(0, (performance.now() - this.#startMs) / 1_000).toFixed(0);
      if (this.#startMs > 0)
        this.#options.onProgress(`${seconds} s, ${this.#faultCount} faults, ${operations} operations`);
      await pause(STATUS_EVERY_MS);
    }
  }

  #observe(config: PartitionConfig): void {
    this.#configurations.observe(config);
    const { partition, primary } = config;
    const before = this.#primaries.get(partition);
    this.#primaries.set(partition, primary.container);
    if (before !== undefined && before !== primary.container) this.#failovers += 1;
  }

  // ── Histories ─────────────────────────────────────────────────────────────────────────────────────────────────

  #historyFile(name: string): string {
    return join(this.#processes.folder, `${name}.ndjson`);
  }

  #transactionFile(name: string): string {
    return join(this.#processes.folder, `${name}-transactions.ndjson`);
  }

  async #readHistories(): Promise<History> {
    const history = new History();
    for (const name of ['probe', ...this.#scenario.clients]) {
      await readHistory(this.#historyFile(name), (operation) => history.add(operation));
    }
    return history;
  }

  /** Every key that anybody used, once more: an acknowledged write that is lost shows at the latest now. */
  async #readFinals(history: History): Promise<Operation[]> {
    const grid = must(this.#observer, 'an observer');
    const operations: Operation[] = [];
    const file = new HistoryFile(this.#historyFile(CHECKER));
    const caller = new Caller(CHECKER, grid, (operation) => {
      operations.push(operation);
      file.add(operation);
    });
    const keys = [...history.byKey().keys()].filter((key) => !key.startsWith(`${PROBES}/`));
    const count = keys.length;
    let unread = 0;
    // A partition that is lost would cost the whole time-out for each of its keys.
    const silent = new Set<number>();
    const work = async (): Promise<void> => {
      for (let name = keys.pop(); name !== undefined; name = keys.pop()) {
        const [map = '', key = ''] = name.split('/', 2);
        const partition = partitionOf(encodeKey(key), this.#scenario.partitions, []);
        const isRead =
          !silent.has(partition) && (await caller.read({ map: map as MapName, key }, READ_MS)) !== undefined;
        if (!isRead) {
          silent.add(partition);
          unread += 1;
        }
        if (keys.length % 1_000 === 0) this.#options.onProgress(`reading ${keys.length} of ${count} keys`);
      }
    };
    await Promise.all(Array.from({ length: READERS }, work));
    file.close();
    if (unread > 0) this.#violate('I-LIVE', `${unread} of ${count} keys could not be read in the end`);
    return operations;
  }

  // ── The account ───────────────────────────────────────────────────────────────────────────────────────────────

  #onFault(fault: NetworkFault | ProcessFault, whom: string): void {
    this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
    const seconds = (fault.durationMs / 1_000).toFixed(1);
    const isPrimary = [...this.#primaries.values()].includes(whom);
    if (isPrimary && (fault.kind === 'kill' || fault.kind === 'stop')) this.#hurt[fault.kind] += 1;
    this.#tell(`${fault.kind} ${whom}, ${seconds} s${'fault' in fault ? termsOf(fault) : ''}`);
  }

  #tell(text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(1).padStart(7);
    this.#options.onEvent(`${seconds} s  ${text}`);
  }

  #violate(rule: string, what: string): void {
    this.#violations.push({ rule, what });
    this.#tell(`VIOLATION ${rule}: ${what}`);
  }

  get #faultCount(): number {
    return [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
  }

  get #workers(): Pick<ClientTask, 'plain' | 'transactional'> {
    const { clients, partitions } = this.#scenario;
    const each = (kind: keyof typeof WORKERS): Workers => {
      const workersPerPartition = Math.max(1, Math.round(WORKERS[kind] / (clients.length * partitions)));
      return { workersPerPartition, thinkMs: THINK_MS[kind] };
    };
    if (this.#options.workload === 'mixed') return { plain: each('plain'), transactional: each('transactional') };
    return { plain: { workersPerPartition: 0, thinkMs: 0 }, transactional: each('transactionalAlone') };
  }

  get #copies(): number {
    return Math.min(this.#scenario.maxSyncReplicas + 1, this.#scenario.containers.length);
  }

  #report(found: Pick<ChaosReport, 'verdict' | 'transactions' | 'outages' | 'recoveryMs' | 'verify'>): ChaosReport {
    const { seed, partitions, chaosMs } = this.#scenario;
    return {
      seed,
      scenario: describeScenario(this.#scenario),
      partitions,
      chaosMs,
      faults: Object.fromEntries(this.#faults),
      faultCount: this.#faultCount,
      skipped: Object.fromEntries(this.#skipped),
      configurations: this.#configurations.checkedCount,
      failovers: this.#failovers,
      primariesKilled: this.#hurt.kill,
      primariesStopped: this.#hurt.stop,
      violations: this.#violations,
      folder: this.#processes.folder,
      lateMs: { p99: Math.round(this.#late.percentile(99) / 1e6), worst: Math.round(this.#late.max / 1e6) },
      ...found,
    };
  }
}

function termsOf({ kind, fault }: NetworkFault): string {
  if (kind === 'delay') return `, ${fault.delayMs} to ${(fault.delayMs ?? 0) + (fault.jitterMs ?? 0)} ms`;
  return kind === 'throttle' ? `, ${fault.bytesPerSecond} bytes a second` : '';
}

function probeOperation(
  { key, value, invokedMs }: { readonly key: string; readonly value: string; readonly invokedMs: number },
  result: Operation['result'],
  returnedMs: number,
): Operation {
  const action = { kind: 'set', value } as const;
  return { process: 'probe', key: `${PROBES}/${key}`, action, result, invokedMs, returnedMs };
}
