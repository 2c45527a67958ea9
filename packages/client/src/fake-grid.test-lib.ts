/** A grid of one obedient container in memory, behind the client machine: for tests of what the application sees. */
import {
  asConnectionId,
  asMapId,
  asPartitionId,
  type Commit,
  type ConnectionId,
  type EndTransaction,
  ERROR_CODES,
  type ErrorCode,
  type KeepTransactions,
  type Message,
  mapOfOperation,
  type NearPoll,
  NO_BYTES,
  NO_ROUTE,
  newRandom,
  type Operation,
  type RequestMessage,
  type Routing,
  type Write,
} from '@ostraca/core';
import type { ClientHost } from './calls.ts';
import type { ClientMachine } from './client-machine.ts';
import { type Grid, newGrid } from './grid.ts';
import { newClientMachine } from './requests.ts';
import { StatusStream } from './status.ts';

const ADDRESS = 'ws://a:1';
const PARTITIONS = 4;

interface Stored {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lsn: number;
  readonly hash: number;
  readonly expireAtMs: number;
}

const NOTHING = { value: NO_BYTES, lsn: 0, expireAtMs: 0 };
/** It never gets later here. */
const NOW_MS = 1_000_000;

export class FakeGrid implements ClientHost {
  readonly machine: ClientMachine;
  readonly grid: Grid;
  /** Every request that was sent. */
  readonly sent: RequestMessage[] = [];
  /** What a request is refused with; undefined: it is done. */
  refusal: (message: RequestMessage) => ErrorCode | undefined = () => undefined;
  /** Told ends of transactions with locks. */
  readonly ended: EndTransaction[] = [];
  readonly kept: KeepTransactions[] = [];
  /** Polls of near caches, the last of each partition. */
  readonly nearPolls = new Map<number, NearPoll>();
  /** Whether near caches hear of what changes. */
  tellsNear = true;
  readonly #maps = new Map<string, Map<string, Stored>>();
  /** By map and partition: the lsn of its last change. */
  readonly #changed = new Map<string, number>();
  /** Requests for a lock by name that somebody has. */
  #acquiring: { readonly connection: ConnectionId; readonly message: Write; readonly endMs: number }[] = [];
  readonly #told = new Map<number, number>();
  #lsn = 0;
  #aheadMs = 0;

  constructor(partitionBy: readonly number[] = []) {
    const status = new StatusStream();
    this.machine = newClientMachine({
      endpoints: [ADDRESS],
      grid: 'shop',
      clientId: 'c'.repeat(32),
      random: newRandom(1),
      settings: { connectTimeoutMs: 1_000, maxPendingBytes: 64 << 20, onUnavailable: 'wait' },
      onStatus: (event) => status.publish(event),
      effects: {
        dial: () => {
          const connection = asConnectionId(1);
          const peer = { role: 'container', name: 'a', incarnation: 'a' } as const;
          queueMicrotask(() => this.turn((nowMs) => this.machine.onOpen(connection, peer, nowMs)));
          return connection;
        },
        send: (connection, message) => this.#onMessage(connection, message, partitionBy),
        hangUp: () => {},
        note: () => {},
      },
    });
    this.grid = newGrid({ name: 'shop', host: this, operationTimeoutMs: 5_000, status });
  }

  async connected(): Promise<this> {
    await new Promise((resolve) => this.turn((nowMs) => this.machine.start(nowMs, resolve)));
    return this;
  }

  turn<T>(act: (nowMs: number) => T): T {
    return act(this.nowMs());
  }

  nowMs(): number {
    return performance.now() + this.#aheadMs;
  }

  /** In steps, so that what is due on the way happens in its order, and is answered. */
  async pass(ms: number, stepMs = 50): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.#aheadMs += stepMs;
      this.#expireAcquiring();
      await new Promise((resolve) => setImmediate(resolve));
      this.turn((nowMs) => this.machine.onTick(nowMs, 0));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {}

  #mustWait(write: Write): boolean {
    return write.operations.some(({ kind, key }) => kind === 'acquire' && this.#stored(write).has(hex(key)));
  }

  #retryAcquiring(): void {
    for (const one of [...this.#acquiring]) {
      if (this.#mustWait(one.message)) continue;
      this.#acquiring = this.#acquiring.filter((other) => other !== one);
      this.#answer(one.connection, this.#answerOf(one.message, true));
    }
  }

  #expireAcquiring(): void {
    const expired = this.#acquiring.filter(({ endMs }) => endMs <= this.nowMs());
    this.#acquiring = this.#acquiring.filter((one) => !expired.includes(one));
    for (const { connection, message } of expired) this.#answer(connection, refused(message.id, 'lock_timeout'));
  }

  sentOf<Type extends RequestMessage['type']>(type: Type): Extract<RequestMessage, { type: Type }>[] {
    return this.sent.filter((message): message is Extract<RequestMessage, { type: Type }> => message.type === type);
  }

  #onMessage(connection: ConnectionId, message: Message, partitionBy: readonly number[]): void {
    if (message.type === 'routingRequest') this.#answer(connection, routing(partitionBy));
    else if (message.type === 'nearPoll') this.#onNearPoll(connection, message);
    else {
      if (message.type === 'endTransaction') {
        this.ended.push(message);
        return;
      }
      if (message.type === 'keepTransactions') {
        this.kept.push(message);
        return;
      }
      const request = message as RequestMessage;
      if (request.type === 'write' && this.#mustWait(request)) {
        this.sent.push(request);
        this.#acquiring.push({ connection, message: request, endMs: this.nowMs() + request.ttlMs });
        return;
      }
      if (request.type === 'resolveOrAbort') {
        const isOther = ({ message }: { message: Write }): boolean =>
          message.seq !== request.seq || message.partition !== request.partition;
        this.#acquiring = this.#acquiring.filter(isOther);
      }
      this.#answer(connection, this.#answerOf(request));
      this.#retryAcquiring();
      const poll = this.nearPolls.get(request.partition);
      if (poll === undefined) return;
      const operations = request.type === 'write' ? request.operations : [];
      const isClear = operations.some(({ kind }) => kind === 'clear');
      this.#tellNear(
        connection,
        poll,
        operations.map(({ key }) => key),
        isClear,
      );
    }
  }

  #answer(connection: ConnectionId, message: Message): void {
    queueMicrotask(() => this.turn((nowMs) => this.machine.onMessage(connection, message, nowMs)));
  }

  #onNearPoll(connection: ConnectionId, poll: NearPoll): void {
    const isFirst = !this.#told.has(poll.partition);
    if (isFirst) this.#told.set(poll.partition, this.#lsn);
    this.nearPolls.set(poll.partition, poll);
    this.#tellNear(connection, poll, []);
  }

  /** Lsns are the grid's here: a partition's own ranges pass over what others have. */
  #tellNear(
    connection: ConnectionId,
    { partition, map, sentMs }: NearPoll,
    keys: readonly Uint8Array[],
    allKeys = false,
  ): void {
    if (!this.tellsNear) return;
    const fromLsn = (this.#told.get(partition) ?? 0) + 1;
    const toLsn = this.#lsn;
    this.#told.set(partition, toLsn);
    const range = { partition, epoch: 1, map, fromLsn, toLsn, allKeys, keys };
    this.#answer(connection, { type: 'nearChanges', ...range, clockMs: 0, fresh: true, sentMs });
  }

  #answerOf(message: RequestMessage, wasWaiting = false): Message {
    if (!wasWaiting) this.sent.push(message);
    const isWriting = message.type === 'write' || message.type === 'commit';
    const code = this.refusal(message) ?? (isWriting ? this.#refusalOf(message) : undefined);
    const { id } = message;
    if (code !== undefined) return refused(id, code);
    switch (message.type) {
      case 'lock':
      case 'read': {
        const entries = message.keys.map((key) => {
          const { value, lsn, expireAtMs } = this.#stored(message).get(hex(key)) ?? NOTHING;
          return { found: lsn > 0, value: message.withoutValues ? NO_BYTES : value, epoch: 1, lsn, expireAtMs };
        });
        return { type: 'readAnswer', id, entries, lsn: this.#lsn, clockMs: 0 };
      }
      case 'size':
        return { type: 'sizeAnswer', id, count: this.#stored(message).size, lsn: this.#lsn, clockMs: 0 };
      case 'scan': {
        const matching = [...this.#stored(message).values()]
          .filter(
            ({ key, hash }) =>
              hex(key).startsWith(hex(message.prefix)) && hash > (message.resumed ? message.afterHash : -1),
          )
          .sort((a, b) => a.hash - b.hash);
        const given = matching.slice(0, message.limit);
        const entries = given.map(({ key, value, lsn }) => ({ key, value, lsn, epoch: 1 }));
        return {
          type: 'scanAnswer',
          id,
          entries,
          done: given.length === matching.length,
          lastHash: given.at(-1)?.hash ?? 0,
          lsn: this.#lsn,
          clockMs: 0,
        };
      }
      case 'commit':
      case 'write': {
        if (message.operations.length === 0) return { type: 'writeAnswer', id, epoch: 0, lsn: 0, applied: false };
        this.#lsn += 1;
        const applied = message.operations.map((operation) => this.#apply(message, operation));
        return { type: 'writeAnswer', id, epoch: 1, lsn: this.#lsn, applied: applied.includes(true) };
      }
      case 'verify':
        throw new Error('not used here');
      case 'resolveOrAbort':
        return { type: 'rolledBack', id };
    }
  }

  #refusalOf(write: Write | Commit): ErrorCode | undefined {
    const { partition } = write;
    for (const { map, key, lsn } of write.type === 'commit' ? write.reads : []) {
      if ((this.#stored({ map, partition }).get(hex(key))?.lsn ?? 0) !== lsn) return 'version_conflict';
    }
    for (const { map, lsn } of write.type === 'commit' ? write.ranges : []) {
      if ((this.#changed.get(`${map}:${partition}`) ?? 0) > lsn) return 'version_conflict';
    }
    for (const operation of write.operations) {
      const { kind, key, ifLsn } = operation;
      const held = this.#stored({ map: mapOfOperation(write, operation), partition }).get(hex(key));
      if (kind === 'insert' && held !== undefined) return 'duplicate_key';
      if (kind === 'update' && held === undefined) return 'key_not_found';
      if (ifLsn > 0 && held?.lsn !== ifLsn) return 'version_conflict';
    }
    return undefined;
  }

  #apply(write: Write | Commit, operation: Operation): boolean {
    const { kind, key, value, ttlMs } = operation;
    const map = mapOfOperation(write, operation);
    const stored = this.#stored({ map, partition: write.partition });
    this.#changed.set(`${map}:${write.partition}`, this.#lsn);
    const hash = Number.parseInt(hex(key).slice(-10, -2), 16);
    if (kind === 'clear') stored.clear();
    else if (kind === 'delete') return stored.delete(hex(key));
    else if (kind === 'touch') return stored.has(hex(key));
    else stored.set(hex(key), { key, value, lsn: this.#lsn, hash, expireAtMs: ttlMs === 0 ? 0 : NOW_MS + ttlMs });
    return true;
  }

  #stored({ map, partition }: { readonly map: number; readonly partition: number }): Map<string, Stored> {
    const name = `${map}:${partition}`;
    let stored = this.#maps.get(name);
    if (stored === undefined) {
      stored = new Map();
      this.#maps.set(name, stored);
    }
    return stored;
  }
}

function refused(id: number, code: ErrorCode): Message {
  return { type: 'errorAnswer', id, code: ERROR_CODES[code].number, detailsJson: '{}', route: NO_ROUTE };
}

function routing(partitionBy: readonly number[]): Routing {
  const names = { orders: 'optimistic', accounts: 'pessimistic', hits: 'none', 'ostraca.locks': 'optimistic' } as const;
  const maps = Object.entries(names).map(([name, lockStrategy], id) => ({ id: asMapId(id), name, lockStrategy }));
  return {
    type: 'routing',
    grid: 'shop',
    generation: '1-x',
    mapSets: [{ name: 's', firstPartition: 0, numberOfPartitions: PARTITIONS, partitionBy, maps, unplaceable: '' }],
    routes: Array.from({ length: PARTITIONS }, (_, index) => ({
      partition: asPartitionId(index),
      epoch: 1,
      version: 1,
      primary: 'a',
      address: ADDRESS,
      lineage: 'l1',
      replicas: [],
    })),
    addresses: [ADDRESS],
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
