/**
 * Which entries are due. Entries with a time to live lie in sets, one for each map and tenth of a second in which they
 * expire; a heap of the sets' numbers tells the next.
 *
 *     number = (tenth of a second, map)     … 17, 0   18, 0   18, 2 │ 19, 0   25, 2 …
 *                                             due, counted          │ seenMs = 18 tenths
 *
 * So an entry is judged expired up to a tenth late, never early; the clock passes over a million entries by looking at
 * one set, and how many entries of a map are expired is always known. Each set goes when its last entry was removed.
 * Every copy of a partition keeps its index, for then a promotion has nothing to rebuild; only a primary moves
 * `seenMs`. It holds the store's own entries: one of 40 bytes for each, and about 300 bytes for each set.
 */
import { assert } from '../assert.ts';
import { asMapId, type MapId } from '../ids.ts';
import type { Entry } from './entry-map.ts';

export const EXPIRY_STEP_MS = 100;
/** More maps than a policy can name. */
const MAPS = 65_536;

export class ExpiryIndex {
  readonly #sets = new Map<number, Set<Entry>>();
  /** Numbers of sets that are not due, smallest first; some twice, some of sets that are gone. */
  #heap: number[] = [];
  readonly #due = new Set<number>();
  readonly #dueCounts = new Map<MapId, number>();
  #count = 0;
  #seenSteps = 0;

  /** Entries with a time to live, due or not. */
  get count(): number {
    return this.#count;
  }

  /** What expires up to here is expired. Rises only, but for `forgetTime`. */
  get seenMs(): number {
    return this.#seenSteps * EXPIRY_STEP_MS;
  }

  isDue(entry: Entry): boolean {
    return entry.expireAtMs > 0 && entry.expireAtMs <= this.seenMs;
  }

  dueCount(map: MapId): number {
    return this.#dueCounts.get(map) ?? 0;
  }

  get hasDue(): boolean {
    return this.#due.size > 0;
  }

  add(map: MapId, entry: Entry): void {
    if (entry.expireAtMs === 0) return;
    assert(map < MAPS, 'a set has one number');
    const number = numberOf(map, entry);
    let set = this.#sets.get(number);
    if (set === undefined) {
      set = new Set();
      this.#sets.set(number, set);
      if (this.isDue(entry)) this.#due.add(number);
      else push(this.#heap, number);
    }
    set.add(entry);
    this.#count++;
    if (this.#due.has(number)) this.#dueCounts.set(map, this.dueCount(map) + 1);
  }

  remove(map: MapId, entry: Entry): void {
    if (entry.expireAtMs === 0) return;
    const number = numberOf(map, entry);
    const set = this.#sets.get(number);
    if (set === undefined || !set.delete(entry)) return;
    this.#count--;
    if (this.#due.has(number)) this.#dueCounts.set(map, this.dueCount(map) - 1);
    if (set.size === 0) this.#drop(number);
  }

  clear(map: MapId): void {
    for (const [number, set] of this.#sets) {
      if (mapOfNumber(number) !== map) continue;
      this.#count -= set.size;
      this.#drop(number);
    }
    this.#dueCounts.delete(map);
  }

  /** Work for each set that becomes due, not for each entry. */
  advanceTo(ms: number): void {
    const steps = Math.floor(ms / EXPIRY_STEP_MS);
    if (steps <= this.#seenSteps) return;
    this.#seenSteps = steps;
    const end = (steps + 1) * MAPS;
    for (let number = this.#heap[0]; number !== undefined && number < end; number = this.#heap[0]) {
      pop(this.#heap);
      const set = this.#sets.get(number);
      if (set === undefined || this.#due.has(number)) continue;
      this.#due.add(number);
      const map = mapOfNumber(number);
      this.#dueCounts.set(map, this.dueCount(map) + set.size);
    }
  }

  /** Whoever steps down judges nothing any more. */
  forgetTime(): void {
    this.#seenSteps = 0;
    for (const number of this.#due) push(this.#heap, number);
    this.#due.clear();
    this.#dueCounts.clear();
  }

  /** Due entries of one map, the longest due first, at most `countMax`. */
  due(countMax: number): { readonly map: MapId; readonly entries: readonly Entry[] } | undefined {
    let map: MapId | undefined;
    const entries: Entry[] = [];
    for (const number of this.#due) {
      map ??= mapOfNumber(number);
      if (mapOfNumber(number) !== map) continue;
      for (const entry of this.#sets.get(number) ?? []) {
        if (entries.length >= countMax) return { map, entries };
        entries.push(entry);
      }
    }
    return map === undefined ? undefined : { map, entries };
  }

  #drop(number: number): void {
    this.#sets.delete(number);
    this.#due.delete(number);
    if (this.#heap.length <= 2 * this.#sets.size + 1_024) return;
    // Mostly numbers of sets that are gone: keys with a long time to live that were deleted or written again.
    this.#heap = [...this.#sets.keys()].filter((one) => !this.#due.has(one)).sort((a, b) => a - b);
  }
}

function numberOf(map: MapId, { expireAtMs }: Entry): number {
  return Math.ceil(expireAtMs / EXPIRY_STEP_MS) * MAPS + map;
}

function mapOfNumber(number: number): MapId {
  return asMapId(number % MAPS);
}

function push(heap: number[], number: number): void {
  let at = heap.length;
  heap.push(number);
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    const above = heap[parent] as number;
    if (above <= number) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = number;
}

function pop(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= last) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = last;
}
