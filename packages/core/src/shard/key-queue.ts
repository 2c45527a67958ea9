/**
 * Keys with an undecided write, and who waits for them.
 *
 * A write that must look at the entry (insert, update, delete, ifVersion) waits for the outcome of the writes before
 * it; a plain set need not, unless somebody already waits for the key: writes to one key keep the order of their
 * arrival. A key of the suffix that a new primary inherited is locked for readers too (N1): its write may have been
 * answered by the old primary. `clear` concerns every key of its map.
 */
import { assert, must } from '../assert.ts';
import type { Lsn, MapId } from '../ids.ts';
import type { LogRecord } from '../messages.ts';

export type KeyId = string;

/** Every byte as one character: a string is what a Map can find. */
export function keyId(map: MapId, key: Uint8Array): KeyId {
  let id = `${map}:`;
  for (let i = 0; i < key.length; i++) id += String.fromCharCode(key[i] as number);
  return id;
}

function wholeMap(map: MapId): KeyId {
  return `${map}`;
}

interface Place<Waiter> {
  undecided: number;
  inherited: number;
  waiters: Waiter[];
}

export class KeyQueue<Waiter> {
  readonly #places = new Map<KeyId, Place<Waiter>>();
  /** Records that hold their keys, and whether they were inherited. */
  readonly #holders = new Map<Lsn, boolean>();
  #waiterCount = 0;

  get waiterCount(): number {
    return this.#waiterCount;
  }

  /** Before its record has an outcome. */
  lock(record: LogRecord, inherited: boolean): void {
    this.#holders.set(record.lsn, inherited);
    for (const id of keysOf(record)) {
      const place = this.#place(id);
      place.undecided++;
      if (inherited) place.inherited++;
    }
  }

  /**
   * The record has its outcome; nothing happens if it holds no keys (any more).
   *
   * @returns those who may try again, in the order in which they came.
   */
  unlock(record: LogRecord): Waiter[] {
    const free: Waiter[] = [];
    const inherited = this.#holders.get(record.lsn);
    if (inherited === undefined) return free;
    this.#holders.delete(record.lsn);
    for (const id of keysOf(record)) {
      const place = must(this.#places.get(id), 'a locked key has its place');
      assert(place.undecided > 0, 'unlocked once for each lock');
      place.undecided--;
      if (inherited) place.inherited--;
      if (place.undecided > 0) continue;
      this.#places.delete(id);
      this.#waiterCount -= place.waiters.length;
      free.push(...place.waiters);
    }
    return free;
  }

  /** The key for which a write must wait, or undefined. */
  blockerOfWrite(map: MapId, key: Uint8Array, looksAtEntry: boolean): KeyId | undefined {
    if (this.#places.size === 0) return undefined;
    for (const id of [keyId(map, key), wholeMap(map)]) {
      const place = this.#places.get(id);
      if (place !== undefined && (looksAtEntry || place.waiters.length > 0)) return id;
    }
    return undefined;
  }

  /** The key for which a read must wait, or undefined. */
  blockerOfRead(map: MapId, key: Uint8Array): KeyId | undefined {
    if (this.#places.size === 0) return undefined;
    for (const id of [keyId(map, key), wholeMap(map)]) {
      if ((this.#places.get(id)?.inherited ?? 0) > 0) return id;
    }
    return undefined;
  }

  wait(id: KeyId, waiter: Waiter): void {
    must(this.#places.get(id), 'waits only for a locked key').waiters.push(waiter);
    this.#waiterCount++;
  }

  /** Takes out everybody for whom `leaves` is true. */
  remove(leaves: (waiter: Waiter) => boolean): Waiter[] {
    const removed: Waiter[] = [];
    if (this.#waiterCount === 0) return removed;
    for (const place of this.#places.values()) {
      if (place.waiters.length === 0) continue;
      const stay: Waiter[] = [];
      for (const waiter of place.waiters) (leaves(waiter) ? removed : stay).push(waiter);
      place.waiters = stay;
    }
    this.#waiterCount -= removed.length;
    return removed;
  }

  #place(id: KeyId): Place<Waiter> {
    let place = this.#places.get(id);
    if (place === undefined) {
      place = { undecided: 0, inherited: 0, waiters: [] };
      this.#places.set(id, place);
    }
    return place;
  }
}

function* keysOf({ map, operations }: LogRecord): Generator<KeyId> {
  for (const { kind, key } of operations) yield kind === 'clear' ? wholeMap(map) : keyId(map, key);
}
