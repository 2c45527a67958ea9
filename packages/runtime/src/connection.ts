/**
 * One connection from its dial or acceptance to its end: hello, frames, liveness, bounded output. It knows the wire
 * but no machine; its owner is the host.
 *
 *   connecting ──open──> hello ──their Hello──> ready ──hangUp, Goodbye, fault──> leaving ──> closed
 *        └─────────────────┴────────── fault ──────────────────────────────────────┘
 */
import { type ConnectionId, LIMITS, type Message, type Peer } from '@ostraca/core';
import { decodeFrame, encodeFrames, type Hello, ProtocolError, type WireMessage } from '@ostraca/protocol';
import type { Traffic } from './counters.ts';
import { disagreement, goodbyeOf, helloOf, peerOf, reasonOf, type Self } from './handshake.ts';
import { OutputGuard, type Verdict } from './output-guard.ts';
import type { GridSocket, Violation } from './platform.ts';
import type { ConnectionTimes } from './times.ts';

export type Stage = 'connecting' | 'hello' | 'ready' | 'leaving' | 'closed';

/** RFC 6455, 7.4.1. */
const CLOSE_NORMAL = 1000;
const CLOSE_POLICY = 1008;

/**
 * Read from one peer before the others have their turn. What lies ready of one connection is read at a stretch otherwise, up to
 * 2 MiB: who asks for one thing then waits for thousands of somebody else's.
 */
const BURST_BYTES = 64 * 1024;

/** A closed list, as these become labels of a metric. */
export type Refusal =
  | 'malformed'
  | 'frame_too_large'
  | 'text_frame'
  | 'websocket_error'
  | 'no_hello'
  | 'hello_too_large'
  | 'second_hello'
  | 'protocol_version';

export interface ConnectionOwner {
  readonly self: Self;
  readonly times: ConnectionTimes;
  readonly traffic: Traffic;
  nowMs(): number;
  /** Calls `act` once every connection that has something to read has had its turn. */
  afterReads(act: () => void): void;
  onReady(connection: Connection): void;
  onMessages(connection: Connection, messages: readonly WireMessage[]): void;
  /** A frame, or what should have been one, was not accepted; the connection ends. `detail` is for people. */
  onRefused(connection: Connection, reason: Refusal, detail: string): void;
  /** A bug of ours, which costs this connection only: the process holds data. */
  onUnsendable(connection: Connection, error: unknown): void;
  /** Once, in a turn of its own. */
  onClosed(connection: Connection, reason: string): void;
}

export interface ConnectionOrigin {
  readonly id: ConnectionId;
  readonly socket: GridSocket;
  /** The address dialled, or that of the peer. */
  readonly remote: string;
  readonly accepted: boolean;
}

export class Connection {
  readonly id: ConnectionId;
  readonly remote: string;
  readonly accepted: boolean;
  stage: Stage;
  /** From the hello on. */
  peer: Peer | undefined;
  /** The machine knows it. */
  wasReady = false;
  readonly #socket: GridSocket;
  readonly #owner: ConnectionOwner;
  readonly #guard: OutputGuard;
  /** Why it ends: the first reason wins. */
  #reason = '';
  /** Of the present stage, unless it is ready. */
  #deadlineMs: number;
  #heardAtMs: number;
  #pingAtMs: number;
  /** Read since the others had their turn for sure. */
  #burstBytes = 0;

  constructor(origin: ConnectionOrigin, owner: ConnectionOwner) {
    this.id = origin.id;
    this.remote = origin.remote;
    this.accepted = origin.accepted;
    this.#socket = origin.socket;
    this.#owner = owner;
    this.#guard = new OutputGuard({ accepted: origin.accepted, stuckMs: owner.times.stuckMs });
    const nowMs = owner.nowMs();
    this.#heardAtMs = nowMs;
    this.#pingAtMs = nowMs + owner.times.pingEveryMs;
    this.#deadlineMs = nowMs + owner.times.connectMs;
    this.stage = 'connecting';
    this.#socket.listen({
      onOpen: () => this.#onOpen(),
      onFrame: (bytes) => this.#onFrame(bytes),
      onViolation: (reason) => this.#onViolation(reason),
      onAlive: () => this.#onAlive(),
      onDrained: () => this.#obey(this.#guard.onDrained(this.queuedBytes, this.#owner.nowMs())),
      onClosed: (reason) => this.#onClosed(reason),
    });
    if (origin.accepted) this.#onOpen();
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  /** Who is at the other end, for people. */
  get peerText(): string {
    return this.peer === undefined ? this.remote : `${this.peer.role} ${this.peer.name} at ${this.remote}`;
  }

  /** All of them in one frame, as far as one frame may hold. Ignored unless it is ready. */
  send(messages: readonly Message[]): void {
    if (this.stage !== 'ready') return;
    let frames: Uint8Array[];
    try {
      frames = encodeFrames(messages);
    } catch (error) {
      this.#owner.onUnsendable(this, error);
      this.hangUp('an answer could not be encoded');
      return;
    }
    const beforeBytes = this.queuedBytes;
    for (const frame of frames) this.#put(frame);
    this.#obey(this.#guard.onSent(beforeBytes, this.queuedBytes, this.#owner.nowMs()));
  }

  /** Closes with a Goodbye, after everything that was sent. */
  hangUp(reason: string, code = CLOSE_NORMAL): void {
    if (this.stage === 'closed' || this.stage === 'leaving') return;
    if (this.stage === 'connecting') {
      this.terminate(reason);
      return;
    }
    for (const frame of encodeFrames([goodbyeOf(reason)])) this.#put(frame);
    this.#leave(reason);
    this.#socket.close(code, reason);
  }

  /** The peer broke the rules. */
  refuse(reason: Refusal, detail: string = reason): void {
    if (this.stage === 'closed' || this.stage === 'leaving') return;
    this.#owner.onRefused(this, reason, detail);
    this.hangUp(`frame refused: ${detail}`, CLOSE_POLICY);
  }

  terminate(reason: string): void {
    if (this.stage === 'closed') return;
    this.#leave(reason);
    this.#socket.terminate();
  }

  /** Looks at every deadline; the sockets have been read just before. */
  sweep(nowMs: number): void {
    const { times } = this.#owner;
    if (this.stage === 'ready') {
      // A peer that we do not read is silent because of us; the guard watches it instead.
      if (this.#guard.paused) this.#heardAtMs = nowMs;
      else if (nowMs - this.#heardAtMs > times.silenceMs) this.terminate(`silent for ${times.silenceMs} ms`);
      else if (nowMs >= this.#pingAtMs) this.#ping(nowMs);
      if (this.stage === 'ready') this.#obey(this.#guard.judge(this.queuedBytes, nowMs));
      return;
    }
    if (nowMs < this.#deadlineMs) return;
    if (this.stage === 'connecting') this.terminate(`no connection within ${times.connectMs} ms`);
    else if (this.stage === 'hello') this.refuse('no_hello');
    else this.#socket.terminate();
  }

  /** This process was away for so long: silence in that time proves nothing. */
  forgive(lateMs: number): void {
    this.#heardAtMs += lateMs;
    this.#deadlineMs += lateMs;
    this.#guard.forgive(lateMs);
  }

  #onOpen(): void {
    if (this.stage !== 'connecting') return;
    this.stage = 'hello';
    const nowMs = this.#owner.nowMs();
    this.#deadlineMs = nowMs + this.#owner.times.helloMs;
    this.#socket.limitIncoming(LIMITS.helloBytesMax);
    for (const frame of encodeFrames([helloOf(this.#owner.self)])) this.#put(frame);
  }

  #onFrame(bytes: Uint8Array): void {
    if (this.stage !== 'hello' && this.stage !== 'ready') return;
    this.#heardAtMs = this.#owner.nowMs();
    this.#owner.traffic.framesIn += 1;
    this.#owner.traffic.bytesIn += bytes.byteLength;
    this.#giveWay(bytes.byteLength);
    let messages: readonly WireMessage[];
    try {
      messages = decodeFrame(bytes, this.stage === 'hello' ? LIMITS.helloBytesMax : LIMITS.frameBytesMax);
    } catch (error) {
      // Whatever a peer sends, it is the peer's fault and its connection's end, never ours.
      this.refuse('malformed', error instanceof ProtocolError ? error.reason : String(error));
      return;
    }
    this.#owner.onMessages(this, messages);
  }

  #giveWay(bytes: number): void {
    const before = this.#burstBytes;
    this.#burstBytes += bytes;
    if (before >= BURST_BYTES || this.#burstBytes < BURST_BYTES) return;
    this.#socket.pause();
    this.#owner.afterReads(() => {
      this.#burstBytes = 0;
      if (!this.#guard.paused && this.stage !== 'closed') this.#socket.resume();
    });
  }

  /** The owner hands each message here first; true when it was one of the connection's own. */
  ownMessage(message: WireMessage): message is Exclude<WireMessage, Message> {
    if (message.type === 'goodbye') {
      this.#leave(reasonOf(message));
      this.#socket.close(CLOSE_NORMAL, '');
      return true;
    }
    if (message.type === 'hello') {
      if (this.stage === 'hello') this.#onHello(message);
      else this.refuse('second_hello');
      return true;
    }
    if (this.stage !== 'hello') return false;
    this.refuse('no_hello');
    return true;
  }

  #onHello(hello: Hello): void {
    const reason = disagreement(this.#owner.self, hello);
    this.peer = peerOf(hello);
    this.#socket.limitIncoming(undefined);
    if (reason !== undefined) {
      this.#owner.onRefused(this, 'protocol_version', reason);
      this.hangUp(reason, CLOSE_POLICY);
      return;
    }
    this.stage = 'ready';
    this.wasReady = true;
    this.#pingAtMs = this.#owner.nowMs() + this.#owner.times.pingEveryMs;
    this.#owner.onReady(this);
  }

  #onViolation(reason: Violation): void {
    if (reason !== 'hello_too_large' || this.stage !== 'hello') {
      this.refuse(reason);
      return;
    }
    // Told why, and not read any more: its frame would go on growing in our memory until it has closed.
    this.#socket.pause();
    this.refuse(reason);
  }

  #onAlive(): void {
    const nowMs = this.#owner.nowMs();
    this.#heardAtMs = nowMs;
    // A ping is answered below us, and a flood of them fills the output like anything else.
    if (this.stage === 'ready') this.#obey(this.#guard.judge(this.queuedBytes, nowMs));
  }

  #onClosed(reason: string): void {
    if (this.stage === 'closed') return;
    const why = this.#reason || reason;
    this.stage = 'closed';
    this.#owner.onClosed(this, why);
  }

  #put(frame: Uint8Array): void {
    this.#owner.traffic.framesOut += 1;
    this.#owner.traffic.bytesOut += frame.byteLength;
    this.#socket.send(frame);
  }

  #ping(nowMs: number): void {
    this.#pingAtMs = nowMs + this.#owner.times.pingEveryMs;
    this.#socket.ping();
  }

  #obey(verdict: Verdict): void {
    if (verdict === 'go' || this.stage === 'closed') return;
    if (verdict === 'pause') this.#socket.pause();
    else if (verdict === 'resume') this.#socket.resume();
    else this.terminate('does not read');
  }

  #leave(reason: string): void {
    this.#reason ||= reason;
    this.stage = 'leaving';
    this.#deadlineMs = this.#owner.nowMs() + this.#owner.times.leaveMs;
    // A paused socket would never read the peer's answer to our close.
    if (this.#guard.paused) this.#socket.resume();
  }
}
