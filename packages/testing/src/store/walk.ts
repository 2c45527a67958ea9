/** A walk over the store by a cursor, in pieces, while it changes: what stays is met exactly once, nothing twice. */
import type { EntryMap, Random } from '@ostraca/core';
import { type MapStore, nameOf } from './map-store.ts';

export class Walk {
  readonly #store: EntryMap;
  /** There from the start, and not removed since. */
  readonly #staying: Set<string>;
  readonly #met = new Set<string>();
  #afterHash: number | undefined;

  constructor(store: EntryMap, oracle: MapStore) {
    this.#store = store;
    this.#staying = new Set(oracle.names());
  }

  /** It may come back before the walk has come to it, or after. */
  gone(name: string): void {
    this.#staying.delete(name);
    this.#met.delete(name);
  }

  /** @returns whether it came to the end. */
  step(random: Random): boolean {
    let left = 1 + random.below(100);
    const done = this.#store.scan(this.#afterHash, ({ key, hash }) => {
      const name = nameOf(key);
      if (this.#met.has(name)) throw new Error(`a walk met ${name} twice`);
      this.#met.add(name);
      this.#afterHash = hash;
      return --left > 0;
    });
    if (!done) return false;
    for (const name of this.#staying) if (!this.#met.has(name)) throw new Error(`a walk passed over ${name}`);
    return true;
  }
}
