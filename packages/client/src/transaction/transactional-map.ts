/** One map inside a transaction, as the application sees it. */
import type { Key, LockMode } from '@ostraca/core';
import type { MapOptions, SetOptions, WriteOptions } from '../grid-map.ts';
import type { IterationOptions } from '../iteration.ts';
import type { Version } from '../version.ts';

export type TransactionalMapOptions<V> = Pick<MapOptions<V>, 'value' | 'codec'>;
export type TransactionalSetOptions = Pick<SetOptions, 'ttlMs' | 'ifVersion'>;
export type TransactionalWriteOptions = Pick<WriteOptions, 'ifVersion'>;
export type TransactionalIterationOptions = Pick<IterationOptions, 'prefix' | 'batch'>;

export interface TransactionalEntry<K, V> {
  readonly key: K;
  readonly value: V;
  /** Undefined: the transaction itself has written it, and it has no version before the commit. */
  readonly version: Version | undefined;
  /** As of a map's entry; undefined also of what the transaction has written. */
  readonly expiresAt: number | undefined;
}

/**
 * Every call sees what the transaction has written before it. Writes are kept here until the commit; a map whose strategy is
 * PESSIMISTIC takes its locks at the call. Calls for one key have their effect in the order in which they are made.
 *
 * Every call rejects with a {@link GridError} if it fails, always with the outcome `not_applied`:
 * `transaction_spans_partitions` when the key is of another partition than the first key of the transaction,
 * `transaction_not_active` when it has ended, `too_large` when it would not fit into one log record, `invalid_argument`,
 * `undefined_map`. After these, and after `duplicate_key` and `key_not_found`, it goes on. After `deadlock`, `lock_timeout`,
 * `transaction_failed_over`, `version_conflict` of what it has read, and whatever else came of a message that was
 * sent, the transaction is over, its locks are free and nothing of it was written.
 */
export interface TransactionalMap<K extends Key, V> extends AsyncIterable<[K, V]> {
  readonly name: string;
  get(key: K): Promise<V | undefined>;
  getEntry(key: K): Promise<TransactionalEntry<K, V> | undefined>;
  /** As `get`, of what will be written: of two transactions the second waits. Only PESSIMISTIC maps know the difference. */
  getForUpdate(key: K): Promise<V | undefined>;
  has(key: K): Promise<boolean>;
  /** Inserts or updates. The new version is known to reads after the commit. */
  set(key: K, value: V, options?: TransactionalSetOptions): Promise<void>;
  /** @throws {@link GridError} `duplicate_key`: it is already there. */
  insert(key: K, value: V, options?: TransactionalSetOptions): Promise<void>;
  /** @throws {@link GridError} `key_not_found`: it is not there. */
  update(key: K, value: V, options?: TransactionalSetOptions): Promise<void>;
  /** Whether it was there. */
  delete(key: K, options?: TransactionalWriteOptions): Promise<boolean>;
  /** Renews its time to live, at the commit. Whether it was there. */
  touch(key: K, options?: TransactionalWriteOptions): Promise<boolean>;
  /** From the very keys given; absent ones are left out. */
  getAll(keys: Iterable<K>): Promise<Map<K, V>>;
  setAll(entries: Iterable<readonly [K, V]>): Promise<void>;
  deleteAll(keys: Iterable<K>): Promise<void>;
  /** `change` is called once; undefined from it deletes. Resolves to what it returned. Wait for one before the next of a key. */
  compute(key: K, change: (value: V | undefined) => V | undefined | Promise<V | undefined>): Promise<V | undefined>;
  /**
   * Of the transaction's partition alone, as `clear` and iteration are too.
   *
   * @throws {@link GridError} `invalid_argument`: no key has decided the partition yet, and the map set has several.
   */
  size(): Promise<number>;
  clear(): Promise<void>;
  /** Of its partition, in no order that means something. What is written meanwhile may be given or not. */
  entries(options?: TransactionalIterationOptions): AsyncIterableIterator<[K, V]>;
  keys(options?: TransactionalIterationOptions): AsyncIterableIterator<K>;
  values(options?: TransactionalIterationOptions): AsyncIterableIterator<V>;
  /**
   * Locks a key of a PESSIMISTIC map until the transaction ends.
   *
   * @throws {@link GridError} `lock_timeout`: not granted within `lockTimeoutMs`; `deadlock`, with `details.cycle`;
   *   `invalid_argument`: the map has another strategy.
   */
  lock(key: K, mode: LockMode): Promise<void>;
}
