/** What goes wrong, and when: drawn as the run goes, or given by a decision list. */
import type { Random } from '@ostraca/core';
import { AIMED_FAULTS } from './aimed-faults.ts';
import { CATALOG_FAULTS } from './catalog-faults.ts';
import { type Fault, type FaultRule, type FaultSite, faultSchema, type PlannedFault, planFaults } from './fault.ts';
import { LOAD_FAULTS } from './load-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import type { FaultKind } from './scenario.ts';

export interface FaultsOptions extends Omit<FaultSite, 'after'> {
  /** Of the plan. */
  readonly random: Random;
  /** These instead of drawn ones, in the order of their times. */
  readonly given?: readonly Fault[];
}

const RULES: Readonly<Record<FaultKind, FaultRule>> = {
  ...PROCESS_FAULTS,
  ...CATALOG_FAULTS,
  ...NETWORK_FAULTS,
  ...LOAD_FAULTS,
  ...AIMED_FAULTS,
};

/** What keeps a container from the catalog. */
const HIDES_CONTAINERS: ReadonlySet<FaultKind> = new Set([
  ...(['crash', 'silentCrash', 'crashMany', 'stop', 'drain', 'partition', 'isolate', 'depose'] as const),
  ...(['oneWay', 'grantsOnly', 'lateNews', 'suspend', 'catalogLoss', 'lateAnswers', 'lastCopy'] as const),
]);

export class Faults {
  readonly counts = new Map<FaultKind, number>();
  /** What did happen, so that it can happen again. */
  readonly injected: Fault[] = [];
  readonly #site: FaultSite;
  readonly #coming: (PlannedFault | Fault)[];
  #isOver = false;

  constructor({ random, given, ...site }: FaultsOptions) {
    const after = (delayMs: number, then: () => void): void => {
      site.world.scheduler.after(delayMs, () => {
        if (!this.#isOver) then();
      });
    };
    this.#site = { ...site, after };
    this.#coming = given === undefined ? planFaults(site.scenario, random) : [...given];
  }

  /** When the next one is due, after the chaos began; undefined: none is left. */
  get nextAtMs(): number | undefined {
    return this.#coming[0]?.atMs;
  }

  /** The one that is due. */
  injectNext(): void {
    const next = this.#coming.shift();
    if (next === undefined) return;
    if (!('random' in next)) {
      this.#inject(next);
      return;
    }
    const { atMs, kind, random } = next;
    for (const choice of RULES[kind].draw(this.#site, random))
      this.#inject(faultSchema.parse({ atMs, kind, ...choice }));
  }

  /** Nothing goes wrong any more, and everything that had is mended. */
  end(): void {
    this.#isOver = true;
    const { world, cluster, scenario, workload } = this.#site;
    world.network.latency = scenario.latency;
    cluster.heal();
    workload.restartClients();
  }

  #inject(fault: Fault): void {
    const { cluster, world } = this.#site;
    const { kind } = fault;
    // A catalog that nobody has told of an earlier one takes the grid for a new one, and rightly so.
    if (cluster.knowsNothing && HIDES_CONTAINERS.has(kind)) return;
    if (!RULES[kind].inject(this.#site, fault)) return;
    this.injected.push(fault);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    world.trace.add({ timeMs: world.scheduler.nowMs, process: 'faults', what: kind, detail: fault });
  }
}
