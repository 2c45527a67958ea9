/** The requests of one partition, and what the primary must know of their numbers. */
import { LIMITS, type PartitionId } from '@ostraca/core';
import { Fifo } from './fifo.ts';
import { isWrite, type Pending } from './pending.ts';

export class PartitionQueue {
  readonly partition: PartitionId;
  /** Never sent, in the order of their calls. */
  readonly waiting = new Fifo<Pending>((pending) => pending.state === 'done');
  /** Sent at least once, by their order: a Map keeps it, for nothing is put in twice. */
  readonly unanswered = new Map<number, Pending>();
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
    if (this.unanswered.size >= LIMITS.outstandingPerPartitionMax) return undefined;
    const next = this.waiting.first();
    if (next === undefined || !isWrite(next)) return next;
    // The primary remembers answers by seq: its memory is a window over them, not a count of the unanswered.
    return this.#nextSeq - this.#ackedBelow < LIMITS.outstandingPerPartitionMax ? next : undefined;
  }

  /** Moves the first waiting request to the unanswered and numbers it. */
  admit(pending: Pending): void {
    this.waiting.shift();
    pending.order = this.#nextOrder;
    this.#nextOrder += 1;
    if (isWrite(pending)) {
      pending.seq = this.#nextSeq;
      this.#nextSeq += 1;
    }
    this.unanswered.set(pending.order, pending);
  }

  /** Answered or given up. */
  release(pending: Pending): void {
    if (pending.order === 0) return;
    this.unanswered.delete(pending.order);
    if (pending.seq > 0) this.#acknowledge(pending.seq);
  }

  #acknowledge(seq: number): void {
    this.#answeredAhead.add(seq);
    while (this.#answeredAhead.delete(this.#ackedBelow)) this.#ackedBelow += 1;
  }
}
