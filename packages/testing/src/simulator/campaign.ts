/** Many seeds: run here one after another, or by worker processes, and summed up. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Mutation } from '@ostraca/core';
import type { CoverageCounts } from './coverage.ts';
import type { RunReport } from './run-report.ts';
import type { FaultKind } from './scenario.ts';
import { runSimulation } from './simulation.ts';

/** One seed of so many runs twice: both runs must have one trace. */
const TWICE_EVERY = 50;

export interface CampaignOptions {
  readonly seeds: readonly number[];
  readonly mutations: ReadonlySet<Mutation>;
  readonly extraFaults: readonly FaultKind[];
  /** Default: reports do not tell what runs came to. */
  readonly coverage?: boolean;
  /** 0: in this process. */
  readonly workers: number;
  /** What a worker process runs: `runWorker` of this file. */
  readonly workerFile: string;
  readonly onReport: (report: RunReport) => void;
  /** Asked after each report. */
  readonly goOn: () => boolean;
}

export async function runCampaign(options: CampaignOptions): Promise<void> {
  const tasks = options.seeds.map((seed, index): Task => {
    return {
      seed,
      mutations: [...options.mutations],
      extraFaults: options.extraFaults,
      coverage: options.coverage === true,
      twice: index % TWICE_EVERY === 0,
    };
  });
  if (options.workers > 0) return runInWorkers(tasks, options);
  for (const task of tasks) {
    options.onReport(runTask(task));
    if (!options.goOn()) return;
  }
}

interface Task {
  readonly seed: number;
  readonly mutations: readonly Mutation[];
  readonly extraFaults: readonly FaultKind[];
  readonly coverage: boolean;
  readonly twice: boolean;
}

function runTask({ seed, mutations, extraFaults, coverage, twice }: Task): RunReport {
  const options = { seed, mutations: new Set(mutations), extraFaults, coverage };
  const report = runSimulation(options);
  if (!twice) return report;
  const again = runSimulation(options);
  if (again.traceHash === report.traceHash) return report;
  const what = `two runs of one seed have the traces ${report.traceHash} and ${again.traceHash}`;
  return { ...report, violations: [...report.violations, { rule: 'determinism', what }] };
}

async function runInWorkers(tasks: readonly Task[], options: CampaignOptions): Promise<void> {
  const queue = [...tasks];
  let isOver = false;
  const work = (child: ChildProcess): Promise<void> =>
    new Promise((resolve, reject) => {
      const next = (): void => {
        const task = isOver ? undefined : queue.shift();
        if (task === undefined) child.disconnect();
        else child.send(task);
      };
      child.on('message', (report) => {
        // Infinity and the like do not travel; a report has none.
        options.onReport(report as RunReport);
        if (!options.goOn()) isOver = true;
        next();
      });
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker exited with ${code}`))));
      next();
    });
  const children = Array.from({ length: Math.min(options.workers, tasks.length) }, () =>
    fork(options.workerFile, ['--worker']),
  );
  await Promise.all(children.map(work));
}

/** The other side: runs what it is sent until the parent hangs up. */
export function runWorker(): void {
  process.on('message', (task) => {
    process.send?.(runTask(task as Task));
  });
}

export class Summary {
  seedCount = 0;
  readonly failures: RunReport[] = [];
  readonly faults = new Map<string, number>();
  readonly notes = new Map<string, number>();
  readonly #coverage = new Map<string, number>();
  #virtualMs = 0;
  #commits = 0;
  #operations = 0;
  readonly #transactions = new Map<string, number>();
  #unknown = 0;
  #searched = 0;
  #decided = 0;
  #lost = 0;
  #slowestRecoveryMs = 0;

  add(report: RunReport): void {
    this.seedCount += 1;
    if (report.violations.length > 0) this.failures.push(report);
    this.#virtualMs += report.virtualMs;
    this.#commits += report.commitCount;
    this.#operations += report.operationCount;
    this.#unknown += report.unknownCount;
    addUp(this.#transactions, report.transactions);
    this.#searched += report.searchedCount;
    this.#decided += report.decidedCount;
    this.#lost += report.lostPartitionCount;
    this.#slowestRecoveryMs = Math.max(this.#slowestRecoveryMs, report.recoveryMs ?? 0);
    addUp(this.faults, report.faults);
    addUp(this.notes, report.notes);
    addUp(this.#coverage, report.coverage ?? {});
  }

  /** By cell, with the faults. */
  get coverage(): CoverageCounts {
    const faults = [...this.faults].map(([kind, count]): [string, number] => [`fault: ${kind}`, count]);
    return Object.fromEntries([...this.#coverage, ...faults]);
  }

  lines(): string[] {
    const listed = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort()
        .map(([name, count]) => `${name} ${count}`)
        .join(', ') || 'none';
    return [
      `seeds            ${this.seedCount}`,
      `simulated hours  ${(this.#virtualMs / 3_600_000).toFixed(2)}`,
      `operations       ${this.#operations}, of them ${this.#unknown} with unknown outcome`,
      `commits checked  ${this.#commits}`,
      `transactions     ${listed(this.#transactions)}`,
      `records decided  ${this.#decided}`,
      `keys searched    ${this.#searched}`,
      `slowest recovery ${(this.#slowestRecoveryMs / 1_000).toFixed(1)} s`,
      `partitions lost  ${this.#lost} (every copy had died)`,
      `faults           ${listed(this.faults)}`,
      `events           ${listed(this.notes)}`,
      `violations       ${this.failures.reduce((sum, { violations }) => sum + violations.length, 0)} in ${this.failures.length} seeds`,
    ];
  }
}

function addUp(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
}

/** The options of the command line that make this very run again. */
export function repeatOptions(seed: number, mutant: string, extraFaults: readonly FaultKind[]): string {
  const withFaults = extraFaults.length === 0 ? '' : ` --with ${extraFaults.join(',')}`;
  return `--seed ${seed}${mutant === '' ? '' : ` --mutant ${mutant}`}${withFaults}`;
}

export function describeFailure(report: RunReport, options: string): string[] {
  return [
    `seed ${report.seed}: ${report.scenario}`,
    ...report.violations.map(({ rule, what }) => `  ${rule}: ${what}`),
    '  the end of its trace:',
    ...report.tail.map((line) => `    ${line}`),
    `  repeat it: npm run sim -- ${options}`,
    `  shrink it: npm run sim -- ${options} --shrink`,
  ];
}
