import { newRandom } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';
import { VirtualJournal } from './virtual-journal.ts';

function build(seed: number) {
  const scheduler = new Scheduler(newRandom(seed));
  return { scheduler, journal: new VirtualJournal({ scheduler, random: newRandom(seed) }) };
}

describe('VirtualJournal', () => {
  it('calls back when all that was appended before is durable, and not earlier', () => {
    const { scheduler, journal } = build(1);
    const told: string[] = [];
    journal.whenDurable(() => told.push('nothing waits'));
    journal.append({ n: 1 });
    journal.whenDurable(() => told.push(`1: ${journal.read().length}`));
    scheduler.runUntil(0.1);
    journal.append({ n: 2 });
    journal.whenDurable(() => told.push(`2: ${journal.read().length}`));
    expect(told).toEqual(['nothing waits']);
    scheduler.runUntil(100);
    expect(told).toEqual(['nothing waits', '1: 1', '2: 2']);
  });

  it('calls back a turn that appended nothing while an fsync ran', () => {
    const { scheduler, journal } = build(1);
    let told = 0;
    journal.append({ n: 1 });
    scheduler.runUntil(0.1);
    journal.whenDurable(() => (told = journal.read().length));
    scheduler.runUntil(100);
    expect(told).toBe(1);
  });

  it('keeps what was durable over a crash, and of the rest a part from its beginning', () => {
    const kept = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const { scheduler, journal } = build(seed);
      journal.append(0);
      scheduler.runUntil(100);
      let told = false;
      for (let event = 1; event <= 5; event++) journal.append(event);
      journal.whenDurable(() => (told = true));
      journal.crash();
      scheduler.runUntil(200);
      expect(told).toBe(false);
      const events = journal.read();
      expect(events).toEqual(Array.from({ length: events.length }, (_, index) => index));
      expect(events.length).toBeGreaterThan(0);
      kept.add(events.length);
    }
    expect(kept.size).toBeGreaterThan(3);
  });

  it('takes events again after a crash', () => {
    const { scheduler, journal } = build(2);
    journal.append('lost, perhaps');
    journal.crash();
    journal.append('kept');
    scheduler.runUntil(100);
    expect(journal.read().at(-1)).toBe('kept');
  });
});
