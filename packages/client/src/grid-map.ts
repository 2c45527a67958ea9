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
import { type BulkOptions, clearAll, readAll, sizeOf, writeAll } from './bulk.ts';
import { CALL_OPTIONS, type CallOptions, type GridContext, placeKey, placeOf } from './calls.ts';
import { checkCount, checkIterable, checkOptions, checkTimeout, invalid, notSupportedYet } from './check-options.ts';
import { type IterationOptions, scan } from './iteration.ts';
import { ReadOne, startCall, WriteOne } from './one-call.ts';
import { formatToken, parseReadMode, type ReadOptions, type ReadToken } from './read-modes.ts';
import { type CodecOption, newValues, type Values } from './values.ts';
import { parseIfVersion, type Version, versionOf } from './version.ts';

export interface MapOptions<Value> {
  /** Any Standard Schema: checked on every write, `invalid_argument` with `details.issues` if it refuses. */
  readonly value?: StandardSchemaV1<unknown, Value> | undefined;
  /** Default `messagepack`. Values are read by whatever codec they were written with. */
  readonly codec?: CodecOption<Value> | undefined;
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
  /** Not supported yet: `invalid_argument`. */
  lock(key: K, options?: CallOptions): Promise<never>;
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
  checkOptions(options, { known: ['value', 'codec'] });
  return new RemoteMap<K, V>(context, name, newValues(options.codec, options.value));
}

class RemoteMap<K extends Key, V> implements GridMap<K, V> {
  readonly name: string;
  readonly #context: GridContext;
  readonly #values: Values<V>;
  /** Made once, not for each read. */
  readonly #valueOf = (answer: ReadAnswer): V | undefined => {
    const { found, value } = onlyEntry(answer);
    return found ? this.#values.decode(value) : undefined;
  };

  constructor(context: GridContext, name: string, values: Values<V>) {
    this.name = name;
    this.#context = context;
    this.#values = values;
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
    return this.#read(key, { withoutValues: false, options }, this.#valueOf);
  }

  getEntry(key: K, options?: ReadOptions): Promise<Entry<K, V> | undefined> {
    return this.#read(key, { withoutValues: false, options }, (answer) => {
      const entry = onlyEntry(answer);
      if (!entry.found) return undefined;
      const expiresAt = entry.expireAtMs > 0 ? entry.expireAtMs : undefined;
      return { key, value: this.#values.decode(entry.value), version: versionOf(entry), expiresAt };
    });
  }

  has(key: K, options?: ReadOptions): Promise<boolean> {
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

  async lock(): Promise<never> {
    throw notSupportedYet('lock');
  }

  async getAll(keys: Iterable<K>, options?: ReadOptions): Promise<Map<K, V>> {
    checkOptions(options, READ_OPTIONS);
    const wish = parseReadMode(options?.read);
    const bulk = { context: this.#context, place: placeOf(this.#context, this.name), options };
    const placed = Array.from(checkIterable('keys', keys), (key) => placeKey(key, bulk.place));
    const found = await readAll(bulk, placed, wish);
    return new Map(found.map(({ key, bytes }) => [key, this.#values.decode(bytes)]));
  }

  async setAll(entries: Iterable<readonly [K, V]>, options?: CallOptions): Promise<void> {
    const bulk = this.#bulk(options);
    // All are checked and encoded before the first is sent.
    const writes = [];
    for (const entry of checkIterable('entries', entries)) {
      if (!Array.isArray(entry)) throw invalid('entries', 'must be pairs of a key and a value');
      const [key, value] = entry as readonly [K, V];
      const placed = placeKey(key, bulk.place);
      const encoded = this.#values.encode(value);
      const bytes = encoded instanceof Promise ? await encoded : encoded;
      writes.push({ placed, operation: operationOf('set', placed.bytes, { value: bytes }) });
    }
    await writeAll(bulk, writes);
  }

  async deleteAll(keys: Iterable<K>, options?: CallOptions): Promise<void> {
    const bulk = this.#bulk(options);
    const writes = Array.from(checkIterable('keys', keys), (key) => {
      const placed = placeKey(key, bulk.place);
      return { placed, operation: operationOf('delete', placed.bytes, { value: NO_BYTES }) };
    });
    await writeAll(bulk, writes);
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
      const entry = await this.getEntry(key, remaining());
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
      const body = new WriteOne(operation);
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
      const body = new ReadOne(bytes, withoutValues, wish);
      return startCall(this.#context, { place, partition, body, options, resultOf });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #bulk(options: CallOptions | undefined): BulkOptions {
    checkOptions(options, PLAIN_OPTIONS);
    return { context: this.#context, place: placeOf(this.#context, this.name), options };
  }
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
