/**
 * Whoever holds a lease must notice that the machine slept. The monotonic clock stands still then, so that it alone
 * would let a lease live on for as long as the machine was away. Two other clocks go on: the wall clock, looked at in
 * every turn before anything else, and the boot clock, looked at on ticks. Both are compared with the monotonic one.
 *
 *     monotonic   ├──────────┤ asleep ├────▶      held until 3.0 s, by this clock
 *     wall, boot  ├──────────┼────────┼────▶      the difference grew by what it slept
 *
 * A difference of more than `TOLERANCE_MS`, either way, means that it slept or that somebody set the calendar: every
 * held lease is dropped, and `leaseGen` is raised, so that an answer to a question from before says nothing any more.
 * What is within the tolerance is counted as slept (`standstillMs`).
 */
import type { Clocks } from '../clocks.ts';

const TOLERANCE_MS = 100;
const BOOT_EVERY_MS = 50;
/** The boot clock's own steps are no sleep. */
const BOOT_STEP_MS = 10;
/** Slow changes (the clocks' frequencies) are forgotten; longer than every lease. */
const FORGET_MS = 30_000;

export class SuspendGuard {
  /** Raised whenever the leases were dropped; echoed with every question for one. */
  leaseGen = 1;
  readonly #clocks: Clocks | undefined;
  readonly #wall = new Offset();
  readonly #boot = new Offset();
  #hasLooked = false;
  #lookedAtBootMs = Number.NEGATIVE_INFINITY;

  /** Without clocks it sees nothing: fit for tests of other things only. */
  constructor(clocks: Clocks | undefined) {
    this.#clocks = clocks;
  }

  /** How long the monotonic clock may have stood still without our having dropped anything. */
  get standstillMs(): number {
    return Math.max(0, this.#wall.aheadMs, this.#boot.aheadMs - BOOT_STEP_MS);
  }

  /** Before anything is done in a turn; again in the same one it costs nothing. @returns whether all held leases are to be dropped. */
  look(nowMs: number, isTick: boolean): boolean {
    if (this.#clocks === undefined || (this.#hasLooked && !isTick)) return false;
    this.#hasLooked = true;
    this.#wall.look(nowMs, this.#clocks.wallMs());
    if (isTick && nowMs - this.#lookedAtBootMs >= BOOT_EVERY_MS) {
      this.#lookedAtBootMs = nowMs;
      this.#boot.look(nowMs, this.#clocks.bootMs());
    }
    const changeMs = Math.max(this.#wall.changeMs, this.#boot.changeMs - BOOT_STEP_MS);
    if (changeMs <= TOLERANCE_MS) return false;
    this.leaseGen += 1;
    // From now on, not from the next look: the machine may sleep again before it.
    this.#wall.restart(nowMs, this.#clocks.wallMs());
    this.#boot.restart(nowMs, this.#clocks.bootMs());
    this.#lookedAtBootMs = nowMs;
    return true;
  }

  /** The machine may sleep before the next turn, which may begin at the same time by the monotonic clock. */
  endTurn(): void {
    this.#hasLooked = false;
  }
}

/** How far another clock has moved away from the monotonic one, since half a minute or a whole one ago. */
class Offset {
  /** Either way. */
  changeMs = 0;
  /** What the monotonic clock has missed. */
  aheadMs = 0;
  #older: number | undefined;
  #newer = 0;
  #newerSinceMs = 0;

  look(monotonicMs: number, otherMs: number): void {
    const offsetMs = otherMs - monotonicMs;
    if (this.#older === undefined) {
      this.#older = offsetMs;
      this.#newer = offsetMs;
      this.#newerSinceMs = monotonicMs;
    }
    const fromOlderMs = offsetMs - this.#older;
    const fromNewerMs = offsetMs - this.#newer;
    this.changeMs = Math.max(Math.abs(fromOlderMs), Math.abs(fromNewerMs));
    this.aheadMs = Math.max(fromOlderMs, fromNewerMs);
    if (monotonicMs - this.#newerSinceMs < FORGET_MS) return;
    this.#older = this.#newer;
    this.#newer = offsetMs;
    this.#newerSinceMs = monotonicMs;
  }

  restart(monotonicMs: number, otherMs: number): void {
    this.#older = undefined;
    this.look(monotonicMs, otherMs);
  }
}
