/**
 * Virtual time: a binary heap of what is to run, by (virtual time, a seeded draw, insertion). The draw makes events
 * of one instant run in an order of the seed's choosing, so that no code can rely on the order in which it asked.
 */
import { assert, must, type Random } from '@ostraca/core';

export interface Scheduled {
  readonly timeMs: number;
  cancelled: boolean;
}

interface Entry extends Scheduled {
  readonly draw: number;
  readonly insertion: number;
  readonly run: () => void;
}

export class Scheduler {
  readonly #heap: Entry[] = [];
  readonly #random: Random;
  #nowMs = 0;
  #insertions = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Virtual real time, which no process sees: each has a clock of its own. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have been asked for so far. */
  get eventCount(): number {
    return this.#insertions;
  }

  at(timeMs: number, run: () => void): Scheduled {
    assert(!Number.isNaN(timeMs), 'a time is a number');
    const entry: Entry = {
      timeMs: Math.max(timeMs, this.#nowMs),
      draw: this.#random.below(0x1_0000_0000),
      insertion: this.#insertions,
      run,
      cancelled: false,
    };
    this.#insertions += 1;
    this.#push(entry);
    return entry;
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#nowMs + delayMs, run);
  }

  /** Runs everything that is due up to `timeMs`, which is then the present. `goOn` is asked before each event. */
  runUntil(timeMs: number, goOn: () => boolean = () => true): void {
    while (this.#heap.length > 0 && must(this.#heap[0], 'top of the heap').timeMs <= timeMs) {
      if (!goOn()) return;
      const entry = this.#pop();
      if (entry.cancelled) continue;
      assert(entry.timeMs >= this.#nowMs, 'time does not go back');
      this.#nowMs = entry.timeMs;
      entry.run();
    }
    if (timeMs > this.#nowMs) this.#nowMs = timeMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = must(heap[parentIndex], 'parent');
      if (!isBefore(entry, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = must(heap[0], 'top of the heap');
    const last = must(heap.pop(), 'last of the heap');
    const length = heap.length;
    if (length === 0) return top;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= length) break;
      let child = must(heap[childIndex], 'child');
      const right = heap[childIndex + 1];
      if (right !== undefined && isBefore(right, child)) {
        childIndex += 1;
        child = right;
      }
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
    return top;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  if (a.draw !== b.draw) return a.draw < b.draw;
  return a.insertion < b.insertion;
}
