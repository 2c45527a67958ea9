/** Transactions over lists, in a map without locks and one with: what they see is judged by checkers/isolation. */
import { asPartitionId, encodeKey, type MapId, type PartitionId, partitionOf, type Random } from '@ostraca/core';
import type { ListOperation, ListTransaction } from '../checkers/isolation/list-append.ts';
import { pick } from './scenario.ts';
import type { TransactionPlace, TransactionRun } from './transaction-run.ts';

export interface TransactionMap {
  readonly id: MapId;
  readonly name: string;
  readonly isLocked: boolean;
}

export interface PartitionPlace extends TransactionPlace {
  readonly partition: PartitionId;
}

type Step =
  | { readonly kind: 'read' | 'readToWrite'; readonly place: PartitionPlace }
  | { readonly kind: 'append'; readonly place: PartitionPlace; readonly value: number }
  | { readonly kind: 'scan'; readonly map: TransactionMap };

/** A list that was appended to so often is left to itself: what is read and written whole should stay short. */
const LIST_VALUES_MAX = 30;
const text = new TextDecoder();

export interface ListTransactionsOptions {
  readonly maps: readonly TransactionMap[];
  readonly numberOfPartitions: number;
  /** Of one partition and map that are appended to at a time. */
  readonly listCount: number;
}

export class ListTransactions {
  readonly history: (ListTransaction & { readonly partition: PartitionId })[] = [];
  readonly #options: ListTransactionsOptions;
  /** Appends that were begun, by the place's name: a new key takes over when it is full. */
  readonly #appendCounts = new Map<string, number>();
  readonly #places = new Map<string, PartitionPlace>();
  #values = 0;

  constructor(options: ListTransactionsOptions) {
    this.#options = options;
  }

  /** All that were ever used. */
  get places(): readonly PartitionPlace[] {
    return [...this.#places.values()];
  }

  /** Draws what the transaction does, and does it. @returns what it comes to know, growing as it goes on. */
  play(run: TransactionRun, random: Random, partition: PartitionId): readonly ListOperation[] {
    const operations: ListOperation[] = [];
    const open = this.#openPlacesOf(partition);
    const steps: Step[] = [];
    for (let left = 1 + random.below(5); left > 0; left--) {
      const draw = random.below(100);
      const place = pick(random, open);
      if (draw < 40) steps.push({ kind: 'read', place });
      else if (draw < 50) steps.push({ kind: 'readToWrite', place });
      else if (draw < 92) steps.push({ kind: 'append', place, value: this.newValue(place) });
      else steps.push({ kind: 'scan', map: pick(random, this.#options.maps) });
    }
    const here = this.places.filter((place) => place.partition === partition);
    const next = (): void => {
      const step = steps.shift();
      if (step === undefined) run.commit();
      else if (step.kind === 'scan') this.#scan(run, { map: step.map, here, operations }, next);
      else this.#touch(run, { step, operations }, next);
    };
    next();
    return operations;
  }

  /** For an append outside of transactions. */
  drawPlace(random: Random, partition: PartitionId): PartitionPlace {
    return pick(random, this.#openPlacesOf(partition));
  }

  newValue({ name }: PartitionPlace): number {
    this.#appendCounts.set(name, (this.#appendCounts.get(name) ?? 0) + 1);
    this.#values += 1;
    return this.#values;
  }

  #touch(
    run: TransactionRun,
    { step, operations }: { readonly step: Exclude<Step, { kind: 'scan' }>; readonly operations: ListOperation[] },
    then: () => void,
  ): void {
    const { place } = step;
    const mode = step.kind === 'read' ? 'shared' : step.kind === 'readToWrite' ? 'upgradable' : 'exclusive';
    run.read(place, mode, (value) => {
      const list = listOf(value);
      operations.push({ kind: 'read', key: place.name, list });
      if (step.kind === 'append') {
        run.write(place, [...list, step.value].join(','));
        operations.push({ kind: 'append', key: place.name, value: step.value });
      }
      then();
    });
  }

  /** All of the map in this partition, also what is not there. */
  #scan(
    run: TransactionRun,
    {
      map,
      here,
      operations,
    }: { readonly map: TransactionMap; readonly here: readonly PartitionPlace[]; readonly operations: ListOperation[] },
    then: () => void,
  ): void {
    run.scan(map, (found) => {
      const entries = here
        .filter((place) => place.map === map.id)
        .map((place) => [place.name, listOf(run.writtenAt(place) ?? found.get(text.decode(place.bytes)))] as const);
      operations.push({ kind: 'readAll', entries });
      then();
    });
  }

  /** A few in each map; full ones are followed by new ones, and left to the scans. */
  #openPlacesOf(partition: PartitionId): PartitionPlace[] {
    for (const map of this.#options.maps) {
      const open = this.places.filter(
        (place) => place.map === map.id && place.partition === partition && this.#isOpen(place),
      );
      for (let missing = this.#options.listCount - open.length; missing > 0; missing--) this.#newPlace(map, partition);
    }
    return this.places.filter((place) => place.partition === partition && this.#isOpen(place));
  }

  #isOpen({ name }: PartitionPlace): boolean {
    return (this.#appendCounts.get(name) ?? 0) < LIST_VALUES_MAX;
  }

  #newPlace(map: TransactionMap, partition: PartitionId): void {
    for (let number = 0; ; number++) {
      const place = placeIn(map, `l${number}`, this.#options.numberOfPartitions);
      if (place.partition !== partition || this.#places.has(place.name)) continue;
      this.#places.set(place.name, place);
      return;
    }
  }
}

export function placeIn(map: TransactionMap, key: string, numberOfPartitions: number): PartitionPlace {
  const bytes = encodeKey(key);
  const partition = asPartitionId(partitionOf(bytes, numberOfPartitions, []));
  return { name: `${map.name}/${key}`, map: map.id, isLocked: map.isLocked, bytes, partition };
}

export function listOf(value: string | undefined): number[] {
  return value === undefined ? [] : value.split(',').map(Number);
}
