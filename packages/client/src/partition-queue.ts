/** The requests of one partition, and what the primary must know of their numbers. */
import { LIMITS, type PartitionId } from '@ostraca/core';
import { Fifo } from './fifo.ts';
import { isWrite, type Pending } from './pending.ts';
import { Unanswered } from './unanswered.ts';

export class PartitionQueue {
  readonly partition: PartitionId;
  /** Never sent, in the order of their calls. */
  readonly waiting = new Fifo<Pending>((pending) => pending.state === 'done');
  /** Sent at least once, by their order. */
  readonly unanswered = new Unanswered<Pending>();
  /** How many of `unanswered` are to be sent again. */
  returnedCount = 0;
  /** After a refusal nothing is sent before this time, or before a newer route. */
  retryAtMs = 0;
  /** Refusals in a row. */
  failures = 0;
  /** `retryAtMs` is because of the retry budget, so many times in a row; 0: it is not. */
  throttles = 0;
  #nextOrder = 1;
  #nextSeq = 1;
  #ackedBelow = 1;
  readonly #answeredAhead = new Set<number>();

  constructor(partition: PartitionId) {
    this.partition = partition;
  }

  /** Every seq below was answered or given up: none of them will be sent again. */
  get ackedBelow(): number {
    return this.#ackedBelow;
  }

  /** The next waiting request, if its primary has room for one more of ours. */
  nextToSend(): Pending | undefined {
    const next = this.waiting.first();
    return next !== undefined && this.hasRoomFor(next) ? next : undefined;
  }

  hasRoomFor(pending: Pending): boolean {
    if (this.unanswered.size >= LIMITS.outstandingPerPartitionMax) return false;
    // The primary remembers answers by seq: its memory is a window over them, not a count of the unanswered.
    return !isWrite(pending) || this.#nextSeq - this.#ackedBelow < LIMITS.outstandingPerPartitionMax;
  }

  /** Moves the first waiting request to the unanswered and numbers it. */
  admitWaiting(pending: Pending): void {
    this.waiting.shift();
    this.admit(pending);
  }

  /** Numbers one that need not wait. */
  admit(pending: Pending): void {
    pending.order = this.#nextOrder;
    this.#nextOrder += 1;
    if (isWrite(pending)) {
      pending.seq = this.#nextSeq;
      this.#nextSeq += 1;
    }
    this.unanswered.push(pending);
  }

  /** Answered or given up. */
  release(pending: Pending): void {
    if (pending.order === 0) return;
    this.unanswered.delete(pending);
    if (pending.seq > 0) this.#acknowledge(pending.seq);
  }

  #acknowledge(seq: number): void {
    if (seq === this.#ackedBelow) this.#ackedBelow += 1;
    else this.#answeredAhead.add(seq);
    if (this.#answeredAhead.size === 0) return;
    while (this.#answeredAhead.delete(this.#ackedBelow)) this.#ackedBelow += 1;
  }
}
