/** From the calls on a map in a transaction to what it reads, locks and will write. */
import {
  decodeKey,
  GridError,
  type Key,
  keyText,
  LIMITS,
  type LockMode,
  must,
  NO_BYTES,
  type ReadEntry,
} from '@ostraca/core';
import type { PlacedKey } from '../calls.ts';
import { checkCount, checkIterable, checkOptions, invalid } from '../check-options.ts';
import { BATCH, prefixBytes } from '../iteration.ts';
import type { MapPlace } from '../routes.ts';
import { newValues, type Values } from '../values.ts';
import { parseIfVersion, versionOf } from '../version.ts';
import { READ_FOR_UPDATE, READ_PRESENCE, READ_VALUE, WRITE_BY_PRESENCE } from './needs.ts';
import { entriesOf, sizeOf } from './ranges.ts';
import { keyId, type ReadNeed } from './read-set.ts';
import type { Transaction } from './transaction.ts';
import type {
  TransactionalEntry,
  TransactionalIterationOptions,
  TransactionalMap,
  TransactionalMapOptions,
  TransactionalSetOptions,
  TransactionalWriteOptions,
} from './transactional-map.ts';
import type { BufferedWrite, WriteKind } from './write-buffer.ts';

/**
 * @param current - The transaction that calls are part of. @throws {@link GridError} `transaction_not_active`.
 * @throws {@link GridError} `invalid_argument`: an unknown option.
 */
export function newTransactionalMap<K extends Key, V>(
  current: () => Transaction,
  name: string,
  options: TransactionalMapOptions<V> = {},
): TransactionalMap<K, V> {
  if (typeof name !== 'string' || name === '') throw invalid('name', 'must name a map');
  checkOptions(options, { known: ['value', 'codec'] });
  return new RemoteTransactionalMap<K, V>(current, name, newValues(options.codec, options.value));
}

interface OneWrite {
  readonly kind: WriteKind;
  readonly value: Uint8Array;
  readonly options: TransactionalSetOptions | undefined;
}

class RemoteTransactionalMap<K extends Key, V> implements TransactionalMap<K, V> {
  readonly name: string;
  readonly #current: () => Transaction;
  readonly #values: Values<V>;

  constructor(current: () => Transaction, name: string, values: Values<V>) {
    this.name = name;
    this.#current = current;
    this.#values = values;
  }

  get(key: K): Promise<V | undefined> {
    return this.#call(async (transaction) => this.#valueOf(await this.#look(transaction, key, READ_VALUE)));
  }

  getForUpdate(key: K): Promise<V | undefined> {
    return this.#call(async (transaction) => this.#valueOf(await this.#look(transaction, key, READ_FOR_UPDATE)));
  }

  getEntry(key: K): Promise<TransactionalEntry<K, V> | undefined> {
    return this.#call(async (transaction) => {
      const seen = await this.#look(transaction, key, READ_VALUE);
      if (!isThere(seen)) return undefined;
      const value = this.#values.decode(seen.value);
      if ('kind' in seen) return { key, value, version: undefined, expiresAt: undefined };
      return { key, value, version: versionOf(seen), expiresAt: seen.expireAtMs > 0 ? seen.expireAtMs : undefined };
    });
  }

  has(key: K): Promise<boolean> {
    return this.#call(async (transaction) => isThere(await this.#look(transaction, key, READ_PRESENCE)));
  }

  set(key: K, value: V, options?: TransactionalSetOptions): Promise<void> {
    return this.#put('set', key, { value, options });
  }

  insert(key: K, value: V, options?: TransactionalSetOptions): Promise<void> {
    return this.#put('insert', key, { value, options });
  }

  update(key: K, value: V, options?: TransactionalSetOptions): Promise<void> {
    return this.#put('update', key, { value, options });
  }

  delete(key: K, options?: TransactionalWriteOptions): Promise<boolean> {
    return this.#call((transaction) => {
      checkOptions(options, { known: ['ifVersion'] });
      return this.#write(transaction, key, { kind: 'delete', value: NO_BYTES, options });
    });
  }

  touch(key: K, options?: TransactionalWriteOptions): Promise<boolean> {
    return this.#call((transaction) => {
      checkOptions(options, { known: ['ifVersion'] });
      return this.#write(transaction, key, { kind: 'touch', value: NO_BYTES, options });
    });
  }

  getAll(keys: Iterable<K>): Promise<Map<K, V>> {
    return this.#call(async (transaction) => {
      const place = transaction.placeOf(this.name);
      const placed = Array.from(checkIterable('keys', keys), (key) => transaction.placeKey(key, place));
      const own = (bytes: Uint8Array): Seen | undefined => transaction.writes.find(place.map.id, keyId(bytes));
      const asked = placed.filter(({ bytes }) => own(bytes) === undefined).map(({ bytes }) => bytes);
      const entries = await transaction.reads.read(place, asked, READ_VALUE);
      const read = new Map(asked.map((bytes, index) => [bytes, must(entries[index], 'an entry for each key')]));
      const found = new Map<K, V>();
      for (const { key, bytes } of placed) {
        const seen = own(bytes) ?? read.get(bytes) ?? 'absent';
        if (isThere(seen)) found.set(key, this.#values.decode(seen.value));
      }
      return found;
    });
  }

  setAll(entries: Iterable<readonly [K, V]>): Promise<void> {
    return this.#call(async (transaction) => {
      const place = transaction.placeOf(this.name);
      const writes: Omit<BufferedWrite, 'kind'>[] = [];
      for (const entry of checkIterable('entries', entries)) {
        if (!Array.isArray(entry)) throw invalid('entries', 'must be pairs of a key and a value');
        const [key, value] = entry as readonly [K, V];
        const { bytes } = transaction.placeKey(key, place);
        writes.push({ ...PLAIN, key: bytes, value: await this.#values.encode(value) });
      }
      await this.#writeAll(transaction, place, { kind: 'set', writes });
    });
  }

  deleteAll(keys: Iterable<K>): Promise<void> {
    return this.#call(async (transaction) => {
      const place = transaction.placeOf(this.name);
      const writes = Array.from(checkIterable('keys', keys), (key) => {
        return { ...PLAIN, key: transaction.placeKey(key, place).bytes, value: NO_BYTES };
      });
      await this.#writeAll(transaction, place, { kind: 'delete', writes });
    });
  }

  compute(key: K, change: (value: V | undefined) => V | undefined | Promise<V | undefined>): Promise<V | undefined> {
    return this.#call(async (transaction) => {
      if (typeof change !== 'function') throw invalid('change', 'must be a function');
      const next = await change(this.#valueOf(await this.#look(transaction, key, READ_FOR_UPDATE)));
      const value = next === undefined ? NO_BYTES : await this.#values.encode(next);
      await this.#write(transaction, key, { kind: next === undefined ? 'delete' : 'set', value, options: undefined });
      return next;
    });
  }

  size(): Promise<number> {
    return this.#call((transaction) => sizeOf(transaction, transaction.placeOf(this.name)));
  }

  clear(): Promise<void> {
    return this.#call(async (transaction) => {
      const place = transaction.placeOf(this.name);
      transaction.partitionOf(place);
      await transaction.reads.lockMap(place, 'exclusive');
      transaction.writes.clear(place.map.id);
    });
  }

  async *entries(options: TransactionalIterationOptions = {}): AsyncGenerator<[K, V]> {
    for await (const [key, value] of this.#scan(options, false))
      yield [decodeKey(key) as K, this.#values.decode(value)];
  }

  async *keys(options: TransactionalIterationOptions = {}): AsyncGenerator<K> {
    for await (const [key] of this.#scan(options, true)) yield decodeKey(key) as K;
  }

  async *values(options: TransactionalIterationOptions = {}): AsyncGenerator<V> {
    for await (const [, value] of this.entries(options)) yield value;
  }

  [Symbol.asyncIterator](): AsyncGenerator<[K, V]> {
    return this.entries();
  }

  lock(key: K, mode: LockMode): Promise<void> {
    return this.#call(async (transaction) => {
      if (!MODES.includes(mode)) throw invalid('mode', `must be one of ${MODES.join(', ')}`);
      const place = transaction.placeOf(this.name);
      if (place.map.lockStrategy !== 'pessimistic')
        throw invalid('map', 'only maps with lockStrategy PESSIMISTIC lock');
      const { bytes } = transaction.placeKey(key, place);
      await transaction.reads.lock(place.map.id, [bytes], { mode, enough: mode });
    });
  }

  #call<T>(act: (transaction: Transaction) => T | Promise<T>): Promise<T> {
    try {
      const transaction = this.#current();
      return transaction.call(() => act(transaction));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #scan(options: TransactionalIterationOptions, withoutValues: boolean): ReturnType<typeof entriesOf> {
    checkOptions(options, { known: ['prefix', 'batch'] });
    const limit = checkCount('batch', options.batch ?? BATCH, LIMITS.scanEntriesMax);
    const prefix = prefixBytes(options.prefix);
    const transaction = this.#current();
    return entriesOf(transaction, transaction.placeOf(this.name), { prefix, limit, withoutValues });
  }

  #put(
    kind: 'set' | 'insert' | 'update',
    key: K,
    { value, options }: { readonly value: V; readonly options: TransactionalSetOptions | undefined },
  ): Promise<void> {
    return this.#call(async (transaction) => {
      checkOptions(options, { known: ['ttlMs', 'ifVersion'] });
      const encoded = this.#values.encode(value);
      const bytes = encoded instanceof Promise ? await encoded : encoded;
      await this.#write(transaction, key, { kind, value: bytes, options });
    });
  }

  /** @returns whether it was there; of a blind `set`, true. */
  async #write(transaction: Transaction, key: K, { kind, value, options }: OneWrite): Promise<boolean> {
    const ttlMs = options?.ttlMs === undefined ? 0 : checkCount('ttlMs', options.ttlMs, LIMITS.ttlMsMax);
    const condition = parseIfVersion(options?.ifVersion);
    const place = transaction.placeOf(this.name);
    const placed = transaction.placeKey(key, place);
    const { map } = place;
    let wasThere = true;
    if (kind === 'set' && condition.ifLsn === 0) await transaction.reads.lockToWrite(place, [placed.bytes]);
    else {
      const before = await this.#look(transaction, key, WRITE_BY_PRESENCE);
      // Another call of its own may have come between.
      const seen = transaction.writes.find(map.id, keyId(placed.bytes)) ?? before;
      wasThere = isThere(seen);
      if (condition.ifLsn > 0) checkVersion(seen, condition, placed);
      if (kind === 'insert' && wasThere) throw failedOn('duplicate_key', map.name, placed);
      if (kind === 'update' && !wasThere) throw failedOn('key_not_found', map.name, placed);
      if ((kind === 'delete' || kind === 'touch') && !wasThere) return false;
    }
    transaction.checkActive();
    transaction.writes.put(map.id, keyId(placed.bytes), { kind, key: placed.bytes, value, ttlMs, ...condition });
    return wasThere;
  }

  async #writeAll(
    transaction: Transaction,
    place: MapPlace,
    { kind, writes }: { readonly kind: WriteKind; readonly writes: readonly Omit<BufferedWrite, 'kind'>[] },
  ): Promise<void> {
    await transaction.reads.lockToWrite(
      place,
      writes.map(({ key }) => key),
    );
    transaction.checkActive();
    try {
      for (const write of writes) transaction.writes.put(place.map.id, keyId(write.key), { ...write, kind });
    } catch (error) {
      // Some are kept already, and some is not what was asked for.
      if (error instanceof GridError) transaction.fail(error);
      throw error;
    }
  }

  /** As the transaction sees it. */
  async #look(transaction: Transaction, key: K, need: ReadNeed): Promise<Seen> {
    const place = transaction.placeOf(this.name);
    const { bytes } = transaction.placeKey(key, place);
    const id = keyId(bytes);
    const own = transaction.writes.find(place.map.id, id);
    if (own !== undefined) return own;
    const [entry] = await transaction.reads.read(place, [bytes], need);
    // It may have been written meanwhile.
    return transaction.writes.find(place.map.id, id) ?? must(entry, 'an entry for its key');
  }

  #valueOf(seen: Seen): V | undefined {
    return isThere(seen) ? this.#values.decode(seen.value) : undefined;
  }
}

const MODES: readonly LockMode[] = ['shared', 'upgradable', 'exclusive'];
const PLAIN = { ttlMs: 0, ifEpoch: 0, ifLsn: 0 };

/** What the transaction has written itself, or what was there before it. */
type Seen = BufferedWrite | 'absent' | ReadEntry;

function isThere(seen: Seen): seen is Exclude<Seen, 'absent'> {
  return seen !== 'absent' && ('kind' in seen || seen.found);
}

function checkVersion<K extends Key>(
  seen: Seen,
  { ifEpoch, ifLsn }: { readonly ifEpoch: number; readonly ifLsn: number },
  placed: PlacedKey<K>,
): void {
  if (seen !== 'absent' && 'kind' in seen) {
    throw invalid('ifVersion', 'what the transaction itself has written has no version before its commit');
  }
  if (seen !== 'absent' && seen.found && seen.epoch === ifEpoch && seen.lsn === ifLsn) return;
  throw new GridError('version_conflict', { details: { key: keyText(placed.bytes), partition: placed.partition } });
}

function failedOn<K extends Key>(
  code: 'duplicate_key' | 'key_not_found',
  map: string,
  { bytes, partition }: PlacedKey<K>,
): GridError {
  return new GridError(code, { details: { map, key: keyText(bytes), partition } });
}
