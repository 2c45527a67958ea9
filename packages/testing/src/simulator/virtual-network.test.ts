import { newRandom, type Peer } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';
import { type End, type EndHandlers, SILENCE_MS, type Station, VirtualNetwork } from './virtual-network.ts';

/** Writes down what it is told. */
class Listener implements Station {
  readonly name: string;
  readonly peer: Peer;
  isStopped = false;
  readonly told: string[] = [];
  readonly ends: End[] = [];
  readonly #backlog: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
    this.peer = { role: 'container', name, incarnation: `${name}-1` };
  }

  post(turn: () => void): void {
    if (this.isStopped) this.#backlog.push(turn);
    else turn();
  }

  continue(): void {
    this.isStopped = false;
    for (const turn of this.#backlog.splice(0)) turn();
  }

  accept(end: End): EndHandlers {
    this.ends.push(end);
    return this.handlers('');
  }

  handlers(prefix: string): EndHandlers {
    return {
      onOpen: (peer) => this.told.push(`${prefix}open ${peer.name}`),
      onFrame: (frame) => this.told.push(`${prefix}${frame[0]}`),
      onClose: (reason) => this.told.push(`${prefix}close ${reason}`),
    };
  }
}

function build(seed: number) {
  const scheduler = new Scheduler(newRandom(seed));
  const network = new VirtualNetwork({
    scheduler,
    random: newRandom(seed + 1),
    latency: { medianMs: 5, spread: 1 },
  });
  const a = new Listener('a');
  const b = new Listener('b');
  network.listen('ws://b', b);
  const dial = (prefix = ''): End => network.dial(a, 'ws://b', a.handlers(prefix));
  return { scheduler, network, a, b, dial };
}

const frame = (value: number): Uint8Array => new Uint8Array([value]);
const numbers = (told: string[]): number[] => told.map(Number).filter((value) => !Number.isNaN(value));

describe('VirtualNetwork', () => {
  it('opens both ends, tells each who the other is, and refuses where nobody listens', () => {
    const { scheduler, network, a, b, dial } = build(1);
    dial();
    network.dial(a, 'ws://nobody', a.handlers('second '));
    scheduler.runUntil(1_000);
    expect(a.told.sort()).toEqual(['open b', 'second close connection refused']);
    expect(b.told).toEqual(['open a']);
  });

  it('delivers frames of a connection in order, whatever the latencies, and the close behind them', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { scheduler, network, b, dial } = build(seed);
      const end = dial();
      scheduler.runUntil(500);
      for (let value = 0; value < 100; value++) {
        scheduler.runUntil(scheduler.nowMs + (value % 3));
        network.send(end, frame(value));
      }
      network.close(end, 'done');
      scheduler.runUntil(5_000);
      expect(numbers(b.told)).toEqual(Array.from({ length: 100 }, (_, index) => index));
      expect(b.told.at(-1)).toBe('close done');
    }
  });

  it('loses a tail of what is in flight at a cut, never a part from the middle, and tells each end once', () => {
    let lost = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const { scheduler, network, a, b, dial } = build(seed);
      const end = dial();
      scheduler.runUntil(500);
      for (let value = 0; value < 50; value++) network.send(end, frame(value));
      network.cut(end, { halfOpen: seed % 2 === 0 });
      scheduler.runUntil(SILENCE_MS * 2);
      const arrived = numbers(b.told);
      expect(arrived).toEqual(Array.from({ length: arrived.length }, (_, index) => index));
      if (arrived.length < 50) lost += 1;
      for (const station of [a, b]) expect(station.told.filter((told) => told.startsWith('close'))).toHaveLength(1);
    }
    expect(lost).toBeGreaterThan(10);
  });

  it('lets an old connection deliver beside a new one', () => {
    let beside = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const { scheduler, network, b, dial } = build(seed);
      const old = dial();
      scheduler.runUntil(500);
      network.latency = { medianMs: 200, spread: 0.1 };
      for (let value = 0; value < 20; value++) network.send(old, frame(value));
      network.latency = { medianMs: 1, spread: 0.1 };
      network.cut(old, { halfOpen: true });
      dial();
      scheduler.runUntil(SILENCE_MS * 2);
      const secondOpen = b.told.lastIndexOf('open a');
      if (b.told.slice(secondOpen).includes('0')) beside += 1;
    }
    expect(beside).toBeGreaterThan(5);
  });

  it('holds frames while processes are parted, delivers them when it heals, in order', () => {
    const { scheduler, network, b, dial } = build(3);
    const end = dial();
    scheduler.runUntil(500);
    network.block('a', 'b');
    for (let value = 0; value < 10; value++) network.send(end, frame(value));
    scheduler.runUntil(5_000);
    expect(numbers(b.told)).toEqual([]);
    network.unblock('a', 'b');
    scheduler.runUntil(6_000);
    expect(numbers(b.told)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('closes the end that hears nothing for long; the other learns of it only when frames get through', () => {
    const { scheduler, network, a, b, dial } = build(4);
    const end = dial();
    scheduler.runUntil(500);
    network.stall(end);
    scheduler.runUntil(500 + SILENCE_MS - 100);
    expect(b.told).toEqual(['open a']);
    scheduler.runUntil(500 + SILENCE_MS + 1_000);
    expect(b.told).toEqual(['open a', 'close silent']);
    expect(a.told).toEqual(['open b', 'close silent']);
  });

  it('gives up a dial across a partition', () => {
    const { scheduler, network, a, b, dial } = build(5);
    network.block('a', 'b');
    dial();
    scheduler.runUntil(60_000);
    expect(a.told).toEqual(['close no answer to the hello']);
    expect(b.told).toEqual([]);
  });

  it('keeps what a stopped process was sent, and its peers hang up after the silence', () => {
    const { scheduler, network, a, b, dial } = build(6);
    const end = dial();
    scheduler.runUntil(500);
    b.isStopped = true;
    network.noteStopped(b);
    network.send(end, frame(1));
    scheduler.runUntil(1_000 + SILENCE_MS);
    expect(a.told).toEqual(['open b', 'close silent']);
    expect(b.told).toEqual(['open a']);
    b.continue();
    expect(b.told).toEqual(['open a', '1', 'close silent']);
  });

  it('resets the connections of a process that died', () => {
    const { scheduler, network, a, b, dial } = build(7);
    dial();
    scheduler.runUntil(500);
    network.reset(b, false);
    scheduler.runUntil(1_000);
    expect(a.told).toEqual(['open b', 'close connection reset']);
    expect(b.told).toEqual(['open a']);
    dial('again ');
    scheduler.runUntil(2_000);
    expect(a.told.at(-1)).toBe('again close connection refused');
  });
});
