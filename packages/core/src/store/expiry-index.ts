/**
 * Which entries are due. The hashes of entries with a time to live lie in sets, for each map one for each tenth of a
 * second in which some expire; a heap of the tenths tells the next.
 *
 *     tenth    … 17   18 │ 19   25 …
 *                due,    │ seenMs = 18 tenths
 *                counted │
 *
 * So an entry is judged expired up to a tenth late, never early; the clock passes over a million entries by looking at
 * one set, and how many entries of a map are expired is always known. Each set goes when its last entry was removed.
 * Every copy of a partition keeps its index, for then a promotion has nothing to rebuild; only a primary moves
 * `seenMs`. It is told by the maps themselves (EntryEnds), so it knows exactly what they hold.
 */
import { assert, must } from '../assert.ts';
import type { MapId } from '../ids.ts';
import type { EntryEnds } from './entry-map.ts';
import { ExpirySet } from './expiry-set.ts';
import { StepHeap } from './step-heap.ts';

export const EXPIRY_STEP_MS = 100;

/** Hashes of due entries of one map. */
export interface Due {
  readonly map: MapId;
  readonly hashes: ReadonlySet<number>;
}

export class ExpiryIndex {
  readonly #maps = new Map<MapId, MapExpiry>();
  #seenSteps = 0;

  /** Entries with a time to live, due or not. */
  get count(): number {
    let count = 0;
    for (const map of this.#maps.values()) count += map.count;
    return count;
  }

  /** What expires up to here is expired. Rises only, but for `forgetTime`. */
  get seenMs(): number {
    return this.#seenSteps * EXPIRY_STEP_MS;
  }

  isDue({ expireAtMs }: { readonly expireAtMs: number }): boolean {
    return expireAtMs > 0 && expireAtMs <= this.seenMs;
  }

  dueCount(map: MapId): number {
    return this.#maps.get(map)?.dueCount ?? 0;
  }

  /** When an entry of the map became due last, as far as the clock has come; 0: none did. */
  lastDueMs(map: MapId): number {
    return (this.#maps.get(map)?.lastDueStep ?? 0) * EXPIRY_STEP_MS;
  }

  get hasDue(): boolean {
    for (const map of this.#maps.values()) if (map.dueCount > 0) return true;
    return false;
  }

  /** For the store of that map to tell of its entries. */
  endsOf(map: MapId): EntryEnds {
    let ends = this.#maps.get(map);
    if (ends === undefined) {
      ends = new MapExpiry();
      ends.advanceTo(this.#seenSteps);
      this.#maps.set(map, ends);
    }
    return ends;
  }

  /** Work for each set that becomes due, not for each entry. */
  advanceTo(ms: number): void {
    const steps = Math.floor(ms / EXPIRY_STEP_MS);
    if (steps <= this.#seenSteps) return;
    this.#seenSteps = steps;
    for (const map of this.#maps.values()) map.advanceTo(steps);
  }

  /** Whoever steps down judges nothing any more. */
  forgetTime(): void {
    this.#seenSteps = 0;
    for (const map of this.#maps.values()) map.forgetTime();
  }

  /** Of the map that has waited longest, the longest due first; at most `countMax`, each hash once. */
  due(countMax: number): Due | undefined {
    let longest: { map: MapId; ends: MapExpiry } | undefined;
    for (const [map, ends] of this.#maps) {
      if (ends.firstDue < (longest?.ends.firstDue ?? Number.POSITIVE_INFINITY)) longest = { map, ends };
    }
    return longest === undefined ? undefined : { map: longest.map, hashes: longest.ends.due(countMax) };
  }
}

/** Of one map. */
class MapExpiry implements EntryEnds {
  readonly #sets = new Map<number, ExpirySet>();
  /** Tenths that are not due; some twice, some of sets that are gone. */
  readonly #heap = new StepHeap();
  readonly #due = new Set<number>();
  #seenSteps = 0;
  #count = 0;
  #dueCount = 0;
  #lastDueStep = 0;

  get count(): number {
    return this.#count;
  }

  get dueCount(): number {
    return this.#dueCount;
  }

  get lastDueStep(): number {
    return this.#lastDueStep;
  }

  /** The tenth that became due first of those that are left; none: Infinity. */
  get firstDue(): number {
    for (const step of this.#due) return step;
    return Number.POSITIVE_INFINITY;
  }

  move(hash: number, fromMs: number, toMs: number): void {
    const from = Math.ceil(fromMs / EXPIRY_STEP_MS);
    const to = Math.ceil(toMs / EXPIRY_STEP_MS);
    if (from === to) return;
    if (fromMs > 0) this.#remove(from, hash);
    if (toMs > 0) this.#add(to, hash);
  }

  clear(): void {
    this.#sets.clear();
    this.#heap.replaceBy([]);
    this.#due.clear();
    this.#count = 0;
    this.#dueCount = 0;
  }

  advanceTo(steps: number): void {
    this.#seenSteps = steps;
    for (let step = this.#heap.first; step !== undefined && step <= steps; step = this.#heap.first) {
      this.#heap.pop();
      const set = this.#sets.get(step);
      if (set === undefined || this.#due.has(step)) continue;
      this.#due.add(step);
      this.#dueCount += set.count;
      this.#lastDueStep = Math.max(this.#lastDueStep, step);
    }
  }

  forgetTime(): void {
    this.#seenSteps = 0;
    for (const step of this.#due) this.#heap.push(step);
    this.#due.clear();
    this.#dueCount = 0;
    this.#lastDueStep = 0;
  }

  due(countMax: number): Set<number> {
    const found = new Set<number>();
    for (const step of this.#due) {
      if (found.size >= countMax) break;
      must(this.#sets.get(step), 'what is due is there').addTo(found, countMax);
    }
    return found;
  }

  #add(step: number, hash: number): void {
    let set = this.#sets.get(step);
    if (set === undefined) {
      set = new ExpirySet();
      this.#sets.set(step, set);
      if (step <= this.#seenSteps) this.#due.add(step);
      else this.#heap.push(step);
    }
    set.add(hash);
    this.#count++;
    if (this.#due.has(step)) this.#dueCount++;
  }

  #remove(step: number, hash: number): void {
    const set = this.#sets.get(step);
    assert(set !== undefined, 'an entry with an end is in the set of its tenth');
    set.remove(hash);
    this.#count--;
    if (this.#due.has(step)) this.#dueCount--;
    if (set.count === 0) this.#drop(step);
  }

  #drop(step: number): void {
    this.#sets.delete(step);
    this.#due.delete(step);
    if (this.#heap.size <= 2 * this.#sets.size + 1_024) return;
    // Mostly tenths of sets that are gone: keys with a long time to live that were deleted or written again.
    this.#heap.replaceBy([...this.#sets.keys()].filter((one) => !this.#due.has(one)));
  }
}
