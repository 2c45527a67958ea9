/**
 * The catalog's disk: appended events become durable some time later, all that wait together by one fsync. A crash
 * keeps what was durable and, of the rest, a seeded part from its beginning: the event behind that part is torn, so
 * the reader stops there.
 */
import type { Random } from '@ostraca/core';
import type { Scheduler } from './scheduler.ts';

export interface JournalOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
}

export class VirtualJournal {
  /** Median of one fsync. */
  fsyncMs = 2;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  /** As text, as a file would hold them: no object is shared between two lives. */
  #durable: string[] = [];
  #waiting: string[] = [];
  #onDurable: (() => void)[] = [];
  #isSyncing = false;
  #life = 0;

  constructor({ scheduler, random }: JournalOptions) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** What a process that starts reads. */
  read(): unknown[] {
    return this.#durable.map((line) => JSON.parse(line) as unknown);
  }

  append(event: unknown): void {
    this.#waiting.push(JSON.stringify(event));
    this.#sync();
  }

  /** Calls back when everything appended so far is durable: at once if it is. */
  whenDurable(then: () => void): void {
    if (this.#waiting.length === 0) then();
    else this.#onDurable.push(then);
  }

  /** The disk is gone. */
  destroy(): void {
    this.crash();
    this.#durable = [];
  }

  crash(): void {
    this.#durable.push(...this.#waiting.slice(0, this.#random.below(this.#waiting.length + 1)));
    this.#waiting = [];
    this.#onDurable = [];
    this.#isSyncing = false;
    this.#life += 1;
  }

  #sync(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    const life = this.#life;
    // What is appended while the fsync runs is not in it. The append that started it is: so does its turn's rest.
    this.#scheduler.after(0, () => {
      if (life !== this.#life) return;
      const count = this.#waiting.length;
      const callbackCount = this.#onDurable.length;
      this.#scheduler.after(this.fsyncMs * (0.3 + 2 * this.#random.unit()), () => {
        if (life !== this.#life) return;
        this.#durable.push(...this.#waiting.splice(0, count));
        this.#isSyncing = false;
        const ready = this.#onDurable.splice(0, this.#waiting.length === 0 ? this.#onDurable.length : callbackCount);
        for (const then of ready) then();
        if (this.#waiting.length > 0) this.#sync();
      });
    });
  }
}
