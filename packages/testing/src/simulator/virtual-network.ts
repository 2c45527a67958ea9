/**
 * Connections as processes see them: frames in order, each direction with a latency of its own, and every way in which
 * TCP and the hosts under it disappoint.
 *
 *     end A ── frames, then a close ──►  end B
 *     end A ◄── frames, then a close ──  end B
 *
 * A direction is a queue of items with arrival times that never go back. It stands still while it is blocked (a
 * partition between the two processes, or a stall of this direction alone). An end that hears nothing for
 * `SILENCE_MS` because its incoming direction stands still, or because the other process is stopped, closes. Closing
 * an end is local: the other end hears of it by an item in the queue, so each end has its own view, and a dialler may
 * have a new connection while the old one still delivers.
 */
import { LIMITS, newRandom, type Peer, type Random } from '@ostraca/core';
import type { Scheduler } from './scheduler.ts';

export const SILENCE_MS = 15_000;

/** A process as the network sees it. */
export interface Station {
  readonly name: string;
  /** What this life says in its hello. */
  readonly peer: Peer;
  readonly isStopped: boolean;
  /** Runs `turn` now, or when the process is continued; never if it dies before. */
  post(turn: () => void): void;
  /** Somebody has connected: says what is to be told of this connection. */
  accept(end: End): EndHandlers;
}

/** Called within a turn of the station. */
export interface EndHandlers {
  onOpen(peer: Peer): void;
  onFrame(frame: Uint8Array): void;
  onClose(reason: string): void;
}

type Item =
  | { readonly kind: 'hello'; readonly peer: Peer; arriveMs: number }
  | { readonly kind: 'frame'; readonly frame: Uint8Array; arriveMs: number }
  | { readonly kind: 'close'; readonly reason: string; arriveMs: number };

/** One end of a connection, with the direction that leaves from it. */
export class End {
  readonly station: Station;
  readonly toName: string;
  /** It opened the connection; else it accepted it. */
  readonly dialled: boolean;
  /** Of its latencies and losses. */
  readonly random: Random;
  handlers: EndHandlers | undefined;
  other: End | undefined;
  state: 'opening' | 'open' | 'closed' = 'opening';
  readonly queue: Item[] = [];
  lastArriveMs = 0;
  isStalled = false;
  /** Since when what leaves from here stands still; undefined: it does not. */
  blockedSinceMs: number | undefined;

  constructor({ station, toName, dialled, random }: Pick<End, 'station' | 'toName' | 'dialled' | 'random'>) {
    this.station = station;
    this.toName = toName;
    this.dialled = dialled;
    this.random = random;
  }
}

export interface Latency {
  /** Median of one direction. */
  readonly medianMs: number;
  /** Of the logarithm: 0 is constant, 1 spreads over an order of magnitude. */
  readonly spread: number;
}

export interface CutOptions {
  /** The farther end hears nothing of it until its silence ends. */
  readonly halfOpen: boolean;
}

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly latency: Latency;
}

export class VirtualNetwork {
  latency: Latency;
  readonly #scheduler: Scheduler;
  /** By direction: what one pair of processes does shifts no draw of another. */
  readonly #directions = new Map<string, Random>();
  readonly #seed: number;
  readonly #listeners = new Map<string, Station>();
  readonly #ends = new Set<End>();
  readonly #blocked = new Set<string>();

  constructor({ scheduler, random, latency }: NetworkOptions) {
    this.#scheduler = scheduler;
    this.#seed = random.below(0x1_0000_0000);
    this.latency = latency;
  }

  listen(url: string, station: Station): void {
    this.#listeners.set(url, station);
  }

  /** The ends of connections that are neither closed nor forgotten: two of each that is whole. */
  connections(): End[] {
    return [...this.#ends].filter((end) => end.state === 'open' && end.handlers !== undefined);
  }

  dial(station: Station, url: string, handlers: EndHandlers): End {
    const target = this.#listeners.get(url);
    const toName = target?.name ?? url;
    const end = new End({ station, toName, dialled: true, random: this.#randomOf(station.name, toName) });
    end.handlers = handlers;
    this.#ends.add(end);
    this.#scheduler.after(this.#drawLatencyMs(end), () => this.#connect(end, url));
    this.#scheduler.after(LIMITS.helloTimeoutMs, () => {
      if (end.state === 'opening') this.close(end, 'no answer to the hello');
    });
    return end;
  }

  /** Ignored once this end has closed. */
  send(end: End, frame: Uint8Array): void {
    if (end.state !== 'closed') this.#enqueue(end, { kind: 'frame', frame, arriveMs: 0 });
  }

  /** Closes one end; the other hears of it behind what was sent before. */
  close(end: End, reason: string): void {
    if (end.state === 'closed') return;
    this.#enqueue(end, { kind: 'close', reason, arriveMs: 0 });
    this.#forget(end);
    const handlers = end.handlers;
    this.#scheduler.after(0.01, () => end.station.post(() => handlers?.onClose(reason)));
  }

  /** The process is gone: its kernel may still deliver some of what was sent, and says good-bye unless `silently`. */
  reset(station: Station, silently: boolean): void {
    this.#listeners.forEach((listening, url) => {
      if (listening === station) this.#listeners.delete(url);
    });
    for (const end of [...this.#ends]) {
      if (end.station !== station) continue;
      if (end.state === 'closed') continue;
      this.#loseTail(end);
      if (silently) this.#closeOther(end, 'silent', end.random.unit() * SILENCE_MS);
      else this.#enqueue(end, { kind: 'close', reason: 'connection reset', arriveMs: 0 });
      this.#forget(end);
    }
  }

  /** Cuts a connection at any frame: what was in flight is lost from there on, each end hears of it in its own time. */
  cut(end: End, { halfOpen }: CutOptions): void {
    const other = end.other;
    this.#loseTail(end);
    if (other !== undefined) this.#loseTail(other);
    // What is left of the queues still arrives: beside a new connection, if the other end is quick.
    const soonMs = end.random.unit() * 100;
    const lateMs = halfOpen ? end.random.unit() * SILENCE_MS : end.random.unit() * 1_000;
    const [first, second] = end.random.below(2) === 0 ? [end, other] : [other, end];
    if (first !== undefined) this.#closeWithoutWord(first, soonMs);
    if (second !== undefined) this.#closeWithoutWord(second, lateMs);
  }

  /** What leaves from this end stands still until `unstall`. */
  stall(end: End): void {
    end.isStalled = true;
    this.#noteBlocked(end);
  }

  unstall(end: End): void {
    end.isStalled = false;
    this.#noteUnblocked(end);
  }

  /** Nothing gets from one process to another; call twice for both ways. */
  block(fromName: string, toName: string): void {
    this.#blocked.add(`${fromName}>${toName}`);
    for (const end of this.#ends) if (end.station.name === fromName && end.toName === toName) this.#noteBlocked(end);
  }

  unblock(fromName: string, toName: string): void {
    this.#blocked.delete(`${fromName}>${toName}`);
    for (const end of [...this.#ends]) {
      if (end.station.name === fromName && end.toName === toName) this.#noteUnblocked(end);
    }
  }

  /** The network is whole again. */
  heal(): void {
    this.#blocked.clear();
    for (const end of [...this.#ends]) this.unstall(end);
  }

  /** A stopped process answers no ping: those that it talks to close when they have heard nothing for long enough. */
  noteStopped(station: Station): void {
    this.#scheduler.after(SILENCE_MS, () => {
      if (!station.isStopped) return;
      for (const end of [...this.#ends]) {
        if (end.station === station && end.other !== undefined) this.close(end.other, 'silent');
      }
    });
  }

  #connect(end: End, url: string): void {
    if (end.state !== 'opening') return;
    const target = this.#listeners.get(url);
    if (this.#isBlocked(end) || (target !== undefined && this.#blocked.has(`${target.name}>${end.station.name}`))) {
      return;
    }
    if (target === undefined) {
      this.close(end, 'connection refused');
      return;
    }
    const toName = end.station.name;
    const other = new End({ station: target, toName, dialled: false, random: this.#randomOf(target.name, toName) });
    this.#ends.add(other);
    end.other = other;
    other.other = end;
    this.#enqueue(end, { kind: 'hello', peer: end.station.peer, arriveMs: 0 });
  }

  #enqueue(end: End, item: Item): void {
    item.arriveMs = Math.max(end.lastArriveMs, this.#scheduler.nowMs + this.#drawLatencyMs(end));
    end.lastArriveMs = item.arriveMs;
    end.queue.push(item);
    this.#scheduler.at(item.arriveMs, () => this.#pump(end));
    if (this.#isBlocked(end)) this.#noteBlocked(end);
  }

  /** Delivers what is due in the direction that leaves from `end`. */
  #pump(end: End): void {
    if (this.#isBlocked(end)) return;
    for (;;) {
      const item = end.queue[0];
      if (item === undefined && end.state === 'closed') this.#ends.delete(end);
      if (item === undefined || item.arriveMs > this.#scheduler.nowMs) return;
      end.queue.shift();
      const receiver = end.other;
      if (receiver !== undefined && receiver.state !== 'closed') this.#deliver(receiver, item);
    }
  }

  #deliver(receiver: End, item: Item): void {
    const station = receiver.station;
    switch (item.kind) {
      case 'hello':
        station.post(() => {
          if (receiver.state !== 'opening') return;
          receiver.state = 'open';
          if (receiver.handlers === undefined) {
            receiver.handlers = station.accept(receiver);
            this.#enqueue(receiver, { kind: 'hello', peer: station.peer, arriveMs: 0 });
          }
          receiver.handlers.onOpen(item.peer);
        });
        return;
      case 'frame':
        station.post(() => {
          if (receiver.state === 'open') receiver.handlers?.onFrame(item.frame);
        });
        return;
      case 'close':
        station.post(() => {
          if (receiver.state === 'closed') return;
          this.#forget(receiver);
          receiver.handlers?.onClose(item.reason);
        });
    }
  }

  /** Each connection of a direction forks from the stream of its direction. */
  #randomOf(from: string, to: string): Random {
    const direction = `${from}>${to}`;
    let random = this.#directions.get(direction);
    if (random === undefined) {
      random = newRandom(hashOf(direction, this.#seed));
      this.#directions.set(direction, random);
    }
    return random.fork();
  }

  #isBlocked(end: End): boolean {
    return end.isStalled || (this.#blocked.size > 0 && this.#blocked.has(`${end.station.name}>${end.toName}`));
  }

  #noteBlocked(end: End): void {
    if (end.blockedSinceMs !== undefined) return;
    const sinceMs = this.#scheduler.nowMs;
    end.blockedSinceMs = sinceMs;
    this.#scheduler.after(SILENCE_MS, () => {
      if (end.blockedSinceMs === sinceMs && end.other !== undefined) this.close(end.other, 'silent');
    });
  }

  #noteUnblocked(end: End): void {
    if (end.blockedSinceMs === undefined || this.#isBlocked(end)) return;
    end.blockedSinceMs = undefined;
    for (const item of end.queue) {
      item.arriveMs = Math.max(item.arriveMs, this.#scheduler.nowMs + this.#drawLatencyMs(end));
      end.lastArriveMs = Math.max(end.lastArriveMs, item.arriveMs);
    }
    sortArrivals(end.queue);
    for (const item of end.queue) this.#scheduler.at(item.arriveMs, () => this.#pump(end));
  }

  /** Everything from some frame on is lost; the hello and what comes before it stays. */
  #loseTail(end: End): void {
    if (end.queue.length > 0) end.queue.length = end.random.below(end.queue.length + 1);
  }

  #closeOther(end: End, reason: string, delayMs: number): void {
    const other = end.other;
    if (other === undefined) return;
    this.#scheduler.after(delayMs, () => this.close(other, reason));
  }

  /** Closes an end without telling the other, which has its own way of hearing. */
  #closeWithoutWord(end: End, delayMs: number): void {
    this.#scheduler.after(delayMs, () => {
      if (end.state === 'closed') return;
      this.#forget(end);
      const handlers = end.handlers;
      end.station.post(() => handlers?.onClose('connection lost'));
    });
  }

  /** A closed end is kept while what it sent is still on its way. */
  #forget(end: End): void {
    end.state = 'closed';
    if (end.queue.length === 0) this.#ends.delete(end);
  }

  /** Log-normal: most are near the median, few are far beyond it. */
  #drawLatencyMs({ random }: End): number {
    const { medianMs, spread } = this.latency;
    const u = Math.max(random.unit(), 1e-9);
    const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.unit());
    return medianMs * Math.exp(spread * normal);
  }
}

function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function sortArrivals(queue: Item[]): void {
  let latestMs = 0;
  for (const item of queue) {
    latestMs = Math.max(latestMs, item.arriveMs);
    item.arriveMs = latestMs;
  }
}
