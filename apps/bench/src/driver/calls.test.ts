// Goal: each work asks for what its name says, in the shares of YCSB, and an answer that is wrong is not counted.
import { encodeKey, partitionOf } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import { newCalls } from './calls.ts';
import { keyOf } from './key-sequence.ts';
import { load } from './load.ts';
import type { Target, TransactionCall } from './target.ts';
import { BULK_KEYS, type Task, type Work } from './task.ts';

/** Keeps what it is given. */
class FakeTarget implements Target {
  readonly entries = new Map<string, Uint8Array>();
  readonly log: {
    readonly kind: 'get' | 'set' | 'getAll' | 'setAll' | 'transact';
    readonly keys: readonly string[];
  }[] = [];

  async get(key: string): Promise<Uint8Array | undefined> {
    this.log.push({ kind: 'get', keys: [key] });
    return this.entries.get(key);
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    this.log.push({ kind: 'set', keys: [key] });
    this.entries.set(key, value);
  }

  async getAll(keys: readonly string[]): Promise<number> {
    this.log.push({ kind: 'getAll', keys });
    return keys.filter((key) => this.entries.has(key)).length;
  }

  async setAll(keys: readonly string[], values: readonly Uint8Array[]): Promise<void> {
    this.log.push({ kind: 'setAll', keys });
    for (const [index, key] of keys.entries()) this.entries.set(key, values[index % values.length] as Uint8Array);
  }

  async transact({ keys }: TransactionCall): Promise<number> {
    this.log.push({ kind: 'transact', keys });
    return keys.length;
  }

  async touchMap(): Promise<void> {}
  async close(): Promise<void> {}

  /** Of all calls, those of this kind. */
  share(kind: string): number {
    return this.log.filter((one) => one.kind === kind).length / this.log.length;
  }
}

const PLAIN = {
  endpoint: { kind: 'floor', url: '' },
  inFlight: 1,
  keys: 1_000,
  valueBytes: 20,
  distribution: 'zipfian',
  seed: 1,
  warmUpSeconds: 0,
  seconds: 0,
  servers: {},
} as const;

async function callMany(work: Work, count = 4_000): Promise<FakeTarget> {
  const target = new FakeTarget();
  const task: Task = { ...PLAIN, work };
  await load(target, task, () => {});
  target.log.length = 0;
  const { next } = newCalls(target, task);
  for (let call = 0; call < count; call++) await next();
  return target;
}

test('loading writes every key once, and from the first one on', async () => {
  const target = new FakeTarget();
  let stored = 0;
  await load(target, { ...PLAIN, work: 'load', firstKey: 250 }, (keys) => {
    stored += keys;
  });
  expect(stored).toBe(750);
  expect(target.entries.size).toBe(750);
  expect([target.entries.has(keyOf(249)), target.entries.has(keyOf(250)), target.entries.has(keyOf(999))]).toEqual([
    false,
    true,
    true,
  ]);
});

describe('mixes', () => {
  test.each([
    ['ycsb-a', 0.5],
    ['ycsb-b', 0.95],
    ['ycsb-c', 1],
    ['ycsb-d', 0.95],
  ] as const)('%s reads %d', async (work, reads) => {
    const target = await callMany(work);
    expect(Math.abs(target.share('get') - reads)).toBeLessThan(0.02);
    expect(target.share('get') + target.share('set')).toBe(1);
  });

  test('D reads mostly what is new, and only what is there', async () => {
    const target = await callMany('ycsb-d');
    const indexes = target.log.filter(({ kind }) => kind === 'get').map(({ keys }) => Number(keys[0]?.slice(4)));
    expect(indexes.filter((index) => index >= 1_000).length).toBeGreaterThan(indexes.length / 4);
    expect(Math.max(...indexes)).toBeLessThan(target.entries.size);
  });

  test('E reads runs of up to 100 keys', async () => {
    const target = await callMany('ycsb-e');
    const runs = target.log.filter(({ kind }) => kind === 'getAll').map(({ keys }) => keys);
    expect(Math.abs(runs.length / target.log.length - 0.95)).toBeLessThan(0.02);
    expect(Math.max(...runs.map(({ length }) => length))).toBe(100);
    const [first = []] = runs.filter(({ length }) => length > 1);
    expect(Number(first[1]?.slice(4))).toBe(Number(first[0]?.slice(4)) + 1);
  });

  test('F writes back the key that it has read', async () => {
    const target = await callMany('ycsb-f');
    for (const [index, { kind, keys }] of target.log.entries()) {
      if (kind === 'set') expect(target.log[index - 1]).toEqual({ kind: 'get', keys });
    }
    expect(target.share('set')).toBeGreaterThan(0.3);
  });
});

test('bulk calls are of 100 keys, and count so', async () => {
  const target = await callMany('get-all', 10);
  expect(target.log.every(({ kind, keys }) => kind === 'getAll' && keys.length === BULK_KEYS)).toBe(true);
  expect(newCalls(target, { ...PLAIN, work: 'set-all' }).weight).toBe(BULK_KEYS);
});

test('a transaction has three keys of one partition, and all partitions have some', async () => {
  const target = new FakeTarget();
  const { next, check } = newCalls(target, { ...PLAIN, work: 'transaction', partitions: 13 });
  for (let call = 0; call < 500; call++) check(await next());
  const partitions = target.log.map(({ keys }) => new Set(keys.map((key) => partitionOf(encodeKey(key), 13, []))));
  expect(partitions.every(({ size }) => size === 1)).toBe(true);
  expect(new Set(partitions.flatMap((one) => [...one])).size).toBe(13);
  expect(target.log.every(({ keys }) => new Set(keys).size === 3)).toBe(true);
  expect(() => check(2)).toThrow('2 of 3 keys');
});

test('a get that answers something else is an error', () => {
  const { check } = newCalls(new FakeTarget(), { ...PLAIN, work: 'get' });
  expect(() => check(new Uint8Array(20))).not.toThrow();
  expect(() => check(new Uint8Array(19))).toThrow('19 bytes');
  expect(() => check(undefined)).toThrow('no bytes');
});
