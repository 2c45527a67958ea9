/**
 * A TCP proxy in front of one listening process. Each connection passes as two pipes, one on the way from its dialler
 * and one on the way back; who the dialler is, it tells itself in the first message (`hello-listener.ts`), unless the
 * proxy is for one dialler alone.
 */
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { Hello } from '@ostraca/protocol';
import { HelloListener } from './hello-listener.ts';
import { Pipe, type Way } from './way.ts';

export interface TcpProxyOptions {
  /** Who listens behind it. */
  readonly target: string;
  readonly targetPort: () => number;
  readonly wayOf: (from: string, to: string) => Way;
  /** The only dialler; undefined: whoever says hello. */
  readonly source?: string;
  /** What the dialler is called here. Called for every hello. */
  readonly nameOf: (hello: Hello, source: string | undefined) => string;
  /** For jitter, in [0, 1). */
  readonly random: () => number;
}

const HOST = '127.0.0.1';

export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #passages = new Set<Passage>();
  #server: Server | undefined;
  #port = 0;
  #refusals = 0;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
  }

  get url(): string {
    return `ws://${HOST}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get connectionCount(): number {
    return this.#passages.size;
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, HOST, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    // Somebody may have said `refuse` meanwhile.
    if (this.#refusals > 0) this.#stopListening();
  }

  /** Refuses new connections until as many `admit` were called; those that there are stay. */
  refuse(): void {
    this.#refusals += 1;
    this.#stopListening();
  }

  async admit(): Promise<void> {
    this.#refusals = Math.max(0, this.#refusals - 1);
    if (this.#refusals === 0) await this.open();
  }

  /** For good. */
  close(): void {
    this.#refusals = Number.POSITIVE_INFINITY;
    this.#stopListening();
    for (const passage of [...this.#passages]) passage.reset();
  }

  /** The listening socket is closed at once; `close` only calls back when the last connection is gone. */
  #stopListening(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #accept(source: Socket): void {
    const passage = new Passage(source, this.#options, (one) => this.#passages.delete(one));
    // On a way that is cut it has ended already.
    if (!passage.isGone) this.#passages.add(passage);
  }
}

/** One connection through the proxy. */
class Passage {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #there: Pipe;
  readonly #back: Pipe;
  readonly #options: TcpProxyOptions;
  readonly #onGone: (passage: Passage) => void;
  readonly #hello = new HelloListener();
  #ways: readonly [Way, Way] | undefined;
  isGone = false;

  constructor(source: Socket, options: TcpProxyOptions, onGone: (passage: Passage) => void) {
    this.#source = source;
    this.#options = options;
    this.#onGone = onGone;
    const target = dial({ port: options.targetPort(), host: HOST, allowHalfOpen: true, noDelay: true });
    this.#target = target;
    const pipeOptions = { onReset: () => this.reset(), random: options.random };
    this.#there = new Pipe(source, target, pipeOptions);
    this.#back = new Pipe(target, source, pipeOptions);
    if (options.source !== undefined) this.#enter(options.source);
    source.on('data', (bytes: Buffer) => {
      this.#listen(bytes);
      this.#there.put(bytes);
    });
    target.on('data', (bytes: Buffer) => this.#back.put(bytes));
    const onClose = (): void => {
      if (source.closed && target.closed) this.#end();
    };
    source.on('close', onClose);
    target.on('close', onClose);
  }

  reset(): void {
    for (const socket of [this.#source, this.#target]) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#end();
  }

  #listen(bytes: Buffer): void {
    const hello = this.#hello.listen(bytes);
    if (hello === undefined) return;
    const name = this.#options.nameOf(hello, this.#options.source);
    if (this.#ways === undefined) this.#enter(name);
  }

  #enter(source: string): void {
    const { target, wayOf } = this.#options;
    this.#ways = [wayOf(source, target), wayOf(target, source)];
    this.#ways[0].enter(this.#there);
    if (!this.isGone) this.#ways[1].enter(this.#back);
  }

  #end(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#there.stop();
    this.#back.stop();
    this.#ways?.[0].leave(this.#there);
    this.#ways?.[1].leave(this.#back);
    this.#onGone(this);
  }
}
