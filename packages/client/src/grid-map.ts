/** One map of a grid, as the application sees it. */
import {
  decodeKey,
  type GridError,
  type Key,
  LIMITS,
  must,
  NewOperation,
  NO_BYTES,
  type Operation,
  type OperationKind,
  type ReadAnswer,
  type ReadEntry,
  type WriteAnswer,
} from '@ostraca/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ReadBody, WriteBody } from './bodies.ts';
import { type BulkOptions, clearAll, sizeOf } from './bulk.ts';
import { CALL_OPTIONS, type CallOptions, type GridContext, placeKey, placeOf } from './calls.ts';
import { checkCount, checkIterable, checkOptions, checkTimeout, invalid } from './check-options.ts';
import { type IterationOptions, scan } from './iteration.ts';
import type { NearEntry } from './near/near-cache.ts';
import { isForNear, type NearCacheOptions, type NearReads, newNearReads } from './near/near-reads.ts';
import { startCall } from './one-call.ts';
import { ReadAll } from './read-all.ts';
import { formatToken, parseReadMode, type ReadOptions, type ReadToken } from './read-modes.ts';
import { type CodecOption, newValues, type Values } from './values.ts';
import { parseIfVersion, type Version, versionOf } from './version.ts';
import { WriteAll } from './write-all.ts';

export interface MapOptions<Value> {
  /** Any Standard Schema: checked on every write, `invalid_argument` with `details.issues` if it refuses. */
  readonly value?: StandardSchemaV1<unknown, Value> | undefined;
  /** Default `messagepack`. Values are read by whatever codec they were written with. */
  readonly codec?: CodecOption<Value> | undefined;
  /**
   * Keeps what is read in this client, and answers `get`, `getEntry`, `has` and `getAll` from it: with a state that is at
   * most `maxStale` old and never older than what this client has seen. Default: none, every read is linearizable. Reads
   * that name their mode (`read: 'linearizable'`) go to the primary as ever.
   */
  readonly nearCache?: NearCacheOptions | undefined;
}

export interface WriteOptions extends CallOptions {
  /** The version that the entry must have; another, or none, is `version_conflict`. */
  readonly ifVersion?: Version | undefined;
}

export interface SetOptions extends WriteOptions {
  /** The entry's own time to live, instead of its map's. A later write without it gives the map's again. */
  readonly ttlMs?: number | undefined;
}

export interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  readonly version: Version;
  /**
   * Milliseconds since 1970 by the clock of its partition, which may differ from this machine's; undefined: never. Under
   * LAST_ACCESS_TIME reads move it, and it is up to an eighth of the time to live later than the last of them allows.
   */
  readonly expiresAt: number | undefined;
}

/**
 * Every call rejects with a {@link GridError} if it fails. Before anything is sent: `invalid_argument`, `too_large`,
 * `undefined_map`, `aborted`, `closed`. A write that was sent: `timeout`, `aborted` and `closed` with the outcome
 * `unknown`; every other code, and every code of a read, is `not_applied`. Retries on the way are under one request
 * id, so that the write takes effect at most once.
 */
export interface GridMap<K extends Key, V> extends AsyncIterable<[K, V]> {
  readonly name: string;
  /** Inserts or updates, and resolves once it is decided: to the entry's new version. */
  set(key: K, value: V, options?: SetOptions): Promise<Version>;
  /** @throws {@link GridError} `duplicate_key`: it is already there. */
  insert(key: K, value: V, options?: SetOptions): Promise<Version>;
  /** @throws {@link GridError} `key_not_found`: it is not there. */
  update(key: K, value: V, options?: SetOptions): Promise<Version>;
  get(key: K, options?: ReadOptions): Promise<V | undefined>;
  getEntry(key: K, options?: ReadOptions): Promise<Entry<K, V> | undefined>;
  has(key: K, options?: ReadOptions): Promise<boolean>;
  /** Whether it was there. */
  delete(key: K, options?: WriteOptions): Promise<boolean>;
  /** Renews its time to live, from now on, and nothing else: value and version stay. Whether it was there. */
  touch(key: K, options?: WriteOptions): Promise<boolean>;
  /** From the very keys given; absent ones are left out. */
  getAll(keys: Iterable<K>, options?: ReadOptions): Promise<Map<K, V>>;
  /**
   * Cut into log records of at most 1,000 operations and 1 MiB, each atomic.
   *
   * @throws {@link GridError} with the worst outcome, and the keys in `details.committed`, `details.not_applied` and
   *   `details.unknown`.
   */
  setAll(entries: Iterable<readonly [K, V]>, options?: CallOptions): Promise<void>;
  /** As `setAll`. */
  deleteAll(keys: Iterable<K>, options?: CallOptions): Promise<void>;
  /** The partitions are counted one by one, not at one moment. @throws names failed ones in `details.partitions`. */
  size(options?: CallOptions): Promise<number>;
  /** One log record per partition. @throws names failed ones in `details.partitions`. */
  clear(options?: CallOptions): Promise<void>;
  /**
   * Reads, changes and writes back if nobody else did in between; else again, until the deadline. A `change` that
   * returns undefined deletes. Resolves to what `change` returned last.
   */
  compute(
    key: K,
    change: (value: V | undefined) => V | undefined | Promise<V | undefined>,
    options?: CallOptions,
  ): Promise<V | undefined>;
  /**
   * Of everything that this client has seen of the key's partition, for reads of other clients (`read: { token }`);
   * undefined: nothing yet.
   */
  tokenOf(key: K): ReadToken | undefined;
  /** In no order that means something; an entry that is there throughout is given exactly once. */
  entries(options?: IterationOptions): AsyncIterableIterator<[K, V]>;
  keys(options?: IterationOptions): AsyncIterableIterator<K>;
  values(options?: IterationOptions): AsyncIterableIterator<V>;
}

const WRITE_OPTIONS = { known: [...CALL_OPTIONS, 'ifVersion'] };
const SET_OPTIONS = { known: [...WRITE_OPTIONS.known, 'ttlMs'] };
const PLAIN_OPTIONS = { known: CALL_OPTIONS };
const READ_OPTIONS = { known: [...CALL_OPTIONS, 'read'] };

/** @throws {@link GridError} `invalid_argument`: an unknown option. */
export function newGridMap<K extends Key, V>(
  context: GridContext,
  name: string,
  options: MapOptions<V> = {},
): GridMap<K, V> {
  if (typeof name !== 'string' || name === '') throw invalid('name', 'must name a map');
  checkOptions(options, { known: ['value', 'codec', 'nearCache'] });
  const values = newValues(options.codec, options.value);
  const { nearCache } = options;
  const near = nearCache === undefined ? undefined : newNearReads(nearCache, { host: context.host, map: name, values });
  return new RemoteMap<K, V>(context, name, { values, near });
}

class RemoteMap<K extends Key, V> implements GridMap<K, V> {
  readonly name: string;
  readonly #context: GridContext;
  readonly #values: Values<V>;
  readonly #near: NearReads<V> | undefined;
  /** Made once, not for each read. */
  readonly #valueOf = (answer: ReadAnswer): V | undefined => {
    const { found, value } = onlyEntry(answer);
    return found ? this.#values.decode(value) : undefined;
  };

  constructor(
    context: GridContext,
    name: string,
    { values, near }: { readonly values: Values<V>; readonly near: NearReads<V> | undefined },
  ) {
    this.name = name;
    this.#context = context;
    this.#values = values;
    this.#near = near;
  }

  set(key: K, value: V, options?: SetOptions): Promise<Version> {
    return this.#put('set', key, { value, options });
  }

  insert(key: K, value: V, options?: SetOptions): Promise<Version> {
    return this.#put('insert', key, { value, options });
  }

  update(key: K, value: V, options?: SetOptions): Promise<Version> {
    return this.#put('update', key, { value, options });
  }

  get(key: K, options?: ReadOptions): Promise<V | undefined> {
    const hit = this.#near?.find(key, options);
    if (hit !== undefined && this.#near !== undefined) return settled(this.#near, hit);
    return this.#read(key, { withoutValues: false, options }, this.#valueOf);
  }

  getEntry(key: K, options?: ReadOptions): Promise<Entry<K, V> | undefined> {
    const hit = this.#near?.find(key, options);
    if (hit !== undefined && this.#near !== undefined) {
      return settled(this.#near, hit).then((value) => (hit.found ? entryOf(key, value as V, hit) : undefined));
    }
    return this.#read(key, { withoutValues: false, options }, (answer) => {
      const entry = onlyEntry(answer);
      return entry.found ? entryOf(key, this.#values.decode(entry.value), entry) : undefined;
    });
  }

  has(key: K, options?: ReadOptions): Promise<boolean> {
    const hit = this.#near?.find(key, options);
    if (hit !== undefined) return Promise.resolve(hit.found);
    return this.#read(key, { withoutValues: true, options }, wasFound);
  }

  async delete(key: K, options?: WriteOptions): Promise<boolean> {
    checkOptions(options, WRITE_OPTIONS);
    return this.#write('delete', key, { value: NO_BYTES, options, resultOf: wasApplied });
  }

  async touch(key: K, options?: WriteOptions): Promise<boolean> {
    checkOptions(options, WRITE_OPTIONS);
    return this.#write('touch', key, { value: NO_BYTES, options, resultOf: wasApplied });
  }

  getAll(keys: Iterable<K>, options?: ReadOptions): Promise<Map<K, V>> {
    try {
      checkOptions(options, READ_OPTIONS);
      const wish = parseReadMode(options?.read);
      const place = placeOf(this.#context, this.name);
      const near = isForNear(options) ? this.#near : undefined;
      const { decode } = this.#values;
      const reads = new ReadAll<K, V>({ context: this.#context, place, options, wish, decode, near });
      for (const key of checkIterable('keys', keys)) {
        const hit = this.#near?.find(key, options);
        if (hit === undefined) reads.add(key);
        else if (hit.found) reads.addFound(key, this.#near?.valueOf(hit) as V);
      }
      return reads.run();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async setAll(entries: Iterable<readonly [K, V]>, options?: CallOptions): Promise<void> {
    // All are checked and encoded before the first is sent.
    const writes = new WriteAll<K>('set', this.#bulk(options));
    for (const entry of checkIterable('entries', entries)) {
      if (!Array.isArray(entry)) throw invalid('entries', 'must be pairs of a key and a value');
      const [key, value] = entry as readonly [K, V];
      const encoded = this.#values.encode(value);
      writes.add(key, encoded instanceof Promise ? await encoded : encoded);
    }
    return writes.run();
  }

  async deleteAll(keys: Iterable<K>, options?: CallOptions): Promise<void> {
    const writes = new WriteAll<K>('delete', this.#bulk(options));
    for (const key of checkIterable('keys', keys)) writes.add(key, NO_BYTES);
    return writes.run();
  }

  async size(options?: CallOptions): Promise<number> {
    return sizeOf(this.#bulk(options));
  }

  async clear(options?: CallOptions): Promise<void> {
    await clearAll(this.#bulk(options));
  }

  async compute(
    key: K,
    change: (value: V | undefined) => V | undefined | Promise<V | undefined>,
    options: CallOptions = {},
  ): Promise<V | undefined> {
    checkOptions(options, PLAIN_OPTIONS);
    if (typeof change !== 'function') throw invalid('change', 'must be a function');
    const { host, operationTimeoutMs } = this.#context;
    const endMs = host.nowMs() + checkTimeout('deadlineMs', options.deadlineMs ?? operationTimeoutMs);
    const remaining = (): CallOptions => ({ ...options, deadlineMs: Math.max(1, Math.floor(endMs - host.nowMs())) });
    for (;;) {
      const entry = await this.getEntry(key, { ...remaining(), read: 'linearizable' });
      const next = await change(entry?.value);
      try {
        await this.#replace(key, next, { ...remaining(), ifVersion: entry?.version });
        return next;
      } catch (error) {
        // Somebody was faster, so somebody has gone ahead: trying at once cannot go round for ever.
        if (!hasChanged(error as GridError) || host.nowMs() >= endMs) throw error;
      }
    }
  }

  tokenOf(key: K): ReadToken | undefined {
    const { partition } = placeKey(key, placeOf(this.#context, this.name));
    const token = this.#context.host.machine.tokens.of(partition);
    return token === undefined ? undefined : formatToken(partition, token);
  }

  async *entries(options: IterationOptions = {}): AsyncGenerator<[K, V]> {
    for await (const { key, value } of scan(this.#context, this.name, { ...options, withoutValues: false })) {
      yield [decodeKey(key) as K, this.#values.decode(value)];
    }
  }

  async *keys(options: IterationOptions = {}): AsyncGenerator<K> {
    for await (const { key } of scan(this.#context, this.name, { ...options, withoutValues: true })) {
      yield decodeKey(key) as K;
    }
  }

  async *values(options: IterationOptions = {}): AsyncGenerator<V> {
    for await (const [, value] of this.entries(options)) yield value;
  }

  [Symbol.asyncIterator](): AsyncGenerator<[K, V]> {
    return this.entries();
  }

  /** `options.ifVersion` undefined: it was not there. */
  async #replace(key: K, next: V | undefined, options: WriteOptions): Promise<void> {
    if (next !== undefined)
      await this.#put(options.ifVersion === undefined ? 'insert' : 'set', key, { value: next, options });
    else if (options.ifVersion !== undefined) await this.delete(key, options);
  }

  /** A promise of its own only if the schema makes one: calls of one turn leave in one frame, and in their order. */
  #put(
    kind: OperationKind,
    key: K,
    { value, options }: { readonly value: V; readonly options: SetOptions | undefined },
  ): Promise<Version> {
    try {
      checkOptions(options, SET_OPTIONS);
      const encoded = this.#values.encode(value);
      if (!(encoded instanceof Promise))
        return this.#write(kind, key, { value: encoded, options, resultOf: versionOf });
      return encoded.then((bytes) => this.#write(kind, key, { value: bytes, options, resultOf: versionOf }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #write<Result>(kind: OperationKind, key: K, { value, options, resultOf }: OneWrite<Result>): Promise<Result> {
    try {
      const place = placeOf(this.#context, this.name);
      const { bytes, partition } = placeKey(key, place);
      const operation = operationOf(kind, bytes, { value, ifVersion: options?.ifVersion, ttlMs: options?.ttlMs });
      const body = new WriteBody(operation);
      return startCall(this.#context, { place, partition, body, options, resultOf });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #read<Result>(
    key: K,
    { withoutValues, options }: { readonly withoutValues: boolean; readonly options: ReadOptions | undefined },
    resultOf: (answer: ReadAnswer) => Result,
  ): Promise<Result> {
    try {
      checkOptions(options, READ_OPTIONS);
      const wish = parseReadMode(options?.read);
      const place = placeOf(this.#context, this.name);
      const { bytes, partition } = placeKey(key, place);
      const body = new ReadBody(bytes, withoutValues, wish);
      const call = { place, partition, body, options, resultOf };
      const near = withoutValues || !isForNear(options) ? undefined : this.#near;
      if (near === undefined) return startCall(this.#context, call);
      const start = (kept: typeof resultOf): Promise<Result> => startCall(this.#context, { ...call, resultOf: kept });
      return near.fill(key, { part: { partition, map: place.map.id }, start, resultOf });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #bulk(options: CallOptions | undefined): BulkOptions {
    checkOptions(options, PLAIN_OPTIONS);
    return { context: this.#context, place: placeOf(this.#context, this.name), options };
  }
}

function settled<V>(near: NearReads<V>, hit: NearEntry): Promise<V | undefined> {
  try {
    return Promise.resolve(near.valueOf(hit));
  } catch (error) {
    return Promise.reject(error);
  }
}

function entryOf<K, V>(key: K, value: V, held: Pick<ReadEntry, 'epoch' | 'lsn' | 'expireAtMs'>): Entry<K, V> {
  const expiresAt = held.expireAtMs > 0 ? held.expireAtMs : undefined;
  return { key, value, version: versionOf(held), expiresAt };
}

/** Of one key. */
interface OneWrite<Result> {
  readonly value: Uint8Array;
  readonly options: SetOptions | undefined;
  readonly resultOf: (answer: WriteAnswer) => Result;
}

function onlyEntry({ entries }: ReadAnswer): ReadEntry {
  return must(entries[0], 'an entry for its key');
}

const wasFound = (answer: ReadAnswer): boolean => onlyEntry(answer).found;
const wasApplied = ({ applied }: WriteAnswer): boolean => applied;

function operationOf(
  kind: OperationKind,
  key: Uint8Array,
  { value, ifVersion, ttlMs }: { readonly value: Uint8Array } & Pick<SetOptions, 'ifVersion' | 'ttlMs'>,
): Operation {
  const ownTtlMs = ttlMs === undefined ? 0 : checkCount('ttlMs', ttlMs, LIMITS.ttlMsMax);
  const { ifEpoch, ifLsn } = parseIfVersion(ifVersion);
  return new NewOperation({ kind, key, value, ifEpoch, ifLsn, ttlMs: ownTtlMs, expireAtMs: 0 });
}

function hasChanged({ code }: GridError): boolean {
  return code === 'version_conflict' || code === 'duplicate_key';
}
