/** A client machine with a network of the test's own making: dials, sends and time are what the test says. */
import {
  asConnectionId,
  asMapId,
  asPartitionId,
  type ConnectionId,
  ERROR_CODES,
  type ErrorCode,
  GridError,
  type Message,
  type MessageType,
  type Mutation,
  must,
  NO_BYTES,
  NO_ROUTE,
  newRandom,
  type OperationKind,
  type Route,
  type Routing,
} from '@ostraca/core';
import type { ClientMachine, ClientMachineSettings } from './client-machine.ts';
import type { ClientAnswer, Pending, RequestBody } from './pending.ts';
import { newClientMachine } from './requests.ts';
import type { StatusEvent } from './status.ts';

export const CATALOG = 'ws://catalog:1';
export const A = 'ws://a:1';
export const B = 'ws://b:1';

type MessageOf<Type extends MessageType> = Extract<Message, { type: Type }>;

export interface Outcome {
  readonly pending: Pending;
  /** Undefined while it is pending. */
  result: ClientAnswer | GridError | undefined;
}

export class FakeNetwork {
  readonly machine: ClientMachine;
  nowMs = 1_000;
  readonly events: StatusEvent[] = [];
  connected: GridError | 'yes' | undefined;
  busy = false;
  /** Every dial, in order. */
  readonly dialled: string[] = [];
  readonly #urls = new Map<ConnectionId, string>();
  /** The last connection to each address, while it is not closed. */
  readonly #connections = new Map<string, ConnectionId>();
  readonly #sent = new Map<string, Message[]>();
  #lastConnection = 0;

  constructor(
    settings: Partial<ClientMachineSettings> = {},
    endpoints: readonly string[] = [CATALOG],
    mutations: readonly Mutation[] = [],
  ) {
    this.machine = newClientMachine({
      endpoints,
      grid: 'shop',
      clientId: 'c'.repeat(32),
      random: newRandom(1),
      mutations: new Set(mutations),
      settings: { connectTimeoutMs: 10_000, maxPendingBytes: 1_000_000, onUnavailable: 'wait', ...settings },
      onStatus: (event) => this.events.push(event),
      onBusy: (busy) => {
        this.busy = busy;
      },
      effects: {
        dial: (url) => {
          this.#lastConnection += 1;
          const connection = asConnectionId(this.#lastConnection);
          this.#urls.set(connection, url);
          this.#connections.set(url, connection);
          this.dialled.push(url);
          return connection;
        },
        send: (connection, message) => this.#sentTo(must(this.#urls.get(connection), 'url')).push(message),
        hangUp: (connection) => {
          this.#sentTo(`hung up ${this.#urls.get(connection)}`).length = 1;
        },
        note: () => {},
      },
    });
  }

  start(): void {
    this.machine.start(this.nowMs, (error) => {
      this.connected = error ?? 'yes';
    });
  }

  isDialled(url: string): boolean {
    return this.#connections.has(url);
  }

  open(url: string): void {
    const role = url === CATALOG ? 'catalog' : 'container';
    const name = url.slice('ws://'.length, -2);
    this.machine.onOpen(this.#at(url), { role, name, incarnation: name }, this.nowMs);
  }

  close(url: string, reason = 'reset'): void {
    const connection = this.#at(url);
    this.#connections.delete(url);
    this.machine.onClose(connection, reason, this.nowMs);
  }

  deliver(url: string, message: Message): void {
    this.machine.onMessage(this.#at(url), message, this.nowMs);
  }

  refuse(url: string, id: number, refusal: { code: ErrorCode; route?: Route; details?: object }): void {
    const { code, route = NO_ROUTE, details = {} } = refusal;
    const detailsJson = JSON.stringify(details);
    this.deliver(url, { type: 'errorAnswer', id, code: ERROR_CODES[code].number, detailsJson, route });
  }

  commit(url: string, id: number): void {
    this.deliver(url, { type: 'writeAnswer', id, epoch: 1, lsn: 1, applied: true });
  }

  /** In steps of a tick. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + 20);
      this.machine.onTick(this.nowMs, 0);
    }
  }

  /** What was sent there since the last look, of one type. */
  sent<Type extends MessageType>(url: string, type: Type): MessageOf<Type>[] {
    const all = this.#sentTo(url);
    const wanted = all.filter((message): message is MessageOf<Type> => message.type === type);
    this.#sent.set(
      url,
      all.filter((message) => message.type !== type),
    );
    return wanted;
  }

  one<Type extends MessageType>(url: string, type: Type): MessageOf<Type> {
    const messages = this.sent(url, type);
    if (messages.length !== 1) throw new Error(`${messages.length} messages ${type} to ${url}, expected one`);
    return must(messages[0], 'message');
  }

  hasHungUp(url: string): boolean {
    return this.#sentTo(`hung up ${url}`).length > 0;
  }

  submit(partition: number, body: RequestBody, timeoutMs = 10_000): Outcome {
    const outcome: { pending: Pending | undefined; result: ClientAnswer | GridError | undefined } = {
      pending: undefined,
      result: undefined,
    };
    const request = { partition: asPartitionId(partition), map: asMapId(0), body, timeoutMs };
    outcome.pending = this.machine.submit(
      request,
      (result) => {
        if (outcome.result !== undefined) throw new Error('done was called twice');
        outcome.result = result;
      },
      this.nowMs,
    );
    return outcome as Outcome;
  }

  write(partition: number, timeoutMs?: number): Outcome {
    return this.submit(partition, writeBody('set'), timeoutMs);
  }

  read(partition: number, timeoutMs?: number): Outcome {
    return this.submit(partition, { kind: 'read', keys: [new Uint8Array([1])], withoutValues: false }, timeoutMs);
  }

  #at(url: string): ConnectionId {
    return must(this.#connections.get(url), `a connection to ${url}`);
  }

  #sentTo(url: string): Message[] {
    let messages = this.#sent.get(url);
    if (messages === undefined) {
      messages = [];
      this.#sent.set(url, messages);
    }
    return messages;
  }
}

export function writeBody(kind: OperationKind, value: Uint8Array = NO_BYTES): RequestBody {
  return {
    kind: 'write',
    operations: [
      { kind, key: new Uint8Array([1]), value, ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0, mapOffset: 0 },
    ],
  };
}

export function routeTo(
  url: string,
  partition: number,
  { epoch = 1, version = epoch, lineage = 'l1', replicas = [] }: Partial<Route> = {},
): Route {
  return {
    partition: asPartitionId(partition),
    epoch,
    version,
    primary: url === '' ? '' : url.slice('ws://'.length, -2),
    address: url,
    lineage,
    replicas,
  };
}

export function routingOf(
  routes: readonly Route[],
  { generation = '1-x', unplaceable = '' }: { generation?: string; unplaceable?: string } = {},
): Routing {
  const maps = [{ id: asMapId(0), name: 'orders', lockStrategy: 'optimistic' } as const];
  const mapSet = { name: 'orders', firstPartition: 0, numberOfPartitions: 4, partitionBy: [], maps, unplaceable };
  return { type: 'routing', grid: 'shop', generation, mapSets: [mapSet], routes, addresses: [A, B] };
}

/** Partitions 0 and 1 on A, 2 and 3 on B, everything connected. */
export function newConnected(
  settings: Partial<ClientMachineSettings> = {},
  mutations: readonly Mutation[] = [],
): FakeNetwork {
  const network = new FakeNetwork(settings, [CATALOG], mutations);
  network.start();
  network.open(CATALOG);
  network.deliver(CATALOG, routingOf([routeTo(A, 0), routeTo(A, 1), routeTo(B, 2), routeTo(B, 3)]));
  network.open(A);
  network.open(B);
  return network;
}

/** `code outcome`, `committed`, another answer's type, or `pending`. */
export function told({ result }: Outcome): string {
  if (result === undefined) return 'pending';
  if (result instanceof GridError) return `${result.code} ${result.outcome}`;
  return result.type === 'writeAnswer' ? 'committed' : result.type;
}
