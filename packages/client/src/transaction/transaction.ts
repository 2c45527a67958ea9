/**
 * One transaction: what it has read and under which epoch, what it will write, and how it ends. It lives here, in the
 * client: its primary knows of its locks alone, until everything comes to it in one Commit.
 *
 *     active ─── commit() ──▶ committing ──▶ committed
 *        │                        └────────▶ failed
 *        ├─ rollback() ──────────▶ rolled back
 *        └─ a message fails ─────▶ failed: its locks end at once, whatever is called later is `transaction_not_active`
 */
import { GridError, type Key, keyText, LIMITS, type LockMode, type MapId, type PartitionId } from '@ostraca/core';
import { type AnswerOf, type GridContext, type PlacedKey, partitionsOfPlace, placeKey, placeOf } from '../calls.ts';
import { invalid } from '../check-options.ts';
import type { Pending, RequestBody } from '../pending.ts';
import type { MapPlace } from '../routes.ts';
import { type Exchanged, exchange } from './exchange.ts';
import { ReadSet } from './read-set.ts';
import { WriteBuffer } from './write-buffer.ts';

export interface TransactionSettings {
  readonly lockTimeoutMs: number;
  /** By the host's clock; undefined: only its calls have deadlines. */
  readonly endMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

type State = 'active' | 'committing' | 'committed' | 'rolled back' | 'failed';

interface Home {
  readonly partition: PartitionId;
  readonly map: string;
  /** Undefined: the map as a whole. */
  readonly key: Uint8Array | undefined;
}

export class Transaction {
  readonly writes = new WriteBuffer();
  readonly reads: ReadSet;
  readonly lockTimeoutMs: number;
  readonly #context: GridContext;
  readonly #settings: TransactionSettings;
  readonly #inFlight = new Set<Pending>();
  readonly #calls = new Set<Promise<unknown>>();
  /** What its calls were rejected with. */
  readonly #ownErrors = new WeakSet<object>();
  #state: State = 'active';
  #failure: GridError | undefined;
  /** Of the first key; it decides the partition. */
  #home: Home | undefined;
  /** 0: it has no locks. */
  #number = 0;
  /** Of all answers that its commit rests on; 0: there are none. */
  #epoch = 0;
  #answerCount = 0;
  #stopTimer: (() => void) | undefined;

  constructor(context: GridContext, settings: TransactionSettings) {
    this.#context = context;
    this.#settings = settings;
    this.lockTimeoutMs = settings.lockTimeoutMs;
    this.reads = new ReadSet(this);
    const { signal } = settings;
    if (signal?.aborted) this.#onSignal();
    else signal?.addEventListener('abort', this.#onSignal);
  }

  get isActive(): boolean {
    return this.#state === 'active';
  }

  /** Why it failed by itself. */
  get failure(): GridError | undefined {
    return this.#failure;
  }

  isOwnError(error: unknown): error is GridError {
    return error instanceof GridError && this.#ownErrors.has(error);
  }

  /** One call of the application: refused when the transaction has ended, waited for by its commit. */
  call<T>(act: () => T | Promise<T>): Promise<T> {
    const calling = this.#run(act);
    this.#calls.add(calling);
    const over = (): void => void this.#calls.delete(calling);
    calling.then(over, over);
    return calling;
  }

  async #run<T>(act: () => T | Promise<T>): Promise<T> {
    try {
      this.checkActive();
      return await act();
    } catch (error) {
      if (error instanceof GridError) this.#ownErrors.add(error);
      throw error;
    }
  }

  /** @throws {@link GridError} `transaction_not_active`. */
  checkActive(): void {
    if (this.#state !== 'active') throw this.#notActive();
  }

  // ── Its partition ─────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws {@link GridError} `undefined_map`. */
  placeOf(map: string): MapPlace {
    return placeOf(this.#context, map);
  }

  /** @throws {@link GridError} `transaction_spans_partitions`, naming this key and the first; `invalid_argument`. */
  placeKey<K extends Key>(key: K, place: MapPlace): PlacedKey<K> {
    const placed = placeKey(key, place);
    const { partition, bytes } = placed;
    this.#home ??= { partition, map: place.map.name, key: bytes };
    if (this.#home.partition !== partition) throw spans({ partition, map: place.map.name, key: bytes }, this.#home);
    return placed;
  }

  /** Of what concerns a whole map. @throws {@link GridError} as `placeKey`; `invalid_argument`: no key has decided it. */
  partitionOf(place: MapPlace): PartitionId {
    const partitions = partitionsOfPlace(place);
    const [only] = partitions;
    if (this.#home === undefined && partitions.length === 1 && only !== undefined) {
      this.#home = { partition: only, map: place.map.name, key: undefined };
    }
    if (this.#home === undefined) {
      throw invalid('key', `no key has decided the partition yet, and map set ${place.mapSet.name} has several`);
    }
    if (!partitions.includes(this.#home.partition)) {
      throw spans({ partition: only ?? this.#home.partition, map: place.map.name, key: undefined }, this.#home);
    }
    return this.#home.partition;
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends to its partition. One that fails ends the transaction.
   *
   * @param isChecked - What is answered will be checked at the commit.
   */
  async send<Body extends RequestBody>(map: MapId, body: Body, isChecked: boolean): Promise<AnswerOf<Body>> {
    this.checkActive();
    try {
      const exchanged = await this.#exchange(map, body);
      if (isChecked) this.#noteEpoch(exchanged);
      return exchanged.answer;
    } catch (error) {
      this.checkActive();
      if (error instanceof GridError) this.fail(error);
      throw error;
    }
  }

  /** Reads under locks, which it keeps; no keys: the map, in its partition. */
  lock(
    map: MapId,
    mode: LockMode,
    { keys, withoutValues }: { readonly keys: readonly Uint8Array[]; readonly withoutValues: boolean },
  ): Promise<AnswerOf<{ readonly kind: 'lock' } & RequestBody>> {
    this.#begin();
    const waitMs = this.lockTimeoutMs;
    return this.send(map, { kind: 'lock', transaction: this.#number, mode, keys, withoutValues, waitMs }, true);
  }

  /** Its calls are over: whatever was asked of it fails. */
  fail(failure: GridError): void {
    if (this.#state !== 'active' && this.#state !== 'committing') return;
    this.#failure = failure;
    this.#ownErrors.add(failure);
    this.#end('failed');
  }

  // ── Its end ───────────────────────────────────────────────────────────────────────────────────────────────────

  async commit(): Promise<void> {
    this.checkActive();
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    this.checkActive();
    this.#state = 'committing';
    const { keys: reads, ranges } = this.reads.checks();
    const written = this.writes.operations();
    const isConsistent = this.#answerCount <= 1 || reads.length + ranges.length === 0;
    const map = written?.map ?? reads[0]?.map ?? ranges[0]?.map;
    if (map === undefined || (written === undefined && isConsistent)) return this.#end('committed');
    const operations = written?.operations ?? [];
    const waitMs = this.lockTimeoutMs;
    const head = { kind: 'commit', transaction: this.#number, beganEpoch: this.#epoch } as const;
    try {
      await this.#exchange(map, { ...head, reads, ranges, operations, waitMs });
    } catch (error) {
      const failure = written === undefined ? readOnly(error) : error;
      if (failure instanceof GridError) this.fail(failure);
      throw failure;
    }
    // The primary has ended it.
    if (this.#number !== 0) this.#context.host.machine.transactions.forget(this.#partition, this.#number);
    this.#number = 0;
    this.#end('committed');
  }

  /** Nothing of it was carried out. Does nothing when it has ended. */
  rollback(): void {
    if (this.#state === 'active') this.#end('rolled back');
  }

  #end(state: State): void {
    this.#state = state;
    this.#settings.signal?.removeEventListener('abort', this.#onSignal);
    this.#stopTimer?.();
    const { host } = this.#context;
    // Before its end is told: what is taken back must not be sent again after it.
    this.#abortAll(this.#failure);
    if (this.#number === 0) return;
    const number = this.#number;
    this.#number = 0;
    host.turn(() => host.machine.transactions.end(this.#partition, number));
  }

  readonly #onSignal = (): void => {
    const cause: unknown = this.#settings.signal?.reason;
    if (this.#state === 'active') this.fail(new GridError('aborted', { outcome: 'not_applied', cause }));
    // The commit then says with what outcome.
    else this.#abortAll(cause);
  };

  #abortAll(reason: unknown): void {
    if (this.#inFlight.size === 0) return;
    const { host } = this.#context;
    host.turn((nowMs) => {
      for (const pending of [...this.#inFlight]) host.machine.abort(pending, reason, nowMs);
    });
  }

  /** Its locks must not outlive its deadline, though nobody calls. */
  #begin(): void {
    if (this.#number !== 0) return;
    const { host } = this.#context;
    const { transactions, timers } = host.machine;
    this.#number = transactions.begin(this.#partition);
    const { endMs } = this.#settings;
    if (endMs === undefined) return;
    const timer = timers.at(endMs, () => {
      if (this.#state === 'active') this.fail(this.#overdue());
    });
    this.#stopTimer = () => timers.cancel(timer);
  }

  get #partition(): PartitionId {
    if (this.#home === undefined) throw invalid('key', 'no key has decided the partition yet');
    return this.#home.partition;
  }

  #exchange<Body extends RequestBody>(map: MapId, body: Body): Promise<Exchanged<Body>> {
    const { endMs } = this.#settings;
    const { host, operationTimeoutMs } = this.#context;
    const remainingMs = endMs === undefined ? operationTimeoutMs : Math.floor(endMs - host.nowMs());
    if (remainingMs < 1) throw this.#overdue();
    const timeoutMs = Math.min(remainingMs, LIMITS.operationTimeoutMsMax);
    return exchange(this.#context, { map, partition: this.#partition, body, timeoutMs, inFlight: this.#inFlight });
  }

  #noteEpoch({ epoch }: { readonly epoch: number }): void {
    this.#answerCount += 1;
    if (this.#epoch === 0) this.#epoch = epoch;
    if (epoch === this.#epoch) return;
    const details = { partition: this.#partition, beganEpoch: this.#epoch, epoch };
    throw new GridError('transaction_failed_over', { details });
  }

  #overdue(): GridError {
    const reason = 'the deadline of the transaction has passed';
    return new GridError('timeout', { outcome: 'not_applied', details: { reason } });
  }

  #notActive(): GridError {
    const state = this.#state;
    const because = this.#failure === undefined ? {} : { because: this.#failure.code };
    const error = new GridError('transaction_not_active', { details: { state, ...because }, cause: this.#failure });
    this.#ownErrors.add(error);
    return error;
  }
}

function spans(one: Home, first: Home): GridError {
  return new GridError('transaction_spans_partitions', {
    details: {
      key: textOf(one.key),
      map: one.map,
      partition: one.partition,
      firstKey: textOf(first.key),
      firstMap: first.map,
      firstPartition: first.partition,
    },
  });
}

/** What writes nothing had no effect, whatever became of the question. */
function readOnly(error: unknown): unknown {
  if (!(error instanceof GridError) || error.outcome === 'not_applied') return error;
  return new GridError(error.code, { outcome: 'not_applied', details: error.details, cause: error });
}

function textOf(key: Uint8Array | undefined): string {
  return key === undefined ? 'any' : keyText(key);
}
