/** Which keys there are, and where they lie. */
import { asPartitionId, encodeKey, type PartitionId, partitionOf } from '@ostraca/core';
import { COUNTERS, FLEETING, REGISTERS, SCRATCH } from './scenario.ts';

export type MapName = typeof REGISTERS | typeof COUNTERS | typeof SCRATCH | typeof FLEETING;
/** In the order of their ids. */
export const MAPS: readonly MapName[] = [REGISTERS, COUNTERS, SCRATCH, FLEETING];

/** One key in one map, with what the wire needs. */
export interface Place {
  readonly map: MapName;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly partition: PartitionId;
  /** In the history. */
  readonly name: string;
}

/** All that were ever used, by name. */
export class Places {
  readonly #numberOfPartitions: number;
  readonly #byName = new Map<string, Place>();

  constructor(numberOfPartitions: number) {
    this.#numberOfPartitions = numberOfPartitions;
  }

  get all(): readonly Place[] {
    return [...this.#byName.values()];
  }

  find(name: string): Place | undefined {
    return this.#byName.get(name);
  }

  of(map: MapName, key: string): Place {
    const name = `${map}/${key}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const bytes = encodeKey(key);
    const partition = asPartitionId(partitionOf(bytes, this.#numberOfPartitions, []));
    const place: Place = { map, key, bytes, partition, name };
    this.#byName.set(name, place);
    return place;
  }

  /** A key that only this life of the stranger uses. */
  strangeOf(partition: PartitionId, life: number): Place {
    for (let attempt = 0; ; attempt++) {
      const key = `strange-${life}-${partition}-${attempt}`;
      if (partitionOf(encodeKey(key), this.#numberOfPartitions, []) === partition) return this.of(REGISTERS, key);
    }
  }

  /** One that nobody else uses. */
  probeOf(partition: PartitionId): Place {
    for (let attempt = 0; ; attempt++) {
      const place = this.of(REGISTERS, `probe-${partition}-${attempt}`);
      if (place.partition === partition) return place;
      this.#byName.delete(place.name);
    }
  }
}
