/** Real hosts with a machine that only remembers, for tests; and peers that keep no rule of ours. */
import type { ConnectionId, Machine, Message, Peer } from '@ostraca/core';
import { decodeFrame, encodeFrames, type Hello, PROTOCOL, type WireMessage } from '@ostraca/protocol';
import { WebSocket } from 'ws';
import { randomHex } from './entropy.ts';
import type { Host, HostEffects, HostOptions } from './host.ts';
import { type Listener, listen } from './listener.ts';
import { attach, createHost } from './node-host.ts';

/** The one deadline of everything that a test waits for. */
const DEADLINE_MS = 20_000;

export type Event =
  | { readonly kind: 'open'; readonly connection: ConnectionId; readonly peer: Peer }
  | { readonly kind: 'message'; readonly connection: ConnectionId; readonly message: Message }
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly reason: string };

export class RecordingMachine implements Machine {
  readonly events: Event[] = [];
  readonly effects: HostEffects;
  /** What a test wants done at each event, in the same turn. */
  onEvent: (event: Event) => void = () => {};
  onEachTick: () => void = () => {};
  turnEnds = 0;
  #check: () => void = () => {};

  constructor(effects: HostEffects) {
    this.effects = effects;
  }

  onOpen(connection: ConnectionId, peer: Peer): void {
    this.#record({ kind: 'open', connection, peer });
  }

  onMessage(connection: ConnectionId, message: Message): void {
    this.#record({ kind: 'message', connection, message });
  }

  onClose(connection: ConnectionId, reason: string): void {
    this.#record({ kind: 'close', connection, reason });
  }

  onTick(): void {
    this.onEachTick();
    this.#check();
  }

  onTurnEnd(): void {
    this.turnEnds += 1;
  }

  /** Looked at after every event and tick; one wait at a time. */
  until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return withDeadline(
      what,
      new Promise((resolve) => {
        this.#check = () => {
          const found = look();
          if (found !== undefined && found !== false) resolve(found);
        };
        this.#check();
      }),
    );
  }

  firstOf<Kind extends Event['kind']>(kind: Kind, from = 0): Promise<Extract<Event, { kind: Kind }>> {
    return this.until(`an event ${kind}`, () =>
      this.events.slice(from).find((event): event is Extract<Event, { kind: Kind }> => event.kind === kind),
    );
  }

  get seqs(): number[] {
    return this.events.flatMap((event) =>
      event.kind === 'message' && event.message.type === 'heartbeat' ? [event.message.seq] : [],
    );
  }

  #record(event: Event): void {
    this.events.push(event);
    this.onEvent(event);
    this.#check();
  }
}

export interface TestHost {
  readonly host: Host<RecordingMachine>;
  readonly machine: RecordingMachine;
  readonly notes: string[];
  readonly crashes: unknown[];
}

export type TestHostOptions = Partial<HostOptions<RecordingMachine>>;

export function newTestHost(name: string, options: TestHostOptions = {}): TestHost {
  const notes: string[] = [];
  const crashes: unknown[] = [];
  const host = createHost({
    self: { role: 'container', name, incarnation: randomHex(32) },
    machine: (effects) => new RecordingMachine(effects),
    onNote: (note) => notes.push(`${note.event} ${note.facts.reason ?? ''}`),
    onCrash: (error) => crashes.push(error),
    ...options,
  });
  return { host, machine: host.machine, notes, crashes };
}

export interface TestServer extends TestHost {
  readonly listener: Listener;
  close(): Promise<void>;
}

export async function newTestServer(name: string, options: TestHostOptions = {}): Promise<TestServer> {
  const listener = await listen({ host: '127.0.0.1', port: 0, onHttp: (_request, response) => void response.end() });
  const test = newTestHost(name, options);
  attach(listener, test.host);
  const close = async (): Promise<void> => {
    await test.host.close();
    await listener.close();
  };
  return { ...test, listener, close };
}

export function heartbeat(seq: number, reachableBytes = 0): Message {
  const reachable = reachableBytes === 0 ? [] : ['x'.repeat(reachableBytes)];
  return { type: 'heartbeat', seq, sentAtMs: 0, leaseGen: 1, reachable };
}

export const RAW_HELLO: Hello = {
  type: 'hello',
  protocolMin: PROTOCOL.min,
  protocolMax: PROTOCOL.max,
  role: 'client',
  name: 'raw',
  incarnation: 'ab'.repeat(16),
  program: 'test',
};

/** A WebSocket of ours without a host: it sends what it is told. */
export class RawPeer {
  readonly socket: WebSocket;
  readonly received: WireMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(url: string, options: { readonly autoPong?: boolean } = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.socket.on('error', () => {});
    this.socket.on('message', (bytes: Buffer) => this.received.push(...decodeFrame(bytes)));
    this.closed = withDeadline(
      'the close of a raw peer',
      new Promise((resolve) => {
        this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
      }),
    );
  }

  async open(): Promise<this> {
    await withDeadline('a raw peer opens', new Promise((resolve) => this.socket.once('open', resolve)));
    return this;
  }

  send(...messages: readonly WireMessage[]): void {
    for (const frame of encodeFrames(messages)) this.socket.send(frame);
  }

  async openWithHello(): Promise<this> {
    await this.open();
    this.send(RAW_HELLO);
    return this;
  }
}

export function withDeadline<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
