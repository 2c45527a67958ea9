/**
 * A process that was written by somebody who read the contract and not the rules: it asks for what there is not, sends
 * too much, forgets what it was told, and speaks to whom it should not. Nobody may be disturbed by it. What it writes
 * may take effect, once: the history has it as a write of unknown outcome.
 */
import {
  asMapId,
  asPartitionId,
  type ConnectionId,
  type Effects,
  LIMITS,
  LINEARIZABLE_READ,
  type Machine,
  type Message,
  NO_BYTES,
  type Operation,
  type PartitionId,
  type Peer,
  type Random,
  type Route,
  type Write,
} from '@ostraca/core';
import { CATALOG_URL } from './cluster.ts';
import { GRID, pick } from './scenario.ts';
import type { Workload } from './workload.ts';

const EVERY_MS = 60;
const PATIENCE_MS = 400;

export interface StrangerOptions {
  readonly effects: Effects;
  readonly random: Random;
  readonly peer: Peer;
  readonly workload: Workload;
  /** Addresses. */
  readonly containers: readonly string[];
  readonly partitionCount: number;
  /** Keys are of one life only. */
  readonly life: number;
}

/** Sometimes it says that it is a container, under a name that nobody may have. */
export function strangerPeer(random: Random): Peer {
  const incarnation = random.hex(32);
  if (random.below(4) > 0) return { role: 'client', name: 'stranger', incarnation };
  return { role: 'container', name: 'x'.repeat(LIMITS.nameCharsMax + 1), incarnation };
}

export class Stranger implements Machine {
  readonly #options: StrangerOptions;
  #connection: ConnectionId | undefined;
  #url = CATALOG_URL;
  #actAtMs = 0;
  #lastId = 0;
  #routes: readonly Route[] = [];
  readonly #forgot = new Set<PartitionId>();
  /** By the write whose answer is waited for. */
  readonly #thenAgain = new Map<number, Write>();

  constructor(options: StrangerOptions) {
    this.#options = options;
  }

  onOpen(connection: ConnectionId, _peer: Peer, nowMs: number): void {
    this.#actAtMs = nowMs + PATIENCE_MS;
    const send = (messages: readonly Message[]): void => {
      for (const message of messages) this.#options.effects.send(connection, message);
    };
    if (this.#options.peer.role === 'container') send([this.#registration()]);
    else if (this.#url === CATALOG_URL) send(this.#toCatalog());
    else send(this.#toContainer());
  }

  onMessage(connection: ConnectionId, message: Message): void {
    if (message.type === 'routing') this.#routes = message.routes;
    if (message.type !== 'writeAnswer') return;
    const again = this.#thenAgain.get(message.id);
    if (again !== undefined) this.#options.effects.send(connection, again);
  }

  onClose(connection: ConnectionId, _reason: string, nowMs: number): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#actAtMs = nowMs + EVERY_MS;
  }

  onTick(nowMs: number): void {
    if (nowMs < this.#actAtMs) return;
    const { effects, random, containers, peer } = this.#options;
    if (this.#connection !== undefined) {
      effects.hangUp(this.#connection, 'that was all');
      this.#actAtMs = nowMs + EVERY_MS;
      return;
    }
    const toCatalog = peer.role === 'container' || this.#routes.length === 0 || random.below(6) === 0;
    this.#url = toCatalog ? CATALOG_URL : this.#addressOf(pick(random, this.#routes), containers);
    this.#connection = effects.dial(this.#url);
  }

  #addressOf({ address }: Route, containers: readonly string[]): string {
    return address !== '' ? address : pick(this.#options.random, containers);
  }

  #registration(): Message {
    const { name, incarnation } = this.#options.peer;
    return { type: 'register', name, incarnation, address: '', host: '', zone: '', generation: '', shards: [] };
  }

  #toCatalog(): Message[] {
    const { random, partitionCount } = this.#options;
    const routing: Message = { type: 'routingRequest', grid: GRID };
    const size = { type: 'size', id: 1, partition: asPartitionId(partitionCount), epoch: 1, map: asMapId(0), ttlMs: 1 };
    return [
      routing,
      pick<Message>(random, [
        { type: 'routingRequest', grid: 'nowhere' },
        { ...this.#registration(), name: 'c1' } as Message,
        size as Message,
        { type: 'drain' },
        { type: 'leave' },
        { type: 'provedDead', container: 'c1', incarnation: this.#options.peer.incarnation },
        { type: 'rebuild', grid: GRID, acceptLoss: true },
      ]),
    ];
  }

  #toContainer(): Message[] {
    const { random, workload, life, partitionCount } = this.#options;
    const here = this.#routes.filter(({ address }) => address === this.#url);
    const route = pick(random, here.length === 0 ? this.#routes : here);
    const { partition, epoch } = route;
    const key = workload.strangePlace(partition, life).bytes;
    const base = { partition, epoch, map: asMapId(0), ttlMs: 200 };
    const operation: Operation = {
      ...{ kind: 'touch', key, value: NO_BYTES, ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0, mapOffset: 0 },
    };
    const write = (fields: Partial<Write>): Write => {
      const given = { seq: 1, ackedBelow: 1, attempt: 1, operations: [operation] };
      return { type: 'write', id: ++this.#lastId, ...base, ...given, ...fields };
    };
    const read = { type: 'read', id: ++this.#lastId, ...base, ...LINEARIZABLE_READ, withoutValues: false } as const;
    const otherKey = workload.strangePlace(asPartitionId((partition + 1) % partitionCount), life).bytes;
    const bad: (() => Message[])[] = [
      () => [write({ operations: [] })],
      () => [write({ operations: [{ ...operation, key: new Uint8Array(LIMITS.keyBytesMax + 1) }] })],
      () => [write({ seq: 0 })],
      () => [write({ attempt: 0 })],
      () => [write({ operations: [{ ...operation, kind: 'expire' }] })],
      () => [write({ operations: [{ ...operation, mapOffset: 1 }] })],
      () => [write({ operations: [{ ...operation, ttlMs: LIMITS.ttlMsMax + 1 }] })],
      () => [write({ operations: [{ ...operation, key: Uint8Array.of(0xff, 1, 2) }] })],
      () => [write({ operations: [{ ...operation, key: otherKey }] })],
      () => [write({ map: asMapId(99) })],
      () => [write({ partition: asPartitionId(4_000) })],
      () => [{ ...read, keys: [otherKey] }],
      () => [{ ...read, keys: [key], mode: 'bounded', map: asMapId(99) }],
      () => [{ type: 'routingRequest', grid: 'nowhere' }],
      () => [{ type: 'verify', id: ++this.#lastId, partition, ttlMs: 100 }],
      () => [{ type: 'leave' }],
      () => this.#forget(partition, write, (value) => ({ ...operation, kind: 'set', value })),
    ];
    // The last one has the most to tell.
    return pick(random, [...bad, ...bad.slice(-1), ...bad.slice(-1), ...bad.slice(-1)])();
  }

  /** Is far ahead of itself, says that it has heard the answer to its first write, and then asks for it again. */
  #forget(
    partition: PartitionId,
    write: (fields: Partial<Write>) => Write,
    set: (value: Uint8Array) => Operation,
  ): Message[] {
    if (this.#forgot.has(partition)) return [];
    this.#forgot.add(partition);
    const { workload, life } = this.#options;
    const operations = [set(workload.strangeValue(partition, life))];
    const first = write({ operations });
    const second = write({ seq: 2, ackedBelow: 2, operations: [set(workload.strangeValue(partition, life))] });
    const again = write({ attempt: 2, operations });
    this.#thenAgain.set(second.id, again);
    return [first, second, write({ seq: 2 + 4 * LIMITS.outstandingPerPartitionMax, ackedBelow: 2, attempt: 2 })];
  }
}
