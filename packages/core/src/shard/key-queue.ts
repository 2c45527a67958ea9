/**
 * Keys with an undecided write, and who waits for them.
 *
 * A write that must look at the entry (insert, update, delete, ifVersion) waits for the outcome of the writes before
 * it; a plain set need not, unless somebody already waits for the key: writes to one key keep the order of their
 * arrival. A key of the suffix that a new primary inherited is locked for readers too (N1): its write may have been
 * answered by the old primary. `clear` concerns every key of its map.
 *
 * Keys are told apart by their hash: two of one hash wait for each other, which is rare and only waiting. A name of its
 * own for each key was a third of a write's garbage.
 */
import { assert } from '../assert.ts';
import type { Lsn, MapId } from '../ids.ts';
import { type LogRecord, mapOfOperation } from '../messages.ts';
import { indexHash } from '../store/index-hash.ts';
import { HashCounts } from './hash-counts.ts';

/** Where somebody waits: a key, or a whole map, with an undecided write. */
export interface Place<Waiter> {
  readonly map: MapId;
  /** Undefined: the whole map. */
  readonly id: number | undefined;
  waiters: Waiter[];
}

export class KeyQueue<Waiter> {
  readonly #hashSeed: number;
  /** Undecided writes by hash of map and key, and by map of those that concern all of it. */
  readonly #undecided = new HashCounts();
  readonly #undecidedMaps = new Map<MapId, number>();
  /** Of those, the inherited ones. */
  readonly #inheritedKeys = new Map<number, number>();
  readonly #inheritedMaps = new Map<MapId, number>();
  /** Only where somebody waits. */
  readonly #places = new Map<number, Place<Waiter>>();
  readonly #mapPlaces = new Map<MapId, Place<Waiter>>();
  /** Records that hold their keys as inherited ones. */
  readonly #inherited = new Set<Lsn>();
  readonly #startLsn: Lsn;
  #waiterCount = 0;

  /** Up to `startLsn` everything is inherited, and a record holds its keys only if it was locked so. */
  constructor(hashSeed: number, startLsn: Lsn) {
    this.#hashSeed = hashSeed;
    this.#startLsn = startLsn;
  }

  get waiterCount(): number {
    return this.#waiterCount;
  }

  /** Before its record has an outcome. */
  lock(record: LogRecord): void {
    const { lsn, operations } = record;
    for (const operation of operations) {
      const map = mapOfOperation(record, operation);
      if (operation.kind === 'clear') change(this.#undecidedMaps, map, 1);
      else this.#undecided.add(this.#idOf(map, operation.key));
    }
    if (lsn > this.#startLsn) return;
    this.#inherited.add(lsn);
    this.#changeInherited(record, 1);
  }

  /**
   * The record has its outcome; once for each. Nothing happens if it holds no keys.
   *
   * @returns those who may try again, in the order in which they came; undefined: nobody.
   */
  unlock(record: LogRecord): Waiter[] | undefined {
    const { lsn, operations } = record;
    if (lsn <= this.#startLsn) {
      if (!this.#inherited.delete(lsn)) return undefined;
      this.#changeInherited(record, -1);
    }
    let free: Waiter[] | undefined;
    for (const operation of operations) {
      const map = mapOfOperation(record, operation);
      const place = operation.kind === 'clear' ? this.#freeMap(map) : this.#freeKey(map, operation.key);
      if (place === undefined) continue;
      this.#dropPlace(place);
      this.#waiterCount -= place.waiters.length;
      free = free === undefined ? place.waiters : free.concat(place.waiters);
    }
    return free;
  }

  /** Where a write must wait, or undefined. */
  blockerOfWrite(map: MapId, key: Uint8Array, looksAtEntry: boolean): Place<Waiter> | undefined {
    if (!looksAtEntry && this.#waiterCount === 0) return undefined;
    const id = this.#idOf(map, key);
    if (looksAtEntry && this.#undecided.has(id)) return this.#placeAt(map, id);
    if (looksAtEntry && this.#undecidedMaps.has(map)) return this.#placeAt(map, undefined);
    return this.#places.get(id) ?? this.#mapPlaces.get(map);
  }

  /** Where a read must wait, or undefined. */
  blockerOfRead(map: MapId, key: Uint8Array): Place<Waiter> | undefined {
    if (this.#inherited.size === 0) return undefined;
    const id = this.#idOf(map, key);
    if (this.#inheritedKeys.has(id)) return this.#placeAt(map, id);
    return this.#inheritedMaps.has(map) ? this.#placeAt(map, undefined) : undefined;
  }

  /** `place`: the blocker, just found. */
  wait(place: Place<Waiter>, waiter: Waiter): void {
    const { map, id } = place;
    if (place.waiters.length === 0) {
      if (id === undefined) this.#mapPlaces.set(map, place);
      else this.#places.set(id, place);
    }
    place.waiters.push(waiter);
    this.#waiterCount++;
  }

  /** Takes out everybody for whom `leaves` is true. */
  remove(leaves: (waiter: Waiter) => boolean): Waiter[] {
    const removed: Waiter[] = [];
    if (this.#waiterCount === 0) return removed;
    for (const place of [...this.#places.values(), ...this.#mapPlaces.values()]) {
      const stay: Waiter[] = [];
      for (const waiter of place.waiters) (leaves(waiter) ? removed : stay).push(waiter);
      place.waiters = stay;
      if (stay.length === 0) this.#dropPlace(place);
    }
    this.#waiterCount -= removed.length;
    return removed;
  }

  #idOf(map: MapId, key: Uint8Array): number {
    return indexHash(key, this.#hashSeed) ^ Math.imul(map + 1, 0x9e3779b1);
  }

  #placeAt(map: MapId, id: number | undefined): Place<Waiter> {
    const held = id === undefined ? this.#mapPlaces.get(map) : this.#places.get(id);
    return held ?? { map, id, waiters: [] };
  }

  #freeKey(map: MapId, key: Uint8Array): Place<Waiter> | undefined {
    const id = this.#idOf(map, key);
    return this.#undecided.remove(id) > 0 || this.#places.size === 0 ? undefined : this.#places.get(id);
  }

  #freeMap(map: MapId): Place<Waiter> | undefined {
    return change(this.#undecidedMaps, map, -1) > 0 ? undefined : this.#mapPlaces.get(map);
  }

  #changeInherited(record: LogRecord, by: 1 | -1): void {
    for (const operation of record.operations) {
      const map = mapOfOperation(record, operation);
      if (operation.kind === 'clear') change(this.#inheritedMaps, map, by);
      else change(this.#inheritedKeys, this.#idOf(map, operation.key), by);
    }
  }

  #dropPlace({ map, id }: Place<Waiter>): void {
    if (id === undefined) this.#mapPlaces.delete(map);
    else this.#places.delete(id);
  }
}

/** @returns the count now; one of zero is not kept. */
function change<K>(counts: Map<K, number>, key: K, by: 1 | -1): number {
  const count = (counts.get(key) ?? 0) + by;
  assert(count >= 0, 'unlocked once for each lock');
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
  return count;
}
