/**
 * I-LEASE, looked at from inside: once a primary has read or decided, no primary of an older epoch of that partition
 * passes its lease check any more. Told in the order of real time, which no process sees.
 */
import type { Violation } from './history.ts';

export interface PrimaryStep {
  readonly partition: number;
  readonly epoch: number;
  /** `reads`: it has passed its lease check. */
  readonly how: 'reads' | 'decides';
  readonly by: string;
  readonly atMs: number;
}

const VIOLATIONS_MAX = 10;

export class LeaseSafety {
  readonly violations: Violation[] = [];
  /** Passed lease checks. */
  checkedCount = 0;
  /** By partition, the first step of the newest epoch. */
  readonly #newest = new Map<number, PrimaryStep>();

  observe(step: PrimaryStep): void {
    const newest = this.#newest.get(step.partition);
    if (step.how === 'reads') this.checkedCount += 1;
    if (newest === undefined || step.epoch > newest.epoch) {
      this.#newest.set(step.partition, step);
      return;
    }
    // A decision needs no lease: acknowledgements of all of S make it safe, however late it is taken.
    if (step.epoch === newest.epoch || step.how === 'decides' || this.violations.length >= VIOLATIONS_MAX) return;
    const at = (ms: number): string => (ms / 1_000).toFixed(4);
    const what =
      `partition ${step.partition}: ${step.by} passed its lease check of epoch ${step.epoch} at ${at(step.atMs)}, ` +
      `but ${newest.by} acts in epoch ${newest.epoch} since ${at(newest.atMs)}`;
    this.violations.push({ rule: 'I-LEASE', what });
  }
}
