import { GridError } from '@ostraca/core';
import { expect, test } from 'vitest';
import { FakeGrid } from '../fake-grid.test-lib.ts';
import type { GridMap, MapOptions } from '../grid-map.ts';

/** A map that is kept near, and how many reads were sent for it. */
async function newNear<V = unknown>(options: MapOptions<V> = {}) {
  const fake = await new FakeGrid().connected();
  const near = fake.grid.map<string, V>('orders', { nearCache: {}, ...options });
  const far = fake.grid.map<string, V>('orders');
  const readCount = (): number => fake.sentOf('read').length;
  return { fake, near, far, readCount };
}

/** Reads until it is near. */
async function keep<V>(map: GridMap<string, V>, key: string): Promise<void> {
  await map.get(key);
  await map.get(key);
}

test('off by default: every read goes to the primary', async () => {
  const { far, readCount } = await newNear();
  await far.set('a', 1);
  await keep(far, 'a');
  expect(readCount()).toBe(2);
});

test('what was read once is read here', async () => {
  const { near, readCount } = await newNear<unknown>();
  await near.set('a', 'one');
  expect(await near.get('a')).toBe('one');
  expect(readCount()).toBe(1);
  expect(await near.get('a')).toBe('one');
  expect(await near.has('a')).toBe(true);
  expect(await near.getEntry('a')).toEqual({ key: 'a', value: 'one', version: '1.1', expiresAt: undefined });
  expect(await near.getAll(['a'])).toEqual(new Map([['a', 'one']]));
  expect(readCount()).toBe(1);
});

test('so is what is not there, until somebody inserts it', async () => {
  const { near, far, readCount } = await newNear<unknown>();
  await near.set('b', 1);
  await near.get('a');
  await near.get('a');
  expect([await near.get('a'), await near.has('a'), await near.getEntry('a')]).toEqual([undefined, false, undefined]);
  expect(readCount()).toBe(1);
  await far.insert('a', 'one');
  expect(await near.get('a')).toBe('one');
});

test('a client reads what it has written, by whichever view of the map', async () => {
  const { near, far } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  await far.set('a', 2);
  expect(await near.get('a')).toBe(2);
  await keep(near, 'a');
  await far.delete('a');
  expect(await near.get('a')).toBeUndefined();
  await far.setAll([
    ['a', 3],
    ['b', 4],
  ]);
  expect(await near.getAll(['a', 'b', 'c'])).toEqual(
    new Map([
      ['a', 3],
      ['b', 4],
    ]),
  );
  await far.clear();
  expect(await near.getAll(['a', 'b'])).toEqual(new Map());
});

test('also when the primary tells nobody what has changed', async () => {
  const { fake, near } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  fake.tellsNear = false;
  await near.set('a', 2);
  expect(await near.get('a')).toBe(2);
  expect(await near.get('a')).toBe(2);
});

test('getAll asks for what is not near only', async () => {
  const { fake, near } = await newNear<unknown>();
  await near.setAll([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  await near.getAll(['a', 'b']);
  await near.getAll(['a', 'b']);
  const before = fake.sentOf('read').length;
  expect(await near.getAll(['a', 'b', 'c'])).toEqual(
    new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]),
  );
  expect(
    fake
      .sentOf('read')
      .slice(before)
      .flatMap(({ keys }) => keys),
  ).toHaveLength(1);
});

test('a read that names its mode goes to the primary', async () => {
  const { near, readCount } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  const before = readCount();
  await near.get('a', { read: 'linearizable' });
  await near.getAll(['a'], { read: 'linearizable' });
  expect(readCount()).toBe(before + 2);
  await near.get('a', { deadlineMs: 100 });
  expect(readCount()).toBe(before + 2);
});

test('compute does not go round over an entry that is out of date here', async () => {
  const { fake, near, far } = await newNear<number>();
  await near.set('a', 1);
  await keep(near, 'a');
  fake.tellsNear = false;
  await far.set('a', 2);
  expect(await near.compute('a', (value) => (value ?? 0) + 1)).toBe(3);
});

test('a write that is refused for what it found takes the entry away', async () => {
  const { fake, near, readCount } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  fake.refusal = ({ type }) => (type === 'write' ? 'version_conflict' : undefined);
  await expect(near.set('a', 2, { ifVersion: '1.1' })).rejects.toThrow(GridError);
  const before = readCount();
  await near.get('a');
  expect(readCount()).toBe(before + 1);
});

test('nobody can change what is kept', async () => {
  const values: readonly unknown[] = [
    { deep: { list: [1] } },
    [1, 2],
    new Map([['x', 1]]),
    new Date(7),
    new Uint8Array([1, 2]),
  ];
  for (const value of values) {
    const { near, readCount } = await newNear<unknown>();
    await near.set('a', value);
    await keep(near, 'a');
    expect(readCount()).toBe(1);
    const first = await near.get('a');
    if (first instanceof Uint8Array) first.fill(9);
    else if (first instanceof Date) first.setTime(0);
    else if (first instanceof Map) first.clear();
    else if (Array.isArray(first)) first.length = 0;
    else (first as { deep: { list: number[] } }).deep.list.push(2);
    expect(await near.get('a')).toEqual(value);
    expect(readCount()).toBe(1);
  }
});

test('a codec that hands out the very bytes that it is given hands out no bytes of the cache', async () => {
  const codec = { id: 200, encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes };
  const { near } = await newNear<Uint8Array>({ codec });
  await near.set('a', new Uint8Array([1, 2]));
  await keep(near, 'a');
  (await near.get('a'))?.fill(9);
  expect([...((await near.get('a')) ?? [])]).toEqual([1, 2]);
});

test('plain values of every kind come back as they are', async () => {
  for (const value of ['', 'text', 0, 1.5, true, false, 12n, null]) {
    const { near, readCount } = await newNear<unknown>();
    await near.set('a', value);
    await keep(near, 'a');
    expect(await near.get('a')).toBe(value);
    expect(readCount()).toBe(1);
  }
});

test('one cache for all views of a map, with one set of options', async () => {
  const { fake, near, readCount } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  await fake.grid.map('orders', { nearCache: {} }).get('a');
  expect(readCount()).toBe(1);
  expect(() => fake.grid.map('orders', { nearCache: { maxBytes: 5 } })).toThrow(GridError);
  for (const nearCache of [{ maxStale: 0 }, { maxStale: 19 }, { maxBytes: 0 }, { maxStaleMs: 100 }, null, true]) {
    const options = { nearCache } as unknown as MapOptions<unknown>;
    expect(() => fake.grid.map('others', options), JSON.stringify(nearCache)).toThrow(GridError);
  }
});

test('a read that fails leaves nothing behind', async () => {
  const { fake, near } = await newNear<unknown>();
  fake.refusal = () => 'undefined_map';
  await expect(near.get('a')).rejects.toThrow(GridError);
  await expect(near.getAll(['a', 'b'])).rejects.toThrow(GridError);
  await expect(near.get('a', { deadlineMs: -1 })).rejects.toThrow(GridError);
  await expect(near.get(Number.NaN as never)).rejects.toThrow(GridError);
  fake.refusal = () => undefined;
  await near.set('a', 1);
  expect(await near.get('a')).toBe(1);
});

test('closed, it says so', async () => {
  const { fake, near } = await newNear<unknown>();
  await near.set('a', 1);
  await keep(near, 'a');
  await fake.grid.close();
  await expect(near.get('a')).rejects.toThrow(GridError);
});
