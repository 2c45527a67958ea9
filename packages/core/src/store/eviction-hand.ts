/**
 * Goes round and round over the index in the order of the hashes, some entries at a time, and tells which of those it
 * passed are the coldest. To look at many and take the coldest sixteenth is nearer to the exact order than to look at
 * sixteen and take one (docs/internals/memory.md), and memory is passed in order.
 */
import type { HashIndex } from './hash-index.ts';
import { COLDNESS_MAX, type Usage } from './usage.ts';

/** Of entries that are looked at, for each that is wanted. */
const LOOKS_PER_ENTRY = 16;
const TWO_32 = 0x1_0000_0000;
export const WANTED_MAX = 64;

export class EvictionHand {
  readonly #usage: Usage;
  #afterHash: number | undefined;
  /** Warmth in the upper bits, reference in the lower: sorted as numbers, the coldest come first. */
  readonly #passed = new Float64Array(LOOKS_PER_ENTRY * WANTED_MAX);

  constructor(usage: Usage) {
    this.#usage = usage;
  }

  /** To the start: the index was cleared. */
  restart(): void {
    this.#afterHash = undefined;
    this.#usage.begin();
  }

  /**
   * References, the coldest first, sixteen times as many as are `wanted` (at most WANTED_MAX) if there are so many; of
   * entries that are equally cold those first that lie in older segments, more or less.
   */
  *coldest(index: HashIndex, wanted: number): Generator<number> {
    const count = this.#pass(index, Math.min(index.count, LOOKS_PER_ENTRY * Math.min(wanted, WANTED_MAX)));
    const passed = this.#passed.subarray(0, count).sort();
    for (const one of passed) yield one | 0;
  }

  /** @returns how many it looked at. */
  #pass(index: HashIndex, limit: number): number {
    const usage = this.#usage;
    let count = 0;
    let rounds = 0;
    let lastHash = -1;
    while (count < limit && rounds < 2) {
      const isDone = index.scan(this.#afterHash, (hash, reference, page, place) => {
        // Entries of one hash are not parted, as far as there is room for them.
        if (count === this.#passed.length || (count >= limit && hash !== lastHash)) return false;
        lastHash = hash;
        const mark = usage.passed(page.markAt(place));
        page.setMark(place, mark);
        this.#passed[count++] = (COLDNESS_MAX - usage.coldness(mark)) * TWO_32 + (reference >>> 0);
        return true;
      });
      if (!isDone) {
        this.#afterHash = lastHash;
        return count;
      }
      this.#afterHash = undefined;
      usage.begin();
      rounds++;
    }
    return count;
  }
}
