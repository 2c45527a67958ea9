import { newRandom } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';

describe('Scheduler', () => {
  it('runs events in the order of their times, and time is theirs', () => {
    const scheduler = new Scheduler(newRandom(1));
    const random = newRandom(2);
    const ran: number[] = [];
    for (let index = 0; index < 500; index++) {
      const timeMs = random.below(100);
      scheduler.at(timeMs, () => {
        expect(scheduler.nowMs).toBe(timeMs);
        ran.push(timeMs);
      });
    }
    scheduler.runUntil(1_000);
    expect(ran).toHaveLength(500);
    expect(ran).toEqual([...ran].sort((a, b) => a - b));
    expect(scheduler.nowMs).toBe(1_000);
  });

  it('orders events of one instant by the seed, not by insertion', () => {
    const orderOf = (seed: number): number[] => {
      const scheduler = new Scheduler(newRandom(seed));
      const ran: number[] = [];
      for (let index = 0; index < 20; index++) scheduler.at(5, () => ran.push(index));
      scheduler.runUntil(5);
      return ran;
    };
    expect(orderOf(1)).toEqual(orderOf(1));
    expect(orderOf(1)).not.toEqual(orderOf(2));
    expect(orderOf(1)).not.toEqual([...orderOf(1)].sort((a, b) => a - b));
  });

  it('runs what is asked for meanwhile, and nothing that was cancelled', () => {
    const scheduler = new Scheduler(newRandom(1));
    const ran: string[] = [];
    const cancelled = scheduler.at(3, () => ran.push('cancelled'));
    scheduler.at(1, () => {
      ran.push('first');
      cancelled.cancelled = true;
      scheduler.after(1, () => ran.push('asked for meanwhile'));
      scheduler.at(0, () => ran.push('in the past: now'));
    });
    scheduler.runUntil(10);
    expect(ran).toEqual(['first', 'in the past: now', 'asked for meanwhile']);
  });

  it('stops when it is told to', () => {
    const scheduler = new Scheduler(newRandom(1));
    let ran = 0;
    for (let index = 0; index < 10; index++) scheduler.at(index, () => (ran += 1));
    scheduler.runUntil(100, () => ran < 4);
    expect(ran).toBe(4);
  });
});
