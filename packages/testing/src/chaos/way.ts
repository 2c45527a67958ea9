/**
 * One direction between two processes: what goes wrong on it now, and the bytes that are under way. Everything that
 * the network can do to a TCP connection is done here, to its bytes and to its end.
 */
import type { Socket } from 'node:net';

export interface WayFault {
  /** Each piece arrives so much later, order kept. */
  readonly delayMs?: number;
  /** On top, anything up to this. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /**
   * `hold`: nothing passes, and all of it arrives when the fault ends, as TCP's retransmissions would. `swallow`:
   * nothing passes, and nobody is told; a connection that lost bytes so is reset when the fault ends.
   */
  readonly flow?: 'hold' | 'swallow';
  /** Connections are reset, and new ones as soon as it is known whose they are. */
  readonly cut?: boolean;
}

interface Conditions {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  readonly flow: 'pass' | 'hold' | 'swallow';
  readonly cut: boolean;
}

const CALM: Conditions = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  flow: 'pass',
  cut: false,
};

export class Way {
  readonly from: string;
  readonly to: string;
  conditions: Conditions = CALM;
  readonly #faults = new Set<WayFault>();
  readonly #pipes = new Set<Pipe>();

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  add(fault: WayFault): void {
    this.#faults.add(fault);
    this.#update();
  }

  delete(fault: WayFault): void {
    if (this.#faults.delete(fault)) this.#update();
  }

  clear(): void {
    this.#faults.clear();
    this.#update();
  }

  enter(pipe: Pipe): void {
    this.#pipes.add(pipe);
    pipe.onConditions(this.conditions);
  }

  leave(pipe: Pipe): void {
    this.#pipes.delete(pipe);
  }

  #update(): void {
    const faults = [...this.#faults];
    const flows = faults.map(({ flow }) => flow);
    this.conditions = {
      delayMs: Math.max(0, ...faults.map(({ delayMs }) => delayMs ?? 0)),
      jitterMs: Math.max(0, ...faults.map(({ jitterMs }) => jitterMs ?? 0)),
      bytesPerSecond: Math.min(...faults.map(({ bytesPerSecond }) => bytesPerSecond ?? Number.POSITIVE_INFINITY)),
      flow: flows.includes('swallow') ? 'swallow' : flows.includes('hold') ? 'hold' : 'pass',
      cut: faults.some(({ cut }) => cut === true),
    };
    for (const pipe of [...this.#pipes]) pipe.onConditions(this.conditions);
  }
}

type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly dueMs: number }
  /** The sender has ended its side; or its connection is gone. */
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number };

/** Beyond it the sender is not read, so that a throttled connection pushes back as a real one. */
const QUEUED_BYTES_MAX = 256 * 1024;

/** From one socket to another, under the conditions of a way. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onReset: () => void;
  readonly #random: () => number;
  #conditions: Conditions = CALM;
  #queue: Piece[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isTorn = false;
  #isFull = false;
  #hasEnded = false;
  #isOver = false;

  constructor(from: Socket, to: Socket, { onReset, random }: { onReset: () => void; random: () => number }) {
    this.#from = from;
    this.#to = to;
    this.#onReset = onReset;
    this.#random = random;
    from.on('end', () => this.#onGone('end'));
    from.on('error', () => this.#onGone('reset'));
    from.on('close', () => this.#onGone('reset'));
    to.on('drain', () => {
      this.#isFull = false;
      this.#pump();
    });
  }

  /** Nothing that was accepted before and not yet passed is lost. */
  onConditions(conditions: Conditions): void {
    if (this.#isOver) return;
    const wasSwallowing = this.#conditions.flow === 'swallow';
    this.#conditions = conditions;
    if (conditions.cut || (this.#isTorn && wasSwallowing && conditions.flow !== 'swallow')) this.#onReset();
    else this.#pump();
  }

  put(bytes: Buffer): void {
    if (this.#isOver) return;
    const { flow, delayMs, jitterMs, bytesPerSecond } = this.#conditions;
    if (flow === 'swallow') {
      this.#isTorn = true;
      return;
    }
    const lateMs = delayMs + (jitterMs > 0 ? this.#random() * jitterMs : 0);
    const tooLateMs = (bytes.length / bytesPerSecond) * 1_000;
    this.#lastDueMs = Math.max(performance.now() + lateMs, this.#lastDueMs) + tooLateMs;
    this.#queue.push({ kind: 'bytes', bytes, dueMs: this.#lastDueMs });
    this.#queuedBytes += bytes.length;
    this.#pump();
  }

  stop(): void {
    this.#isOver = true;
    this.#queue = [];
    clearTimeout(this.#timer);
  }

  #onGone(kind: 'end' | 'reset'): void {
    if (this.#isOver || this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#conditions.flow === 'swallow') {
      this.#isTorn = true;
      return;
    }
    this.#queue.push({ kind, dueMs: this.#lastDueMs });
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#queue.length > 0 && this.#conditions.flow !== 'hold' && !this.#isFull && !this.#isOver) {
      const [piece] = this.#queue;
      if (piece === undefined) break;
      const waitMs = piece.dueMs - performance.now();
      if (waitMs > 0.5) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        break;
      }
      this.#queue.shift();
      this.#pass(piece);
    }
    if (this.#isOver) return;
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }

  #pass(piece: Piece): void {
    if (piece.kind === 'bytes') {
      this.#queuedBytes -= piece.bytes.length;
      // What the other side has hung up on is lost, as it would be on the way.
      if (this.#to.writable) this.#isFull = !this.#to.write(piece.bytes);
    } else if (piece.kind === 'end') this.#to.end();
    else this.#onReset();
  }
}
