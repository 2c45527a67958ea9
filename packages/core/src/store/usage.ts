/**
 * How lately or how often each entry of a map was used, in one byte (its mark, which lies in the index): enough to say
 * which of a few entries may go. Kept only for maps that evict; every copy keeps its own, and none is replicated.
 *
 * LRU: the mark is the low byte of a clock that turns by 1/96 of a map's worth of new entries. It must not go round
 * unnoticed: the hand that looks for entries to evict passes all of them in turn, sets what is older than 120 turns to 120,
 * and the clock stops 64 turns after the hand began its round. So no age comes to 256:
 *
 *     look: at most 120 ── at most 64 to the end of the round ── at most 64 to the next look ──▶ at most 248
 *
 * LFU: the mark is a counter that grows the more slowly the larger it is (R. Morris, Counting large numbers of events in
 * small registers, CACM 21 (10), 1978; Redis does the same), and falls by one now and then when the hand passes.
 */

export type EvictedFirst = 'LRU' | 'LFU';

export const COLDNESS_MAX = 255;

export interface Usage {
  /** An entry comes in, and with it there are `count`. @returns its mark. */
  fresh(count: number): number;
  /** @returns the mark of an entry that was just used. */
  used(mark: number): number;
  /** The hand passes. @returns the mark from now on. */
  passed(mark: number): number;
  /** The hand begins again at the start. */
  begin(): void;
  /** 0 to COLDNESS_MAX: how fit it is to go. */
  coldness(mark: number): number;
}

export function usageOf(evict: EvictedFirst, seed: number): Usage {
  return evict === 'LRU' ? new Recency() : new Frequency(seed);
}

const TURNS = 96;
const AGE_MAX = 120;
const TURNS_IN_A_ROUND_MAX = 64;

class Recency implements Usage {
  #clock = 0;
  #roundStart = 0;
  #sinceTurn = 0;

  fresh(count: number): number {
    this.#sinceTurn++;
    if (this.#sinceTurn * TURNS >= count && this.#clock - this.#roundStart < TURNS_IN_A_ROUND_MAX) {
      this.#clock++;
      this.#sinceTurn = 0;
    }
    return this.#clock & 255;
  }

  used(): number {
    return this.#clock & 255;
  }

  passed(mark: number): number {
    return this.coldness(mark) > AGE_MAX ? (this.#clock - AGE_MAX) & 255 : mark;
  }

  begin(): void {
    this.#roundStart = this.#clock;
  }

  coldness(mark: number): number {
    return (this.#clock - mark) & 255;
  }
}

/** What a new entry begins with: it is given some time to be used. */
const FRESH_COUNT = 1;
/** The larger, the more uses a counter tells apart, and the fewer its low values do. */
const GROWTH = 1;
/** One pass in so many lowers a counter. */
const PASSES_TO_FALL = 32;

class Frequency implements Usage {
  #random: number;

  constructor(seed: number) {
    this.#random = seed | 1;
  }

  fresh(): number {
    return FRESH_COUNT;
  }

  used(mark: number): number {
    if (mark >= COLDNESS_MAX) return mark;
    return this.#isDrawn(1 + Math.max(0, mark - FRESH_COUNT) * GROWTH) ? mark + 1 : mark;
  }

  passed(mark: number): number {
    return mark > 0 && this.#isDrawn(PASSES_TO_FALL) ? mark - 1 : mark;
  }

  begin(): void {}

  coldness(mark: number): number {
    return COLDNESS_MAX - mark;
  }

  /** With a chance of one in `outOf` (xorshift: G. Marsaglia, J. of Statistical Software 8 (14), 2003). */
  #isDrawn(outOf: number): boolean {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) * outOf < 0x1_0000_0000;
  }
}
