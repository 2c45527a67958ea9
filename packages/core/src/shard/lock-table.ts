/**
 * Locks of one partition, in the memory of its primary: they die with the epoch. Each place (a key, or a map as a whole)
 * has its holders and a queue: who comes later waits behind all who wait, but for one who holds the place already and
 * wants more of it: it goes before those who hold nothing.
 *
 * An owner waits for those whose locks do not go together with what it wants, and for everybody before it in the queue. All
 * of it is here, in one process, so a deadlock is a cycle in this graph and is found, exactly, by whoever closes it.
 */
import { assert } from '../assert.ts';
import type { MapId } from '../ids.ts';
import { goTogether, type HeldMode, includes, joined } from './lock-modes.ts';

/** Who holds locks: a transaction, or a write that had to wait for some. */
export class LockOwner {
  /** In the order of their beginning: the youngest has the highest. */
  readonly order: number;
  readonly name: string;
  /** Of a write outside of transactions, which is never chosen to break a deadlock. */
  readonly isWrite: boolean;
  readonly places = new Set<LockPlace>();
  readonly waits = new Set<object>();

  constructor(order: number, name: string, isWrite: boolean) {
    this.order = order;
    this.name = name;
    this.isWrite = isWrite;
  }
}

export interface LockPlace {
  readonly name: string;
  readonly map: MapId;
  /** Undefined: the map as a whole. */
  readonly key: Uint8Array | undefined;
  readonly holders: Map<LockOwner, HeldMode>;
  queue: LockWait<unknown>[];
}

export interface LockWait<Waiter> {
  readonly owner: LockOwner;
  readonly place: LockPlace;
  /** With what it holds there. */
  readonly mode: HeldMode;
  readonly waiter: Waiter;
  readonly sinceMs: number;
}

export interface LockWish {
  readonly map: MapId;
  readonly key: Uint8Array | undefined;
  readonly mode: HeldMode;
}

/** Who waits for whom, and for what; the last waits for the first. */
export type LockCycle<Waiter> = readonly LockWait<Waiter>[];

export class LockTable<Waiter> {
  readonly #places = new Map<string, LockPlace>();
  /** Of places with a holder. */
  #heldCount = 0;
  #waitCount = 0;

  /** Locks that are held. */
  get heldCount(): number {
    return this.#heldCount;
  }

  get waitCount(): number {
    return this.#waitCount;
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  places(): Iterable<LockPlace> {
    return this.#places.values();
  }

  /** Whether somebody else holds the key, or all of its map, so that it may not be changed. */
  isHeld(map: MapId, key: Uint8Array): boolean {
    const isOf = (name: string): boolean => this.#places.has(name);
    return (
      isOf(nameOf(map, key)) ||
      [...(this.#places.get(nameOf(map, undefined))?.holders.values() ?? [])].some((mode) => !includes('IX', mode))
    );
  }

  /** Whether it could be had at once by somebody who holds nothing. */
  isFree(wish: LockWish): boolean {
    const place = this.#places.get(nameOf(wish.map, wish.key));
    if (place === undefined) return true;
    return place.queue.length === 0 && allGoTogether(place, wish.mode, undefined);
  }

  /** @returns whether it is held now; if not, its waiter is in the queue. Asked again it is the same. */
  acquire(
    owner: LockOwner,
    wish: LockWish,
    { waiter, nowMs }: { readonly waiter: Waiter; readonly nowMs: number },
  ): boolean {
    const place = this.#placeOf(wish);
    const held = place.holders.get(owner);
    if (held !== undefined && includes(held, wish.mode)) return true;
    const mode = held === undefined ? wish.mode : joined(held, wish.mode);
    const isFirst = held !== undefined || place.queue.length === 0;
    if (isFirst && allGoTogether(place, mode, owner)) {
      this.#hold(place, owner, mode);
      return true;
    }
    const wait: LockWait<Waiter> = { owner, place, mode, waiter, sinceMs: nowMs };
    const conversions = held === undefined ? place.queue.length : place.queue.filter(isConversion).length;
    place.queue.splice(conversions, 0, wait);
    owner.waits.add(wait);
    this.#waitCount++;
    return false;
  }

  /** Whatever waits for its sake, each once. */
  waitersOf({ waits }: LockOwner): Waiter[] {
    return [...new Set([...waits].map((one) => (one as LockWait<Waiter>).waiter))];
  }

  /** The cycle that was closed by what this owner waits for, beginning with it; undefined: none. */
  cycleOf(owner: LockOwner): LockCycle<Waiter> | undefined {
    const path: LockWait<Waiter>[] = [];
    const seen = new Set<LockOwner>();
    const search = (from: LockOwner): boolean => {
      for (const one of from.waits) {
        const wait = one as LockWait<Waiter>;
        path.push(wait);
        for (const next of waitsFor(wait)) {
          if (next === owner) return true;
          if (seen.has(next)) continue;
          seen.add(next);
          if (search(next)) return true;
        }
        path.pop();
      }
      return false;
    };
    return search(owner) ? path : undefined;
  }

  /** All that it holds and waits for is free. @returns those who may go on, in the order of their places. */
  release(owner: LockOwner): Waiter[] {
    const touched = new Set(owner.places);
    for (const one of owner.waits) touched.add(this.#leave(one as LockWait<Waiter>));
    for (const place of owner.places) {
      place.holders.delete(owner);
      this.#heldCount--;
    }
    owner.places.clear();
    return this.#grantAll(touched);
  }

  /** It gives back one place. @returns those who may go on. */
  releaseOne(owner: LockOwner, wish: LockWish): Waiter[] {
    const place = this.#places.get(nameOf(wish.map, wish.key));
    if (place === undefined || !place.holders.delete(owner)) return [];
    owner.places.delete(place);
    this.#heldCount--;
    return this.#grantAll([place]);
  }

  /** Takes out everybody for whom `leaves` is true; they keep what they hold. */
  removeWaits(leaves: (wait: LockWait<Waiter>) => boolean): {
    readonly removed: LockWait<Waiter>[];
    readonly free: Waiter[];
  } {
    const removed: LockWait<Waiter>[] = [];
    if (this.#waitCount === 0) return { removed, free: [] };
    for (const place of this.#places.values()) {
      for (const wait of place.queue) if (leaves(wait as LockWait<Waiter>)) removed.push(wait as LockWait<Waiter>);
    }
    const touched = removed.map((wait) => this.#leave(wait));
    return { removed, free: this.#grantAll(touched) };
  }

  #leave(wait: LockWait<Waiter>): LockPlace {
    const { place, owner } = wait;
    place.queue = place.queue.filter((one) => one !== wait);
    owner.waits.delete(wait);
    this.#waitCount--;
    return place;
  }

  #grantAll(places: Iterable<LockPlace>): Waiter[] {
    const free: Waiter[] = [];
    for (const place of places) {
      for (let first = place.queue[0]; first !== undefined; first = place.queue[0]) {
        // It may have got another lock there since it began to wait.
        const held = place.holders.get(first.owner);
        const mode = held === undefined ? first.mode : joined(held, first.mode);
        if (!allGoTogether(place, mode, first.owner)) break;
        this.#leave(first as LockWait<Waiter>);
        this.#hold(place, first.owner, mode);
        free.push(first.waiter as Waiter);
      }
      if (place.holders.size === 0) {
        assert(place.queue.length === 0, 'nobody waits for what nobody holds');
        this.#places.delete(place.name);
      }
    }
    return free;
  }

  #hold(place: LockPlace, owner: LockOwner, mode: HeldMode): void {
    if (!place.holders.has(owner)) this.#heldCount++;
    place.holders.set(owner, mode);
    owner.places.add(place);
  }

  #placeOf({ map, key }: LockWish): LockPlace {
    const name = nameOf(map, key);
    let place = this.#places.get(name);
    if (place === undefined) {
      // A view would keep its frame for as long as the lock is held.
      place = { name, map, key: key?.slice(), holders: new Map(), queue: [] };
      this.#places.set(name, place);
    }
    return place;
  }
}

function nameOf(map: MapId, key: Uint8Array | undefined): string {
  return key === undefined ? `${map}` : `${map}/${String.fromCharCode(...key)}`;
}

function isConversion({ place, owner }: LockWait<unknown>): boolean {
  return place.holders.has(owner);
}

function allGoTogether({ holders }: LockPlace, mode: HeldMode, owner: LockOwner | undefined): boolean {
  for (const [holder, held] of holders) if (holder !== owner && !goTogether(held, mode)) return false;
  return true;
}

/** Holders that it does not go together with, and whoever is before it in the queue. */
function* waitsFor(wait: LockWait<unknown>): Generator<LockOwner> {
  const { place, owner, mode } = wait;
  for (const [holder, held] of place.holders) if (holder !== owner && !goTogether(held, mode)) yield holder;
  for (const before of place.queue) {
    if (before === wait) return;
    if (before.owner !== owner) yield before.owner;
  }
}
