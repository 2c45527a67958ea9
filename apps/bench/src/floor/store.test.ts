// Goal: the floor's store really stores, also while it grows and over more than one segment.
import { expect, test } from 'vitest';
import { FloorStore } from './store.ts';

function put(store: FloorStore, key: string, value: string): void {
  const bytes = Buffer.from(key + value);
  store.put(bytes, 0, { to: key.length, end: bytes.length });
}

function get(store: FloorStore, key: string): string | undefined {
  const bytes = Buffer.from(`before${key}`);
  if (!store.find(bytes, 6, bytes.length)) return undefined;
  return store.segment.toString('latin1', store.valueAt, store.valueAt + store.valueBytes);
}

test('many keys, each with its last value', () => {
  const store = new FloorStore();
  for (let index = 0; index < 20_000; index++) put(store, `key-${index}`, `first ${index}`);
  for (let index = 0; index < 20_000; index += 2) put(store, `key-${index}`, `second, and longer ${index}`);
  expect(store.count).toBe(20_000);
  expect(get(store, 'key-19998')).toBe('second, and longer 19998');
  expect(get(store, 'key-19999')).toBe('first 19999');
  expect(get(store, 'key-20000')).toBeUndefined();
});

test('keys beyond the first segment', () => {
  const store = new FloorStore();
  const large = 'x'.repeat(1 << 20);
  for (let index = 0; index < 40; index++) put(store, `key-${index}`, `${index}:${large}`);
  expect([0, 17, 39].map((index) => get(store, `key-${index}`)?.slice(0, 3))).toEqual(['0:x', '17:', '39:']);
});
