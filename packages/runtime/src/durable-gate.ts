import type { Journal } from './journal.ts';

/**
 * Holds acts back until everything journalled before them is durable, and keeps their order. One sync runs at a
 * time and covers all that came while the one before it ran.
 */
export class DurableGate {
  readonly #journal: Journal;
  readonly #onFailure: (error: unknown) => void;
  #waiting: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #failed = false;

  constructor(journal: Journal, onFailure: (error: unknown) => void) {
    this.#journal = journal;
    this.#onFailure = onFailure;
  }

  pass(act: () => void): void {
    if (this.#running === undefined && this.#journal.isDurable) {
      act();
      return;
    }
    this.#waiting.push(act);
    this.#start();
  }

  /** Starts a sync of what was journalled, also if nothing waits for it. */
  push(): void {
    if (!this.#journal.isDurable) this.#start();
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    if (this.#failed) this.#waiting = [];
    else this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0 || !this.#journal.isDurable) {
        const ready = this.#waiting;
        this.#waiting = [];
        await this.#journal.sync();
        for (const act of ready) act();
      }
    } catch (error) {
      // What waits was never promised to anybody; it must not leave now.
      this.#failed = true;
      this.#waiting = [];
      this.#onFailure(error);
    } finally {
      // In the same breath as the last look at `waiting`, so that whoever comes next starts anew.
      this.#running = undefined;
    }
  }
}
