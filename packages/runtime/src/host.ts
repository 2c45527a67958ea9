/**
 * Runs one machine on real connections: frames and ticks in, effects out. Everything that happens to the machine
 * happens here, one turn after another; whatever it throws is a bug of ours and ends the process, for a machine
 * that has broken an invariant may no longer answer for its data.
 */
import {
  asConnectionId,
  type ConnectionId,
  type Effects,
  GridError,
  LIMITS,
  type Machine,
  type Message,
  must,
  type Note,
  type PeerRole,
} from '@ostraca/core';
import type { WireMessage } from '@ostraca/protocol';
import { Connection, type ConnectionOwner } from './connection.ts';
import { type HostCounters, Tally, type Traffic } from './counters.ts';
import { DurableGate } from './durable-gate.ts';
import type { Self } from './handshake.ts';
import type { Journal } from './journal.ts';
import { Outbox } from './outbox.ts';
import type { GridSocket, Platform } from './platform.ts';
import { CONNECTION_TIMES, type ConnectionTimes } from './times.ts';

/** A tick that is so late is told: a process that stalls for long is taken for dead. */
const STALL_NOTED_MS = 200;

/** What a machine may do; those of core's `CatalogEffects` too, if the host has a journal. */
export interface HostEffects extends Effects {
  journal(event: unknown): void;
  sendNow(connection: ConnectionId, message: Message): void;
}

export interface HostOptions<M extends Machine> {
  readonly self: Self;
  /** Called once, before `createHost` returns. */
  readonly machine: (effects: HostEffects) => M;
  /** Default 20. */
  readonly tickMs?: number;
  /** Ticks alone do not keep the process alive; an open connection does. Default false. See `Host.keepAlive`. */
  readonly unref?: boolean;
  /** With it, sends and hang-ups of a turn wait until what was journalled by its end is durable. */
  readonly journal?: Journal;
  readonly onNote?: (note: Note) => void;
  /**
   * The machine threw, or the journal failed (JournalError): nothing that the host does later can be relied on.
   * Default: one line on stderr, exit code 70.
   */
  readonly onCrash?: (error: unknown) => void;
  /** Default CONNECTION_TIMES, each. */
  readonly times?: Partial<ConnectionTimes>;
}

export interface Host<M extends Machine = Machine> {
  readonly machine: M;
  nowMs(): number;
  /**
   * An outside call into the machine. What it sends leaves with everything else of this turn of the event loop and
   * of the promise reactions that follow it. A GridError passes through; anything else is a crash, and thrown too.
   */
  turn<T>(act: (nowMs: number) => T): T;
  /** A connection that somebody has dialled; `remote` is for people. */
  accept(socket: GridSocket, remote: string): void;
  counters(): HostCounters;
  /** Whether ticks keep the process alive, from now on: a client wants it while a call is pending. */
  keepAlive(on: boolean): void;
  /**
   * Lets what was sent leave, says goodbye to every peer, and resolves when all connections are gone. The machine is
   * not called any more, not even with `onClose`.
   */
  close(reason?: string): Promise<void>;
}

export function newHost<M extends Machine>(options: HostOptions<M>, platform: Platform): Host<M> {
  return new MachineHost(options, platform);
}

class MachineHost<M extends Machine> implements Host<M>, ConnectionOwner {
  readonly machine: M;
  readonly self: Self;
  readonly times: ConnectionTimes;
  readonly traffic: Traffic = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly #options: HostOptions<M>;
  readonly #platform: Platform;
  readonly #connections = new Map<ConnectionId, Connection>();
  /** Hung up by the machine, in a turn that has not left yet: it hears nothing more from them but their end. */
  readonly #left = new Set<ConnectionId>();
  readonly #framesRefused = new Tally();
  readonly #connectionsRefused = new Tally();
  readonly #gate: DurableGate | undefined;
  readonly #outbox: Outbox;
  readonly #ticker;
  #lastConnection = 0;
  #turnDepth = 0;
  #turnMs = 0;
  /** Since the last tick: of a stall it says whether it was our work or the machine's. */
  #longestTurnMs = 0;
  #sweepAtMs = 0;
  #closed = false;
  #onAllGone: (() => void) | undefined;

  constructor(options: HostOptions<M>, platform: Platform) {
    this.#options = options;
    this.#platform = platform;
    this.self = options.self;
    this.times = { ...CONNECTION_TIMES, ...options.times };
    const onCrash = (error: unknown): void => this.#crash(error);
    this.#gate = options.journal && new DurableGate(options.journal, onCrash);
    this.#outbox = new Outbox({ afterTurn: platform.afterTurn, gate: this.#gate, onCrash });
    this.machine = options.machine(this.#effects());
    this.#ticker = platform.startTicks({
      tickMs: options.tickMs ?? 20,
      unref: options.unref ?? false,
      onTick: (nowMs, lateMs) => this.#onTick(nowMs, lateMs),
    });
  }

  nowMs(): number {
    return this.#platform.nowMs();
  }

  turn<T>(act: (nowMs: number) => T): T {
    try {
      return this.#runTurn(act, this.#nowOfTurn());
    } catch (error) {
      if (!(error instanceof GridError)) this.#crash(error);
      throw error;
    }
  }

  accept(socket: GridSocket, remote: string): void {
    if (this.#closed || this.#connections.size >= LIMITS.connectionsMax) {
      this.#connectionsRefused.add(this.#closed ? 'closing' : 'too_many_connections');
      socket.listen(IGNORE);
      socket.terminate();
      return;
    }
    this.#open({ socket, remote, accepted: true });
  }

  counters(): HostCounters {
    const connections: Record<PeerRole, number> = { catalog: 0, container: 0, client: 0, tool: 0 };
    let queuedBytes = 0;
    for (const connection of this.#connections.values()) {
      queuedBytes += connection.queuedBytes;
      if (connection.stage === 'ready' && connection.peer !== undefined) connections[connection.peer.role] += 1;
    }
    return {
      ...this.traffic,
      connections,
      framesRefused: this.#framesRefused.toRecord(),
      connectionsRefused: this.#connectionsRefused.toRecord(),
      queuedBytes,
    };
  }

  afterReads(act: () => void): void {
    this.#platform.afterReads(act);
  }

  /** Calls of a program come by the hundred in one turn of the event loop: the clock is read for the first that sends. */
  #nowOfTurn(): number {
    if (this.#outbox.isEmpty) this.#turnMs = this.nowMs();
    return this.#turnMs;
  }

  keepAlive(on: boolean): void {
    this.#ticker.keepAlive(on);
  }

  async close(reason = `${this.self.role} ${this.self.name} closes`): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.flush();
    await this.#gate?.drained();
    for (const connection of this.#connections.values()) connection.hangUp(reason);
    // Somebody waits for us now.
    this.#ticker.keepAlive(true);
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onAllGone = resolve;
      });
    }
    this.#ticker.stop();
  }

  onReady(connection: Connection): void {
    this.#inTurn((nowMs) => this.machine.onOpen(connection.id, must(connection.peer, 'a ready peer'), nowMs));
  }

  onMessages(connection: Connection, messages: readonly WireMessage[]): void {
    this.#inTurn((nowMs) => {
      for (const message of messages) {
        if (connection.ownMessage(message)) continue;
        if (connection.stage !== 'ready' || this.#left.has(connection.id)) return;
        this.machine.onMessage(connection.id, message, nowMs);
      }
    });
  }

  onRefused(connection: Connection, reason: string, detail: string): void {
    const isHandshake = connection.stage === 'hello';
    (isHandshake ? this.#connectionsRefused : this.#framesRefused).add(reason);
    const event = isHandshake ? 'connection_refused' : 'frame_refused';
    this.#note({ level: 'warn', event, facts: { reason, detail, peer: connection.peerText } });
  }

  onUnsendable(connection: Connection, error: unknown): void {
    this.#note({ level: 'error', event: 'unsendable', facts: { error: String(error), peer: connection.peerText } });
  }

  onClosed(connection: Connection, reason: string): void {
    this.#connections.delete(connection.id);
    this.#left.delete(connection.id);
    if (this.#connections.size === 0) this.#onAllGone?.();
    // Of an accepted one that never got through its hello the machine does not know.
    if (connection.accepted && !connection.wasReady) return;
    this.#inTurn((nowMs) => this.machine.onClose(connection.id, reason, nowMs));
  }

  #effects(): HostEffects {
    const { journal } = this.#options;
    return {
      dial: (url) => this.#open({ socket: this.#platform.dial(url), remote: url, accepted: false }),
      send: (connection, message) => this.#ifOpen(connection, (open) => this.#outbox.put(open, message)),
      sendNow: (connection, message) => this.#ifOpen(connection, (open) => this.#outbox.putUrgent(open, message)),
      hangUp: (connection, reason) =>
        this.#ifOpen(connection, (open) => {
          this.#left.add(connection);
          this.#outbox.hangUp(open, reason);
        }),
      note: (note) => this.#note(note),
      journal: (event) => {
        must(journal, 'a journal, if the machine journals').append(event);
        this.#outbox.touch();
      },
    };
  }

  #ifOpen(id: ConnectionId, act: (connection: Connection) => void): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined && !this.#left.has(id)) act(connection);
  }

  #open(origin: { socket: GridSocket; remote: string; accepted: boolean }): ConnectionId {
    this.#lastConnection += 1;
    const id = asConnectionId(this.#lastConnection);
    this.#connections.set(id, new Connection({ id, ...origin }, this));
    return id;
  }

  #onTick(nowMs: number, lateMs: number): void {
    if (lateMs >= STALL_NOTED_MS) {
      const longestTurnMs = Math.round(this.#longestTurnMs);
      this.#note({ level: 'warn', event: 'stalled', facts: { lateMs: Math.round(lateMs), longestTurnMs } });
    }
    this.#longestTurnMs = 0;
    if (lateMs > this.times.sweepEveryMs)
      for (const connection of this.#connections.values()) connection.forgive(lateMs);
    if (nowMs >= this.#sweepAtMs) {
      this.#sweepAtMs = nowMs + this.times.sweepEveryMs;
      for (const connection of this.#connections.values()) connection.sweep(nowMs);
    }
    this.#inTurn((turnMs) => this.machine.onTick(turnMs, lateMs));
  }

  #inTurn(act: (nowMs: number) => void): void {
    try {
      if (this.#closed) return;
      const nowMs = this.nowMs();
      this.#turnMs = nowMs;
      this.#runTurn(act, nowMs);
      this.#longestTurnMs = Math.max(this.#longestTurnMs, this.nowMs() - nowMs);
    } catch (error) {
      this.#crash(error);
    }
  }

  /** A turn within a turn (the hello of a frame opens the connection) ends with the outer one. */
  #runTurn<T>(act: (nowMs: number) => T, nowMs: number): T {
    this.#turnDepth += 1;
    try {
      const result = act(nowMs);
      if (this.#turnDepth === 1) this.machine.onTurnEnd?.(nowMs);
      return result;
    } finally {
      this.#turnDepth -= 1;
    }
  }

  #note(note: Note): void {
    this.#options.onNote?.(note);
  }

  #crash(error: unknown): void {
    (this.#options.onCrash ?? this.#platform.crash)(error);
  }
}

/** For a socket that is refused before it was a connection. */
const IGNORE = {
  onOpen: () => {},
  onFrame: () => {},
  onViolation: () => {},
  onAlive: () => {},
  onDrained: () => {},
  onClosed: () => {},
};
