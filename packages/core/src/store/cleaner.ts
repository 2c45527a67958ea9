/**
 * Makes room: copies what lives in a full segment with much garbage to an open one, so that the segment can be dropped
 * (log-structured memory: S. M. Rumble, A. Kejriwal, J. Ousterhout, FAST 2014).
 *
 * It works a little after each write, in proportion to what was written or removed, and only while less than
 * UTILISATION of the full segments lives. So there is no timer, no turn is long, and garbage never runs ahead: it may
 * read PACE bytes for each byte written, more than twice what it needs at that utilisation.
 *
 * Which segment: the one with the most to gain for the least work, where an old segment's gain counts for more, because
 * what lived long in it will go on living (cost-benefit of M. Rosenblum and J. Ousterhout, ACM TOCS 10 (1), 1992).
 */
import type { HashIndex } from './hash-index.ts';
import { keyBytesAt, keyStartAt, recordUnitsAt, UNIT_BYTES } from './record.ts';
import { CLEANER, placeOf, referenceTo, type Segment, type SegmentHeap } from './segment-heap.ts';

export const UTILISATION = 0.85;
const PACE = 8;
/**
 * What is removed pays less: while much goes at once, segments empty by themselves, and what is moved now may go next.
 * Two bytes for each are enough that garbage stays below half of what lives.
 */
const PACE_OF_REMOVAL = 2;
/** At one write at least so much is read, or nothing: the way here costs more than a record. And at most. */
const STEP_UNITS_MIN = 1_024;
const STEP_UNITS_MAX = 16_384;

const SHORT_KEY_BYTES = 64;
const LOOP_UNITS_MAX = 64;

export interface CleanerParts {
  readonly heap: SegmentHeap;
  readonly index: HashIndex;
  readonly hashOf: (key: Uint8Array) => number;
}

export class Cleaner {
  readonly #parts: CleanerParts;
  #victim: Segment | undefined;
  /** In the victim: what lies before it is moved or garbage. */
  #at = 0;
  #credit = 0;
  readonly #keys: (Uint8Array | undefined)[] = [];
  #relocatedUnits = 0;
  #cleanedCount = 0;

  constructor(parts: CleanerParts) {
    this.#parts = parts;
  }

  get relocatedBytes(): number {
    return this.#relocatedUnits * UNIT_BYTES;
  }

  /** Segments that it emptied. */
  get cleanedCount(): number {
    return this.#cleanedCount;
  }

  /** Moves entries: references from before are good no longer. */
  afterRemovalOf(units: number): void {
    this.#work(units * PACE_OF_REMOVAL);
  }

  /** Moves entries too. */
  beforeWriteOf(units: number): void {
    this.#work(units * PACE);
  }

  #work(credit: number): void {
    if (this.#victim === undefined && !this.#isDue()) {
      this.#credit = 0;
      return;
    }
    this.#credit = Math.min(this.#credit + credit, STEP_UNITS_MAX);
    if (this.#credit < STEP_UNITS_MIN) return;
    let budget = this.#credit;
    this.#credit = 0;
    while (budget > 0) {
      this.#victim ??= this.#isDue() ? this.#choose() : undefined;
      if (this.#victim === undefined) return;
      budget -= this.#cleanNext(this.#victim);
    }
  }

  forget(): void {
    this.#victim = undefined;
    this.#at = 0;
    this.#credit = 0;
  }

  /** As much garbage as live data is left alone while it is less than a segment: to move that costs more than it saves. */
  #isDue(): boolean {
    const { heap } = this.#parts;
    const { closedUnits, closedLiveUnits } = heap;
    if (closedLiveUnits >= closedUnits * UTILISATION) return false;
    return closedUnits - closedLiveUnits > Math.min(heap.liveUnits, heap.unitsMax);
  }

  #choose(): Segment | undefined {
    const { heap } = this.#parts;
    let best: Segment | undefined;
    let most = 0;
    for (const segment of heap.segments) {
      if (segment === undefined || segment.closedAt === 0) continue;
      const utilisation = segment.liveUnits / segment.usedUnits;
      const age = heap.writtenUnits - segment.closedAt + 1;
      const benefit = ((1 - utilisation) * age) / (1 + utilisation);
      if (benefit > most) {
        most = benefit;
        best = segment;
      }
    }
    this.#at = 0;
    return best;
  }

  /** One record. @returns units of it; 0: the segment has gone meanwhile. */
  #cleanNext(victim: Segment): number {
    const { heap } = this.#parts;
    if (heap.segments[victim.number] !== victim) return this.#finish();
    const at = this.#at;
    const units = recordUnitsAt(victim.words, at);
    this.#relocate(victim, at, units);
    this.#at = at + units;
    if (this.#at === victim.usedUnits) this.#finish();
    return units;
  }

  #finish(): number {
    this.#victim = undefined;
    this.#cleanedCount++;
    return 0;
  }

  /** If it lives: the index alone knows. */
  #relocate(victim: Segment, at: number, units: number): void {
    const { heap, index, hashOf } = this.#parts;
    const reference = referenceTo(victim, at);
    const hash = hashOf(this.#keyAt(victim, at));
    const page = index.pageOf(hash);
    for (let place = page.seek(hash); page.isAt(place, hash); place++) {
      if (page.referenceAt(place) !== reference) continue;
      const to = heap.allocate(units, CLEANER);
      copyWords(victim, at, { to: heap.segmentOf(to), place: placeOf(to), units });
      page.setReference(place, to);
      heap.release(reference, units);
      this.#relocatedUnits += units;
      return;
    }
  }

  /** Good until the next call: short keys are copied to where the last one of that length was, for a view costs more. */
  #keyAt({ words, bytes }: Segment, at: number): Uint8Array {
    const start = keyStartAt(words, at);
    const length = keyBytesAt(words, at);
    if (length > SHORT_KEY_BYTES) return bytes.subarray(start, start + length);
    let key = this.#keys[length];
    if (key === undefined) {
      key = new Uint8Array(length);
      this.#keys[length] = key;
    }
    for (let i = 0; i < length; i++) key[i] = bytes[start + i] as number;
    return key;
  }
}

function copyWords(
  from: Segment,
  at: number,
  { to, place, units }: { to: Segment; place: number; units: number },
): void {
  const source = from.words;
  const target = to.words;
  if (units > LOOP_UNITS_MAX) target.set(source.subarray(at, at + units), place);
  else for (let i = 0; i < units; i++) target[place + i] = source[at + i] as number;
}
