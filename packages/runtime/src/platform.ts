/**
 * What a host needs of the place it runs in. `node-platform.ts` is the one of Node.js; a browser's will have the
 * browser's WebSocket behind the same few calls.
 */
export interface Platform {
  nowMs(): number;
  /** Calls `act` once the present callback of the event loop is over, with every promise reaction that it set off. */
  afterTurn(act: () => void): void;
  /** Calls `act` once every socket that has something to read has had its turn. */
  afterReads(act: () => void): void;
  startTicks(options: TickOptions): Ticker;
  /** Never throws: an address that cannot be dialled fails by `onClosed`, in a later turn. */
  dial(url: string): GridSocket;
  /** What becomes of a process whose machine has thrown, when nobody else said. */
  crash(error: unknown): void;
}

export interface TickOptions {
  readonly tickMs: number;
  /** Ticks alone do not keep the process alive. */
  readonly unref: boolean;
  /** `lateMs`: how much later than planned; judged after the sockets have been read. */
  readonly onTick: (nowMs: number, lateMs: number) => void;
}

export interface Ticker {
  keepAlive(on: boolean): void;
  stop(): void;
}

/** One WebSocket, dialled or accepted. Calls its events from the turn after `listen` at the earliest. */
export interface GridSocket {
  listen(events: SocketEvents): void;
  send(bytes: Uint8Array): void;
  ping(): void;
  /** Says goodbye and closes; `terminate` does not ask the peer. `onClosed` follows both. */
  close(code: number, reason: string): void;
  terminate(): void;
  /** Stops and starts reading. */
  pause(): void;
  resume(): void;
  /** While a number: at most about so many bytes are read before `hello_too_large` is reported. */
  limitIncoming(bytes: number | undefined): void;
  /** Handed over and not yet taken by the kernel. */
  readonly queuedBytes: number;
}

export interface SocketEvents {
  /** Only of a dialled one. */
  onOpen(): void;
  onFrame(bytes: Uint8Array): void;
  /** The peer has broken the rules of WebSocket or ours. */
  onViolation(reason: Violation): void;
  /** A ping or a pong came. */
  onAlive(): void;
  /** Bytes have gone to the kernel. */
  onDrained(): void;
  /** Exactly once, after which nothing comes. `reason` is for people and may be empty. */
  onClosed(reason: string): void;
}

export type Violation = 'frame_too_large' | 'text_frame' | 'websocket_error' | 'hello_too_large';
