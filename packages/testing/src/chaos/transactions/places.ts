/** The maps and keys of the transactional workload. All processes use the same ones, without a word between them. */
import { encodeKey, must, partitionOf } from '@ostraca/core';
import type { MapSettings } from '../grid-processes.ts';

export const LISTS = 'lists';
export const LOCKED_LISTS = 'lockedLists';
export const LIST_MAPS = [LISTS, LOCKED_LISTS] as const;
export type ListMapName = (typeof LIST_MAPS)[number];

export const SAVINGS = 'savings';
export const LOCKED_SAVINGS = 'lockedSavings';
const BANK_MAPS = [SAVINGS, LOCKED_SAVINGS] as const;

export const TRANSACTION_MAPS: readonly MapSettings[] = [
  { name: LISTS, lockStrategy: 'OPTIMISTIC' },
  { name: LOCKED_LISTS, lockStrategy: 'PESSIMISTIC' },
  { name: SAVINGS, lockStrategy: 'OPTIMISTIC' },
  { name: LOCKED_SAVINGS, lockStrategy: 'PESSIMISTIC' },
];

/** A list that is so long is left to itself: what is read and written whole should stay short. */
export const LIST_VALUES_MAX = 30;
/** Scans are of what was begun in the same stretch of time, so that they stay short too. */
const ERA_MS = 4_000;
/** Lists at a time, in each map and partition. */
export const SEATS = 4;

export interface ListPlace {
  readonly map: ListMapName;
  readonly key: string;
  /** In the history: map and key. */
  readonly name: string;
}

interface Seat {
  era: number;
  generation: number;
  place: ListPlace;
}

/** Which lists are appended to now: when one is full, another one takes its seat. */
export class ListPlaces {
  readonly #partitions: number;
  readonly #nowMs: () => number;
  readonly #seats = new Map<string, Seat>();

  constructor(partitions: number, nowMs: () => number) {
    this.#partitions = partitions;
    this.#nowMs = nowMs;
  }

  place(map: ListMapName, partition: number, seat: number): ListPlace {
    const id = `${map}/${partition}/${seat}`;
    const era = this.#era;
    const known = this.#seats.get(id);
    if (known?.era === era) return known.place;
    const place = this.#newPlace({ map, partition, seat, era, generation: 0 });
    this.#seats.set(id, { era, generation: 0, place });
    return place;
  }

  /** A list was seen with so many values. */
  noteLength({ map, key }: ListPlace, length: number, partition: number): void {
    if (length < LIST_VALUES_MAX) return;
    for (let index = 0; index < SEATS; index++) {
      const seat = this.#seats.get(`${map}/${partition}/${index}`);
      if (seat === undefined || seat.place.key !== key) continue;
      seat.generation += 1;
      seat.place = this.#newPlace({ map, partition, seat: index, era: seat.era, generation: seat.generation });
    }
  }

  /** Of the keys that are begun now. */
  prefix(): string {
    return `e${this.#era}-`;
  }

  #newPlace(of: {
    readonly map: ListMapName;
    readonly partition: number;
    readonly seat: number;
    readonly era: number;
    readonly generation: number;
  }): ListPlace {
    const { map, partition, seat, era, generation } = of;
    const key = keyIn(partition, this.#partitions, `e${era}-${seat}.${generation}`);
    return { map, key, name: `${map}/${key}` };
  }

  get #era(): number {
    return Math.floor(this.#nowMs() / ERA_MS);
  }
}

export interface Account {
  readonly map: string;
  readonly key: string;
  /** In the history: map and key. */
  readonly name: string;
}

export const ACCOUNT_BALANCE = 100;
const ACCOUNTS_PER_MAP = 3;

/** The bank of a partition, which begins with `ACCOUNT_BALANCE` on each account. */
export function accountsOf(partition: number, partitions: number): Account[] {
  return BANK_MAPS.flatMap((map) =>
    Array.from({ length: ACCOUNTS_PER_MAP }, (_, index) => {
      const key = keyIn(partition, partitions, `account${index}`);
      return { map, key, name: `${map}/${key}` };
    }),
  );
}

function keyIn(partition: number, partitions: number, name: string): string {
  for (let salt = 0; ; salt++) {
    const key = `${name}-p${partition}-${salt}`;
    if (partitionOf(encodeKey(key), partitions, []) === partition) return key;
  }
}

export function placeNamed(name: string): { readonly map: string; readonly key: string } {
  const [map, key] = name.split('/', 2);
  return { map: must(map, 'a map'), key: must(key, 'a key') };
}
