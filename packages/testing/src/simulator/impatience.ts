/**
 * Callers that give up: some of their writes have a short deadline, which ends with the question what became of them
 * (ResolveOrAbort), some are aborted while they are out, and some clients close instead of dying.
 * What the client is told at once goes into the history: a write that was out may take effect or not, for ever after; one
 * that was "not applied" must never be seen.
 */
import type { Pending } from '@ostraca/client';
import type { Caller, Client } from './calls.ts';
import type { Scenario } from './scenario.ts';
import type { World } from './virtual-process.ts';

export interface ImpatienceOptions {
  readonly scenario: Scenario;
  readonly world: World;
}

/** Of all writes. */
const ABORTED_1_IN = 12;
const SHORT_1_IN = 4;
const SHORT_MS_MIN = 20;

export class Impatience {
  readonly #options: ImpatienceOptions;

  constructor(options: ImpatienceOptions) {
    this.#options = options;
  }

  /** How long a write may take that could take so long. */
  shorten({ random }: Caller, timeoutMs: number): number {
    const { abortsWithinMs } = this.#options.scenario;
    if (abortsWithinMs === undefined || random.below(SHORT_1_IN) > 0) return timeoutMs;
    return SHORT_MS_MIN + Math.floor(random.unit() * abortsWithinMs);
  }

  /** Aborts it some time later, if it is one of those that are; `pending` is undefined until it was submitted. */
  watch({ client: { process }, random }: Caller, pending: () => Pending | undefined): void {
    const { scenario, world } = this.#options;
    const { abortsWithinMs } = scenario;
    if (abortsWithinMs === undefined || random.below(ABORTED_1_IN) > 0) return;
    const { machine } = process;
    world.scheduler.after(random.unit() * abortsWithinMs, () => {
      process.post(() => {
        const write = pending();
        if (machine === process.machine && write !== undefined) machine?.abort(write, 'enough', process.clockMs);
      });
    });
  }

  /** Has a client close, and tells when it has; false: it is to die. */
  close({ process, random }: Client, closed: () => void): boolean {
    const { scenario, world } = this.#options;
    if (scenario.abortsWithinMs === undefined || random.below(2) === 0) return false;
    const { machine } = process;
    process.post(() => {
      machine?.close();
      world.scheduler.after(0, () => {
        if (machine === process.machine) closed();
      });
    });
    return true;
  }
}
