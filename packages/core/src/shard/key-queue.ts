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
import { assert, must } from '../assert.ts';
import type { Lsn, MapId } from '../ids.ts';
import type { LogRecord, Operation } from '../messages.ts';
import { indexHash } from '../store/index-hash.ts';

/** A key, or a whole map, with an undecided write. */
export interface Place<Waiter> {
  undecided: number;
  inherited: number;
  waiters: Waiter[] | undefined;
}

/** Places that are free again are used again: so many of them. */
const SPARE_PLACES_MAX = 1_024;

export class KeyQueue<Waiter> {
  readonly #hashSeed: number;
  /** By hash of map and key. */
  readonly #keys = new Map<number, Place<Waiter>>();
  readonly #wholeMaps = new Map<MapId, Place<Waiter>>();
  readonly #spare: Place<Waiter>[] = [];
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
    const inherited = record.lsn <= this.#startLsn;
    if (inherited) this.#inherited.add(record.lsn);
    for (const operation of record.operations) {
      const place = this.#placeOf(record.map, operation) ?? this.#newPlace(record.map, operation);
      place.undecided++;
      if (inherited) place.inherited++;
    }
  }

  /**
   * The record has its outcome; once for each. Nothing happens if it holds no keys.
   *
   * @returns those who may try again, in the order in which they came; undefined: nobody.
   */
  unlock(record: LogRecord): Waiter[] | undefined {
    let free: Waiter[] | undefined;
    const inherited = record.lsn <= this.#startLsn;
    if (inherited && !this.#inherited.delete(record.lsn)) return free;
    for (const operation of record.operations) {
      const place = must(this.#placeOf(record.map, operation), 'a locked key has its place');
      assert(place.undecided > 0, 'unlocked once for each lock');
      place.undecided--;
      if (inherited) place.inherited--;
      if (place.undecided > 0) continue;
      this.#dropPlace(record.map, operation);
      if (place.waiters !== undefined) {
        this.#waiterCount -= place.waiters.length;
        free = free === undefined ? place.waiters : free.concat(place.waiters);
        place.waiters = undefined;
      }
      if (this.#spare.length < SPARE_PLACES_MAX) this.#spare.push(place);
    }
    return free;
  }

  /** Where a write must wait, or undefined. */
  blockerOfWrite(map: MapId, key: Uint8Array, looksAtEntry: boolean): Place<Waiter> | undefined {
    const own = this.#keys.size === 0 ? undefined : this.#keys.get(this.#idOf(map, key));
    if (own !== undefined && (looksAtEntry || own.waiters !== undefined)) return own;
    const whole = this.#wholeMaps.size === 0 ? undefined : this.#wholeMaps.get(map);
    return whole !== undefined && (looksAtEntry || whole.waiters !== undefined) ? whole : undefined;
  }

  /** Where a read must wait, or undefined. */
  blockerOfRead(map: MapId, key: Uint8Array): Place<Waiter> | undefined {
    if (this.#inherited.size === 0) return undefined;
    const own = this.#keys.get(this.#idOf(map, key));
    if (own !== undefined && own.inherited > 0) return own;
    const whole = this.#wholeMaps.get(map);
    return whole !== undefined && whole.inherited > 0 ? whole : undefined;
  }

  /** `place`: the blocker, just found. */
  wait(place: Place<Waiter>, waiter: Waiter): void {
    assert(place.undecided > 0, 'waits only for a locked key');
    if (place.waiters === undefined) place.waiters = [waiter];
    else place.waiters.push(waiter);
    this.#waiterCount++;
  }

  /** Takes out everybody for whom `leaves` is true. */
  remove(leaves: (waiter: Waiter) => boolean): Waiter[] {
    const removed: Waiter[] = [];
    if (this.#waiterCount === 0) return removed;
    for (const places of [this.#keys, this.#wholeMaps]) {
      for (const place of places.values()) {
        if (place.waiters === undefined) continue;
        const stay: Waiter[] = [];
        for (const waiter of place.waiters) (leaves(waiter) ? removed : stay).push(waiter);
        place.waiters = stay.length === 0 ? undefined : stay;
      }
    }
    this.#waiterCount -= removed.length;
    return removed;
  }

  #idOf(map: MapId, key: Uint8Array): number {
    return indexHash(key, this.#hashSeed) ^ Math.imul(map + 1, 0x9e3779b1);
  }

  #placeOf(map: MapId, { kind, key }: Operation): Place<Waiter> | undefined {
    return kind === 'clear' ? this.#wholeMaps.get(map) : this.#keys.get(this.#idOf(map, key));
  }

  #newPlace(map: MapId, { kind, key }: Operation): Place<Waiter> {
    const place = this.#spare.pop() ?? { undecided: 0, inherited: 0, waiters: undefined };
    if (kind === 'clear') this.#wholeMaps.set(map, place);
    else this.#keys.set(this.#idOf(map, key), place);
    return place;
  }

  #dropPlace(map: MapId, { kind, key }: Operation): void {
    if (kind === 'clear') this.#wholeMaps.delete(map);
    else this.#keys.delete(this.#idOf(map, key));
  }
}
