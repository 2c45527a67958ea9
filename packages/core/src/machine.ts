/**
 * The border of core. A machine (catalog, container, client) is given opened and closed connections, messages and
 * ticks, each with the monotonic time of its turn, and puts what must happen into its effects. `runtime/host.ts`
 * feeds it in production; the simulator feeds it in tests, through the same codec.
 *
 * Messages on one connection arrive in the order of their sending, until it closes; two connections between the
 * same processes are unordered to each other. The handshake (hello, protocol range) happens below this border.
 */
import type { ClientId, ConnectionId, ContainerName, Incarnation } from './ids.ts';
import type { Message } from './messages.ts';

/** Who is at the other end, as its hello said; `name` is a container's name or a tool's. */
export interface Peer {
  readonly role: PeerRole;
  readonly name: ContainerName;
  /** Of a container or a catalog process; of a client its ClientId. */
  readonly incarnation: Incarnation | ClientId;
}

/** `tool` is the command line: a client that may also ask for verification and report deaths that it saw. */
export type PeerRole = 'catalog' | 'container' | 'client' | 'tool';

export interface Machine {
  /** A connection is ready: ours (`dial` returned its id) or accepted. */
  onOpen(connection: ConnectionId, peer: Peer, nowMs: number): void;
  onMessage(connection: ConnectionId, message: Message, nowMs: number): void;
  /** It closed, or the dial failed: then `onOpen` was never called. Called once for each. */
  onClose(connection: ConnectionId, reason: string, nowMs: number): void;
  /**
   * Comes after a turn that has read the sockets, every few milliseconds. `lateMs` is how much later than planned:
   * when it is more than a heartbeat, silence proves nothing, for we were not listening.
   */
  onTick(nowMs: number, lateMs: number): void;
  /**
   * Comes last in every turn (a frame with all its messages, an open, a close, a tick), before what was sent leaves:
   * the place to send once what many messages of one turn gave cause for.
   */
  onTurnEnd?(nowMs: number): void;
}

export interface Effects {
  /** Starts a connection; `onOpen` or `onClose` follows, never in the same turn. */
  dial(url: string): ConnectionId;
  /** Queues a message; all messages of one turn to one connection leave in one frame. Ignored once it has closed. */
  send(connection: ConnectionId, message: Message): void;
  /** Closes after what was sent has left. `onClose` follows. */
  hangUp(connection: ConnectionId, reason: string): void;
  /** Something that an operator or a metric should hear of. */
  note(note: Note): void;
}

/** For the log and the metrics: `event` is a stable snake_case name, `facts` are plain values. */
export interface Note {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}
