import { expect, test } from 'vitest';
import { type ClockEntry, ClockStore } from './clock-store.ts';

const entry = (bytes: number): ClockEntry => ({ bytes, isUsed: false });

test('it never holds more than its limit, and counts what it holds', () => {
  const store = new ClockStore<number, ClockEntry>(1_000);
  let held = 0;
  for (let index = 0; index < 5_000; index++) {
    // A fixed sequence that jumps about: sizes from 1 to 97, keys that come back.
    store.put((index * 7) % 311, entry(1 + ((index * 31) % 97)));
    if (index % 5 === 0) store.delete((index * 3) % 311);
    const used = store.get((index * 11) % 311);
    if (used !== undefined) used.isUsed = true;
    expect(store.bytes).toBeLessThanOrEqual(1_000);
    held = Math.max(held, store.count);
  }
  let bytes = 0;
  for (let id = 0; id < 311; id++) bytes += store.get(id)?.bytes ?? 0;
  expect(bytes).toBe(store.bytes);
  expect(held).toBeGreaterThan(10);
});

test('what is used stays, what is not goes first', () => {
  const store = new ClockStore<string, ClockEntry>(30);
  for (const id of ['a', 'b', 'c']) store.put(id, entry(10));
  const a = store.get('a');
  if (a !== undefined) a.isUsed = true;
  store.put('d', entry(10));
  expect(['a', 'b', 'c', 'd'].filter((id) => store.get(id) !== undefined)).toEqual(['a', 'c', 'd']);
  store.put('e', entry(10));
  expect(['a', 'c', 'd', 'e'].filter((id) => store.get(id) !== undefined)).toEqual(['a', 'd', 'e']);
});

test('who is used all the time outlives a flood of others', () => {
  const store = new ClockStore<number, ClockEntry>(100);
  store.put(-1, entry(10));
  for (let index = 0; index < 1_000; index++) {
    const hot = store.get(-1);
    if (hot !== undefined) hot.isUsed = true;
    store.put(index, entry(10));
  }
  expect(store.get(-1)).toBeDefined();
});

test('one that is too large is not kept, nor what it takes the place of', () => {
  const store = new ClockStore<string, ClockEntry>(30);
  store.put('a', entry(10));
  store.put('a', entry(31));
  expect(store.get('a')).toBeUndefined();
  expect(store.bytes).toBe(0);
});

test('it goes on after it was cleared', () => {
  const store = new ClockStore<number, ClockEntry>(30);
  for (let index = 0; index < 10; index++) store.put(index, entry(10));
  store.clear();
  expect(store.bytes).toBe(0);
  for (let index = 0; index < 10; index++) store.put(index, entry(10));
  expect(store.count).toBe(3);
});
