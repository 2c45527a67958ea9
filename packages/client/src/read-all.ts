/**
 * Reads many keys of a map: for each partition one request, all in one turn, and one promise for all of them. Values are decoded as
 * their answer arrives, so that nothing is kept of its frame.
 */
import { GridError, type Key, LIMITS, type PartitionId, type ReadAnswer, type ReadEntry } from '@ostraca/core';
import { ReadBody } from './bodies.ts';
import { type BulkOptions, worstOf } from './bulk.ts';
import { BulkPart, type Whole } from './bulk-part.ts';
import { placeKey, submitParts, timeoutOf } from './calls.ts';
import type { Fill } from './near/near-cache.ts';
import type { NearReads } from './near/near-reads.ts';
import type { ReadWish } from './read-modes.ts';

export interface ReadAllOptions<V> extends BulkOptions {
  readonly wish: ReadWish;
  readonly decode: (bytes: Uint8Array) => V;
  /** Is to keep what is read. */
  readonly near: NearReads<V> | undefined;
}

type ReadPart = BulkPart<ReadBody>;

const NOT_THERE = Symbol('not there');

export class ReadAll<K extends Key, V> implements Whole<ReadBody> {
  readonly #options: ReadAllOptions<V>;
  readonly #timeoutMs: number;
  readonly #keys: K[] = [];
  /** Of each key. */
  readonly #values: (V | typeof NOT_THERE)[] = [];
  /** Of each key that is to be kept near, until its entry is here. */
  readonly #fills: (Fill | undefined)[] = [];
  readonly #parts: ReadPart[] = [];
  /** That of each partition which takes more keys. */
  readonly #open = new Map<PartitionId, ReadPart>();
  #unanswered = 0;
  readonly #failures: GridError[] = [];
  readonly #failed = new Set<PartitionId>();
  /** What decoding threw first. */
  #thrown: { readonly error: unknown } | undefined;
  #resolve: (found: Map<K, V>) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(options: ReadAllOptions<V>) {
    this.#options = options;
    this.#timeoutMs = timeoutOf(options.context, options.options);
  }

  /** One that need not be asked for; it is there. */
  addFound(key: K, value: V): void {
    this.#keys.push(key);
    this.#values.push(value);
  }

  /** @throws {@link GridError} `invalid_argument`, `too_large`. */
  add(key: K): void {
    const { place, wish } = this.#options;
    const { bytes, partition } = placeKey(key, place);
    const index = this.#keys.length;
    this.#keys.push(key);
    this.#values.push(NOT_THERE);
    const open = this.#open.get(partition);
    if (open !== undefined && open.indices.length < LIMITS.readKeysMax) {
      open.body.keys.push(bytes);
      open.indices.push(index);
      return;
    }
    const part = this.#newPart(partition, new ReadBody(bytes, false, wish), Array.of(index));
    this.#open.set(partition, part);
    this.#parts.push(part);
  }

  /**
   * Those that are there, in the order of their keys.
   *
   * @throws {@link GridError} with `details.partitions`: those that failed.
   */
  run(): Promise<Map<K, V>> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#unanswered = this.#parts.length;
      this.#beginFills();
      submitParts(this.#options, this.#parts);
      if (this.#parts.length === 0) this.#finish();
    });
  }

  onPart(part: ReadPart, result: ReadAnswer | GridError): void {
    if (result instanceof GridError) {
      this.#failures.push(result);
      this.#failed.add(part.partition);
    } else {
      this.#take(part, result);
      // An answer ends early when its values grow too large for one frame.
      if (result.entries.length > 0 && result.entries.length < part.indices.length) {
        submitParts(this.#options, [this.#restOf(part, result.entries.length)]);
        return;
      }
    }
    this.#unanswered -= 1;
    if (this.#unanswered === 0) this.#finish();
  }

  #take({ indices }: ReadPart, { entries, lsn }: ReadAnswer): void {
    const { near } = this.#options;
    const count = Math.min(entries.length, indices.length);
    for (let at = 0; at < count; at++) {
      const entry = entries[at] as ReadEntry;
      const index = indices[at] as number;
      if (near !== undefined) {
        near.end(this.#fills[index], entry, lsn);
        this.#fills[index] = undefined;
      }
      if (entry.found) this.#decode(index, entry.value);
    }
  }

  #decode(index: number, bytes: Uint8Array): void {
    try {
      this.#values[index] = this.#options.decode(bytes);
    } catch (error) {
      this.#thrown ??= { error };
    }
  }

  #restOf({ partition, body, indices }: ReadPart, answered: number): ReadPart {
    const [first, ...others] = body.keys.slice(answered);
    const rest = new ReadBody(first as Uint8Array, false, body.wish);
    rest.keys.push(...others);
    return this.#newPart(partition, rest, indices.slice(answered));
  }

  #newPart(partition: PartitionId, body: ReadBody, indices: number[]): ReadPart {
    const map = this.#options.place.map.id;
    return new BulkPart({ partition, map, body, timeoutMs: this.#timeoutMs }, indices, this);
  }

  #beginFills(): void {
    const { near, place } = this.#options;
    if (near === undefined) return;
    for (const { indices, partition } of this.#parts) {
      for (const index of indices) {
        this.#fills[index] = near.begin(this.#keys[index] as K, { partition, map: place.map.id });
      }
    }
  }

  #finish(): void {
    // Of those that have no answer.
    for (const fill of this.#fills) this.#options.near?.end(fill);
    if (this.#failures.length > 0) this.#reject(worstOf(this.#failures, { partitions: [...this.#failed] }));
    else if (this.#thrown !== undefined) this.#reject(this.#thrown.error);
    else this.#resolve(this.#found());
  }

  #found(): Map<K, V> {
    const found = new Map<K, V>();
    for (let index = 0; index < this.#keys.length; index++) {
      const value = this.#values[index] as V | typeof NOT_THERE;
      if (value !== NOT_THERE) found.set(this.#keys[index] as K, value);
    }
    return found;
  }
}
