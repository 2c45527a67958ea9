/**
 * Callers that give up: they abort some of their writes while these are out, and some clients leave instead of dying.
 * Then the client asks what became of each write (ResolveOrAbort), and what it is told goes into the history: one that was
 * "not applied" must never be seen.
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
const ABORTED_1_IN = 6;

export class Impatience {
  readonly #options: ImpatienceOptions;

  constructor(options: ImpatienceOptions) {
    this.#options = options;
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

  /** Has a client leave, and tells when it has; false: it is to die. */
  leave({ process, random }: Client, left: () => void): boolean {
    const { scenario, world } = this.#options;
    if (scenario.abortsWithinMs === undefined || random.below(2) === 0) return false;
    const { machine } = process;
    process.post(() => {
      machine?.leave(process.clockMs, () => {
        world.scheduler.after(0, () => {
          if (machine === process.machine) left();
        });
      });
    });
    return true;
  }
}
