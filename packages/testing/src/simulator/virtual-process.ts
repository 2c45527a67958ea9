/**
 * A process hosts one machine, as `runtime/host.ts` does in production: events are turns, a tick follows every 20 ms of
 * its own clock, and the messages of a turn to one connection leave in one frame. It can crash (memory gone), be
 * stopped and continued (events wait, clocks run), sleep with its machine (the monotonic clock stands still, the others
 * go on), and its clocks run a little fast or slow.
 */
import {
  asConnectionId,
  type Clocks,
  type ConnectionId,
  type Effects,
  type ErrorCode,
  type Machine,
  type Message,
  type Note,
  type Peer,
  type PrimaryAct,
  type Random,
  type Shard,
} from '@ostraca/core';
import type { Given } from './coverage.ts';
import type { FrameCodec } from './frame-codec.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { End, EndHandlers, Station, VirtualNetwork } from './virtual-network.ts';

export const TICK_MS = 20;
/** A tick that comes later than this is told of: no heartbeat of the simulator is longer. */
const LATE_MS = 500;

export interface World {
  readonly scheduler: Scheduler;
  readonly network: VirtualNetwork;
  readonly codec: FrameCodec;
  readonly trace: Trace;
  /** Sees every message that is sent, before the codec does. */
  readonly onSend: (from: string, message: Message) => void;
  readonly onNote: (note: Note) => void;
  /** Just before a machine is given something. */
  readonly onGive?: (receiver: string, given: Given, from: Peer | undefined) => void;
  /** What a caller was told in the end, when it was no answer. */
  readonly onTold?: (code: ErrorCode) => void;
  /** A tool compared the digests of so many copies. */
  readonly onCompared?: (copies: number) => void;
  readonly onAct: (how: PrimaryAct, shard: Shard) => void;
  /** A machine threw: in production the process stops. */
  readonly onThrow: (process: string, error: unknown) => void;
}

export interface ProcessOptions {
  readonly name: string;
  readonly world: World;
  readonly random: Random;
  /** Of its clock to real time. */
  readonly clockRate: number;
  /** Nobody can connect to a process without one. */
  readonly url?: string;
  /** Holds what a turn has sent until it may leave; the catalog waits for its journal. */
  readonly hold?: (leave: () => void) => void;
}

/** What a machine is given, besides what only the catalog has. */
export interface HostEffects extends Effects {
  /** Leaves at the end of the turn, whatever `hold` says. */
  sendNow(connection: ConnectionId, message: Message): void;
}

interface Life<M extends Machine> {
  readonly number: number;
  readonly peer: Peer;
  machine: M | undefined;
  readonly ends: Map<ConnectionId, End>;
  readonly outbox: Map<ConnectionId, Message[]>;
  readonly urgent: Map<ConnectionId, Message[]>;
  readonly hangUps: [ConnectionId, string][];
}

export class VirtualProcess<M extends Machine> implements Station {
  readonly name: string;
  readonly url: string | undefined;
  readonly #world: World;
  readonly #random: Random;
  readonly #clockRate: number;
  readonly #clockOffsetMs: number;
  /** What its monotonic clock has missed while the machine slept. */
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;
  #wallJumpedMs = 0;
  readonly #hold: (leave: () => void) => void;
  #life: Life<M> | undefined;
  #lives = 0;
  #connections = 0;
  #isStopped = false;
  #backlog: (() => void)[] = [];
  #plannedMs = 0;

  constructor({ name, world, random, clockRate, url, hold }: ProcessOptions) {
    this.name = name;
    this.url = url;
    this.#world = world;
    this.#random = random;
    this.#clockRate = clockRate;
    this.#clockOffsetMs = 1_000 + random.below(1_000_000);
    this.#hold = hold ?? ((leave) => leave());
  }

  /** Its own monotonic clock. */
  get clockMs(): number {
    return this.#clockOffsetMs + (this.#asleepSinceMs ?? this.#ranMs) - this.#sleptMs;
  }

  /** As an operating system gives them: whole milliseconds, and steps of ten. */
  readonly clocks: Clocks = {
    wallMs: () => 1_700_000_000_000 + Math.floor(this.#clockOffsetMs + this.#ranMs + this.#wallJumpedMs),
    bootMs: () => 10 * Math.floor((this.#clockOffsetMs + this.#ranMs) / 10),
  };

  get #ranMs(): number {
    return this.#world.scheduler.nowMs * this.#clockRate;
  }

  /** Somebody sets the calendar. */
  jumpWall(byMs: number): void {
    this.#wallJumpedMs += byMs;
  }

  get machine(): M | undefined {
    return this.#life?.machine;
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Of the life that is, or was last. */
  get peer(): Peer {
    return this.#peer;
  }

  #peer: Peer = { role: 'tool', name: '', incarnation: '' };

  start(peer: Peer, build: (effects: HostEffects) => M): void {
    this.#lives += 1;
    this.#peer = peer;
    const life: Life<M> = {
      number: this.#lives,
      peer,
      machine: undefined,
      ends: new Map(),
      outbox: new Map(),
      urgent: new Map(),
      hangUps: [],
    };
    this.#life = life;
    if (this.url !== undefined) this.#world.network.listen(this.url, this);
    this.#note('start', { incarnation: peer.incarnation.slice(0, 6) });
    this.#turn(life, () => {
      life.machine = build(this.#effects(life));
    });
    this.#planTick(life);
  }

  /** `silently`: the machine under it lost its power, so nobody is told. */
  crash(silently = false): void {
    if (this.#life === undefined) return;
    this.#note('crash', silently ? 'silently' : undefined);
    this.#life = undefined;
    this.#wake();
    this.#isStopped = false;
    this.#backlog = [];
    this.#world.network.reset(this, silently);
  }

  stop(): void {
    if (this.#life === undefined || this.#isStopped) return;
    this.#note('stop', undefined);
    this.#isStopped = true;
    this.#world.network.noteStopped(this);
  }

  /** The whole machine sleeps: until `continue` nothing runs, and its monotonic clock stands still. */
  sleep(): void {
    if (this.#life === undefined || this.#isStopped) return;
    this.#asleepSinceMs = this.#ranMs;
    this.stop();
  }

  continue(): void {
    this.#wake();
    if (!this.#isStopped) return;
    this.#note('continue', undefined);
    this.#isStopped = false;
    const life = this.#life;
    while (this.#backlog.length > 0 && !this.#isStopped) this.#backlog.shift()?.();
    if (life !== undefined && life === this.#life) this.#tick(life);
  }

  #wake(): void {
    if (this.#asleepSinceMs === undefined) return;
    if (this.#life !== undefined) this.#world.onGive?.(this.name, 'wake', undefined);
    this.#sleptMs += this.#ranMs - this.#asleepSinceMs;
    this.#asleepSinceMs = undefined;
  }

  post(turn: () => void): void {
    const life = this.#life;
    if (life === undefined) return;
    if (this.#isStopped) this.#backlog.push(() => this.#turn(life, turn));
    else this.#turn(life, turn);
  }

  accept(end: End): EndHandlers {
    const life = this.#life;
    if (life === undefined) return { onOpen: () => {}, onFrame: () => {}, onClose: () => {} };
    return this.#register(life, end);
  }

  #register(life: Life<M>, end: End): EndHandlers {
    const connection = this.#nextConnection();
    life.ends.set(connection, end);
    return this.#handlers(life, connection);
  }

  #nextConnection(): ConnectionId {
    this.#connections += 1;
    return asConnectionId(this.#connections);
  }

  #handlers(life: Life<M>, connection: ConnectionId): EndHandlers {
    const isPresent = (): boolean => life === this.#life;
    let from: Peer | undefined;
    return {
      onOpen: (peer) => {
        if (!isPresent()) return;
        from = peer;
        this.#world.onGive?.(this.name, 'open', peer);
        this.#note('open', `${connection} ${peer.name}`);
        life.machine?.onOpen(connection, peer, this.clockMs);
      },
      onFrame: (frame) => {
        if (!isPresent()) return;
        this.#world.trace.addBytes(frame);
        const told = `< ${life.ends.get(connection)?.toName}`;
        for (const message of this.#world.codec.decode(frame)) {
          if (!life.ends.has(connection)) return;
          this.#note(told, message);
          this.#world.onGive?.(this.name, message, from);
          life.machine?.onMessage(connection, message, this.clockMs);
        }
      },
      onClose: (reason) => {
        if (!isPresent() || !life.ends.delete(connection)) return;
        this.#note('close', `${connection} ${reason}`);
        this.#world.onGive?.(this.name, 'close', from);
        life.machine?.onClose(connection, reason, this.clockMs);
      },
    };
  }

  #effects(life: Life<M>): HostEffects {
    return {
      dial: (url) => {
        const connection = this.#nextConnection();
        life.ends.set(connection, this.#world.network.dial(this, url, this.#handlers(life, connection)));
        return connection;
      },
      send: (connection, message) => queueUp(life.outbox, connection, message),
      sendNow: (connection, message) => queueUp(life.urgent, connection, message),
      hangUp: (connection, reason) => {
        life.hangUps.push([connection, reason]);
      },
      note: (note) => {
        this.#world.onNote(note);
        this.#note(`note ${note.event}`, note.facts);
      },
    };
  }

  /** One turn of the event loop: what it sent leaves together, at its end. */
  #turn(life: Life<M>, run: () => void): void {
    if (life !== this.#life) return;
    try {
      run();
      life.machine?.onTurnEnd?.(this.clockMs);
    } catch (error) {
      this.#note('threw', error instanceof Error ? error.message : String(error));
      this.#world.onThrow(this.name, error);
      this.crash();
      return;
    }
    if (life.urgent.size > 0) this.#flush(life, take(life.urgent), []);
    if (life.outbox.size === 0 && life.hangUps.length === 0) return;
    const outbox = take(life.outbox);
    const hangUps = life.hangUps.splice(0);
    this.#hold(() => {
      if (life === this.#life) this.#flush(life, outbox, hangUps);
    });
  }

  #flush(
    life: Life<M>,
    outbox: readonly [ConnectionId, Message[]][],
    hangUps: readonly [ConnectionId, string][],
  ): void {
    for (const [connection, messages] of outbox) {
      const end = life.ends.get(connection);
      if (end === undefined) continue;
      for (const message of messages) this.#world.onSend(this.name, message);
      for (const frame of this.#world.codec.encode(messages)) this.#world.network.send(end, frame);
    }
    for (const [connection, reason] of hangUps) {
      const end = life.ends.get(connection);
      if (end !== undefined) this.#world.network.close(end, reason);
    }
  }

  #planTick(life: Life<M>): void {
    this.#plannedMs = this.clockMs + TICK_MS;
    const jitterMs = this.#random.unit() * 2;
    this.#world.scheduler.after(TICK_MS / this.#clockRate + jitterMs, () => {
      // A stopped process ticks when it is continued, after it has read its sockets.
      if (life === this.#life && !this.#isStopped) this.#tick(life);
    });
  }

  #tick(life: Life<M>): void {
    const lateMs = Math.max(0, this.clockMs - this.#plannedMs);
    if (lateMs > LATE_MS) this.#world.onGive?.(this.name, 'late tick', undefined);
    this.#turn(life, () => life.machine?.onTick(this.clockMs, lateMs));
    if (life === this.#life && !this.#isStopped) this.#planTick(life);
  }

  #note(what: string, detail: unknown): void {
    this.#world.trace.add({ timeMs: this.#world.scheduler.nowMs, process: this.name, what, detail });
  }
}

function queueUp(box: Map<ConnectionId, Message[]>, connection: ConnectionId, message: Message): void {
  const queued = box.get(connection);
  if (queued === undefined) box.set(connection, [message]);
  else queued.push(message);
}

function take(box: Map<ConnectionId, Message[]>): [ConnectionId, Message[]][] {
  const taken = [...box];
  box.clear();
  return taken;
}
