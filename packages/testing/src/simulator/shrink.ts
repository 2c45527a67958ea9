/**
 * Makes a failing decision list small: shorter, then fewer faults, fewer callers, fewer containers, plainer values.
 * What is left need not be the smallest list there is, but none of it was found to be needless within the bound.
 */
import { ddmin } from './ddmin.ts';
import type { Decisions, ScenarioValues } from './decisions.ts';
import type { Fault } from './fault.ts';
import { NOTHING_OMITTED, OPERATION_KINDS, type OperationKind } from './omissions.ts';
import type { RunReport } from './run-report.ts';
import { FLEETING } from './scenario.ts';

export interface ShrinkOptions {
  /** Of a run that broke `rule`. */
  readonly report: RunReport;
  /** A smaller list counts only if it breaks the same rule. */
  readonly rule: string;
  /** At most so many runs. */
  readonly runsMax: number;
  readonly run: (decisions: Decisions) => RunReport;
  /** Whether a list that fails may be taken. */
  readonly accepts: (decisions: Decisions) => boolean;
  /** After each step that helped, with the smallest list so far. */
  readonly onStep: (line: string, best: RunReport) => void;
}

/** The report of the smallest list found; its `decisions` are that list. */
export function shrink(options: ShrinkOptions): RunReport {
  return new Shrinker(options).shrink();
}

export function violatesRule({ violations }: RunReport, rule: string): boolean {
  return violations.some((violation) => violation.rule === rule);
}

/** How much of a list there is: what shrinking makes less. */
export function describeSize({ scenario, omissions, faults }: Decisions): string {
  const callers = scenario.clientCount * scenario.workersPerClient - omissions.callers.length;
  return [
    `${(scenario.chaosMs / 1_000).toFixed(1)} s of chaos, ${faults.length} faults, ${callers} callers`,
    `${OPERATION_KINDS.length - omissions.operations.length} kinds of calls`,
    `${scenario.containerCount} containers, ${scenario.mapSet.numberOfPartitions} partitions, ${scenario.keyCount} keys`,
  ].join(', ');
}

class Shrinker {
  readonly #options: ShrinkOptions;
  readonly #tried = new Set<string>();
  #best: RunReport;
  #runs = 0;

  constructor(options: ShrinkOptions) {
    this.#options = options;
    this.#best = options.report;
  }

  shrink(): RunReport {
    const steps: readonly [string, () => void][] = [
      ['shorter', () => this.#shorten()],
      ['fewer faults', () => this.#leaveOutFaults()],
      ['fewer callers', () => this.#leaveOutCallers()],
      ['fewer calls', () => this.#leaveOutCalls()],
      ['fewer containers', () => this.#leaveOutContainers()],
      ['plainer values', () => this.#simplifyValues()],
      ['shorter faults', () => this.#shortenFaults()],
    ];
    // One step makes room for another: again, until nothing helps.
    for (let before = ''; before !== JSON.stringify(this.#list) && !this.#isOver; ) {
      before = JSON.stringify(this.#list);
      for (const [name, step] of steps) {
        const best = this.#best;
        step();
        if (best !== this.#best)
          this.#options.onStep(`${name}: ${describeSize(this.#list)} (${this.#runs} runs)`, this.#best);
      }
    }
    return this.#best;
  }

  get #list(): Decisions {
    return this.#best.decisions;
  }

  get #isOver(): boolean {
    return this.#runs >= this.#options.runsMax;
  }

  /** Takes this list if it still fails. Another order of events may be needed now that something is missing. */
  #try(candidate: Decisions, attempts = 1): boolean {
    for (let attempt = 0; attempt < attempts && !this.#isOver; attempt++) {
      const { seeds } = candidate;
      const varied = { ...seeds, schedule: seeds.schedule + attempt, network: seeds.network + attempt };
      const decisions = { ...candidate, seeds: varied };
      const text = JSON.stringify(decisions);
      if (this.#tried.has(text)) continue;
      this.#tried.add(text);
      this.#runs += 1;
      const report = this.#options.run(decisions);
      if (!violatesRule(report, this.#options.rule) || !this.#options.accepts(decisions)) continue;
      this.#best = report;
      return true;
    }
    return false;
  }

  #trySome(candidates: readonly Decisions[], attempts = 1): boolean {
    return candidates.some((candidate) => this.#try(candidate, attempts));
  }

  #withScenario(values: Partial<ScenarioValues>): Decisions {
    return { ...this.#list, scenario: { ...this.#list.scenario, ...values } };
  }

  #withMapSet(values: Partial<ScenarioValues['mapSet']>): Decisions {
    return this.#withScenario({ mapSet: { ...this.#list.scenario.mapSet, ...values } });
  }

  #withOmissions(omissions: Partial<Decisions['omissions']>): Decisions {
    return { ...this.#list, omissions: { ...this.#list.omissions, ...omissions } };
  }

  // ── Shorter ───────────────────────────────────────────────────────────────────────────────────────────────────

  #shorten(): void {
    // What would have come after the violation never came.
    const { chaosMs } = this.#list.scenario;
    const ranMs = Math.ceil(this.#best.chaosRanMs);
    if (ranMs < chaosMs) this.#try(this.#endingAt(ranMs));
    for (let isShorter = true; isShorter && !this.#isOver; ) {
      const wholeMs = this.#list.scenario.chaosMs;
      if (wholeMs < 100) return;
      const shares = [0, 0.125, 0.25, 0.5, 0.75, 0.9];
      isShorter = this.#trySome(shares.map((share) => this.#endingAt(Math.floor(wholeMs * share))));
    }
    for (let isShorter = true; isShorter && !this.#isOver; ) {
      const wholeMs = this.#list.scenario.chaosMs;
      if (wholeMs < 100) return;
      const shares = [0.75, 0.5, 0.25, 0.1];
      isShorter = this.#trySome(shares.map((share) => this.#startingAt(Math.floor(wholeMs * share))));
    }
  }

  #endingAt(chaosMs: number): Decisions {
    const faults = this.#list.faults.filter(({ atMs }) => atMs <= chaosMs);
    return { ...this.#withScenario({ chaosMs }), faults };
  }

  #startingAt(skippedMs: number): Decisions {
    const faults = this.#list.faults
      .filter(({ atMs }) => atMs >= skippedMs)
      .map((fault) => ({ ...fault, atMs: fault.atMs - skippedMs }));
    return { ...this.#withScenario({ chaosMs: this.#list.scenario.chaosMs - skippedMs }), faults };
  }

  // ── Fewer ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #leaveOutFaults(): void {
    ddmin(this.#list.faults, (faults) => this.#try({ ...this.#list, faults: [...faults] }, 2));
  }

  #leaveOutCallers(): void {
    const { clientCount } = this.#list.scenario;
    for (let fewer = 1; fewer < clientCount; fewer++)
      if (this.#try(this.#withScenario({ clientCount: fewer }), 2)) break;
    const { workersPerClient } = this.#list.scenario;
    if (this.#list.omissions.callers.length === 0 && workersPerClient > 1)
      this.#trySome([1, 2].map((fewer) => this.#withScenario({ workersPerClient: Math.min(fewer, workersPerClient) })));
    const all = callersOf(this.#list.scenario);
    // Those who are left out in vain, as there are fewer now, are forgotten.
    const left = all.filter((name) => !this.#list.omissions.callers.includes(name));
    ddmin(left, (some) => this.#try(this.#withOmissions({ callers: all.filter((name) => !some.includes(name)) }), 2));
  }

  #leaveOutCalls(): void {
    const kinds = (): OperationKind[] =>
      OPERATION_KINDS.filter((kind) => !this.#list.omissions.operations.includes(kind));
    ddmin(kinds(), (some) =>
      this.#try(this.#withOmissions({ operations: OPERATION_KINDS.filter((kind) => !some.includes(kind)) })),
    );
    const endMs = Math.ceil(this.#best.virtualMs);
    const { beforeMs } = this.#list.omissions;
    this.#trySome(
      [0.75, 0.5, 0.25]
        .map((share) => beforeMs + Math.floor((endMs - beforeMs) * share))
        .map((fromMs) => this.#withOmissions({ beforeMs: fromMs })),
    );
    const untilMs = Math.min(this.#list.omissions.afterMs, endMs);
    this.#trySome(
      [0.5, 0.75, 0.9].map((share) => Math.floor(untilMs * share)).map((afterMs) => this.#withOmissions({ afterMs })),
    );
  }

  #leaveOutContainers(): void {
    const least = this.#list.scenario.mapSet.minSyncReplicas + 1;
    for (let number = this.#list.scenario.containerCount; number >= 1; number--) {
      if (this.#list.scenario.containerCount <= least) return;
      this.#try(withoutContainer(this.#list, number), 2);
    }
  }

  // ── Plainer ───────────────────────────────────────────────────────────────────────────────────────────────────

  #simplifyValues(): void {
    const { scenario } = this.#list;
    const { mapSet } = scenario;
    if (mapSet.numberOfPartitions > 1)
      this.#trySome([1, 2].map((numberOfPartitions) => this.#withMapSet({ numberOfPartitions })));
    if (scenario.keyCount > 1) this.#trySome([1, 3].map((keyCount) => this.#withScenario({ keyCount })));
    if (scenario.counterCount > 1) this.#try(this.#withScenario({ counterCount: 1 }));
    if (scenario.ownTtlsMs !== undefined) this.#try(withoutTtl(this.#list));
    if (mapSet.replicaReadEnabled) this.#try(this.#withMapSet({ replicaReadEnabled: false }));
    if (mapSet.maxAsyncReplicas > 0) this.#try(this.#withMapSet({ maxAsyncReplicas: 0 }));
    if (mapSet.maxSyncReplicas > Math.max(mapSet.minSyncReplicas, 1))
      this.#try(this.#withMapSet({ maxSyncReplicas: Math.max(mapSet.minSyncReplicas, 1) }));
    if (scenario.clockError > 0) this.#try(this.#withScenario({ clockError: 0 }));
    const { medianMs, spread } = this.#list.scenario.latency;
    if (spread > 0) this.#try(this.#withScenario({ latency: { medianMs, spread: 0 } }));
    if (medianMs > 1) this.#try(this.#withScenario({ latency: { ...this.#list.scenario.latency, medianMs: 1 } }));
  }

  #shortenFaults(): void {
    for (let index = 0; index < this.#list.faults.length; index++) {
      for (const share of [0.1, 0.5]) {
        const fault = this.#list.faults[index];
        if (fault === undefined || fault.lastingMs < 100) break;
        const shorter: Fault = { ...fault, lastingMs: Math.ceil(fault.lastingMs * share) };
        if (this.#try({ ...this.#list, faults: this.#list.faults.with(index, shorter) })) break;
      }
    }
  }
}

function callersOf({ clientCount, workersPerClient }: ScenarioValues): string[] {
  return Array.from({ length: clientCount * workersPerClient }, (_, index) => {
    const client = Math.floor(index / workersPerClient) + 1;
    return `client${client}.${(index % workersPerClient) + 1}`;
  });
}

/** Those behind it move up, also in the faults. */
function withoutContainer(list: Decisions, number: number): Decisions {
  const { scenario } = list;
  const containerCount = scenario.containerCount - 1;
  const rename = (name: string): string => {
    const own = /^c(\d+)$/.exec(name);
    if (own === null) return name;
    if (Number(own[1]) === number) return '';
    return Number(own[1]) > number ? `c${Number(own[1]) - 1}` : name;
  };
  const faults = list.faults.flatMap((fault): Fault[] => {
    const targets = fault.targets.map(rename).filter((name) => name !== '');
    if (targets.length < fault.targets.length) return [];
    const sides = fault.sides.map((side) => side.map(rename).filter((name) => name !== ''));
    const links = fault.links
      .map(([from, to]): [string, string] => [rename(from), rename(to)])
      .filter(([from, to]) => from !== '' && to !== '');
    return [{ ...fault, targets, sides, links }];
  });
  const { mapSet } = scenario;
  const numInitialContainers = Math.min(mapSet.numInitialContainers, containerCount);
  return { ...list, scenario: { ...scenario, containerCount, mapSet: { ...mapSet, numInitialContainers } }, faults };
}

function withoutTtl(list: Decisions): Decisions {
  const { ownTtlsMs: _, ...scenario } = list.scenario;
  const maps = scenario.mapSet.maps.filter(({ name }) => name !== FLEETING);
  const operations = list.omissions.operations.filter((kind) => kind !== 'fleeting');
  const omissions = { ...NOTHING_OMITTED, ...list.omissions, operations };
  return { ...list, scenario: { ...scenario, mapSet: { ...scenario.mapSet, maps } }, omissions };
}
