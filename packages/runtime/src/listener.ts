import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AdmissionOptions, isHostAllowed, isLoopback, isOriginAllowed } from './admission.ts';
import { Tally } from './counters.ts';
import { ListenError } from './listen-error.ts';
import { WS_OPTIONS } from './ws-socket.ts';

export interface ListenOptions {
  /** An address of this machine, for example `127.0.0.1`. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Every HTTP request that is no upgrade and whose Host was accepted. Throwing, or rejecting, answers 500. */
  readonly onHttp: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  /** Origins of web pages that may connect. Default none. */
  readonly allowOrigins?: readonly string[];
  /** Further names in the Host header that mean us. Default none. */
  readonly advertisedHosts?: readonly string[];
  /** Listen off the loopback although there is no TLS and there are no users. Default false. */
  readonly insecure?: boolean;
}

export interface IncomingConnection {
  readonly socket: WebSocket;
  readonly stream: Duplex;
  /** Address and port of the peer. */
  readonly remote: string;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `ws://HOST:PORT`, with the port that was taken. */
  readonly url: string;
  /** Until it is set, upgrades are answered 503. */
  onConnection(act: (connection: IncomingConnection) => void): void;
  /** Refused before they were connections, by reason. */
  refused(): Record<string, number>;
  /** Ends the server and every connection that came in by it. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const PATHS: ReadonlySet<string> = new Set(['/', '/grid']);

/** @throws {ListenError} The port is taken, the address is not ours, or it is off the loopback without `insecure`. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host } = options;
  if (!isLoopback(host) && options.insecure !== true) {
    throw new ListenError(
      `${host} is off the loopback: whoever reaches it could read and write everything, as there are no users and ` +
        'no TLS yet; listen on 127.0.0.1, or say --insecure',
    );
  }
  const door = new Door(options);
  await door.open();
  return door;
}

class Door implements Listener {
  readonly host: string;
  port = 0;
  readonly #options: ListenOptions;
  readonly #admission: AdmissionOptions;
  readonly #server: Server;
  readonly #upgrader = new WebSocketServer({ ...WS_OPTIONS, noServer: true, clientTracking: false });
  readonly #refused = new Tally();
  /** HTTP no longer knows a connection that was upgraded. */
  readonly #upgraded = new Set<Duplex>();
  #onConnection: ((connection: IncomingConnection) => void) | undefined;

  constructor(options: ListenOptions) {
    this.host = options.host;
    this.#options = options;
    this.#admission = {
      host: options.host,
      advertisedHosts: options.advertisedHosts ?? [],
      allowOrigins: options.allowOrigins ?? [],
    };
    this.#server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
    this.#server.on('request', (request, response) => void this.#onRequest(request, response));
    this.#server.on('upgrade', (request, stream, head) => this.#onUpgrade(request, stream, head));
    this.#server.on('clientError', (_error, stream) => {
      this.#refused.add('bad_request');
      if (stream.writable) stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      else stream.destroy();
    });
  }

  get url(): string {
    return `ws://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  async open(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(describe(error, this.#options)));
      this.#server.listen({ host, port, backlog: 1024 }, resolve);
    });
    this.port = (this.#server.address() as AddressInfo).port;
  }

  onConnection(act: (connection: IncomingConnection) => void): void {
    this.#onConnection = act;
  }

  refused(): Record<string, number> {
    return this.#refused.toRecord();
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      for (const stream of this.#upgraded) stream.destroy();
    });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (isHostAllowed(request.headers.host, this.#admission)) {
        await this.#options.onHttp(request, response);
        return;
      }
      this.#refused.add('host');
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end('Host not allowed\n');
    } catch {
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end('an error of ours\n');
    }
  }

  #onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy());
    const refusal = this.#refusalOf(request);
    const take = this.#onConnection;
    if (refusal !== undefined || take === undefined) {
      this.#refuse(stream, refusal ?? { reason: 'not_ready', status: 503, says: 'not ready' });
      return;
    }
    this.#upgraded.add(stream);
    stream.on('close', () => this.#upgraded.delete(stream));
    const { remoteAddress, remotePort } = request.socket;
    this.#upgrader.handleUpgrade(request, stream, head, (socket) => {
      take({ socket, stream, remote: `${remoteAddress}:${remotePort}` });
    });
  }

  #refusalOf(request: IncomingMessage): Refusal | undefined {
    if (!isHostAllowed(request.headers.host, this.#admission)) return REFUSALS.host;
    if (!isOriginAllowed(request.headers, this.#admission)) return REFUSALS.origin;
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    return PATHS.has(path) ? undefined : REFUSALS.path;
  }

  #refuse(stream: Duplex, refusal: Refusal): void {
    this.#refused.add(refusal.reason);
    const body = `${refusal.says}\n`;
    stream.end(
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nConnection: close\r\n` +
        `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      () => stream.destroy(),
    );
  }
}

interface Refusal {
  readonly reason: string;
  readonly status: number;
  readonly says: string;
}

const REFUSALS = {
  host: { reason: 'host', status: 403, says: 'Host not allowed' },
  origin: { reason: 'origin', status: 403, says: 'Origin not allowed' },
  path: { reason: 'path', status: 404, says: 'connect to /grid' },
} as const satisfies Record<string, Refusal>;

function describe(error: NodeJS.ErrnoException, { host, port }: ListenOptions): ListenError {
  if (error.code === 'EADDRINUSE') return new ListenError(`port ${port} on ${host} is taken`, error);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ListenError(`${host} is no address of this machine`, error);
  }
  if (error.code === 'EACCES') return new ListenError(`no right to listen on port ${port} of ${host}`, error);
  return new ListenError(`cannot listen on ${host}:${port}: ${error.message}`, error);
}
