import { GridError, type Key, LIMITS } from '@ostraca/core';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { connect } from './connect.ts';
import { FakeGrid } from './fake-grid.test-lib.ts';
import type { Grid } from './grid.ts';
import type { Entry, GridMap } from './grid-map.ts';

async function failureOf(act: Promise<unknown> | (() => unknown)): Promise<GridError> {
  try {
    await (typeof act === 'function' ? act() : act);
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const namesOf = ({ code, outcome }: GridError): string => `${code} ${outcome}`;

async function list<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of iterable) all.push(element);
  return all;
}

async function newOrders<V = unknown>(): Promise<{ fake: FakeGrid; orders: GridMap<string, V> }> {
  const fake = await new FakeGrid().connected();
  return { fake, orders: fake.grid.map<string, V>('orders') };
}

describe('one key', () => {
  test('set, insert, update, get, getEntry, has, delete', async () => {
    const { orders } = await newOrders<{ n: number }>();
    expect(await orders.get('a')).toBeUndefined();
    expect(await orders.getEntry('a')).toBeUndefined();
    expect(await orders.has('a')).toBe(false);
    expect((await failureOf(orders.update('a', { n: 0 }))).code).toBe('key_not_found');
    const first = await orders.insert('a', { n: 1 });
    expect((await failureOf(orders.insert('a', { n: 2 }))).code).toBe('duplicate_key');
    const second = await orders.set('a', { n: 2 });
    expect(first).toMatch(/^\d+\.\d+$/);
    expect(second).not.toBe(first);
    expect(await orders.get('a')).toEqual({ n: 2 });
    expect(await orders.has('a')).toBe(true);
    expect(await orders.getEntry('a')).toEqual({ key: 'a', value: { n: 2 }, version: second, expiresAt: undefined });
    expect((await failureOf(orders.set('a', { n: 3 }, { ifVersion: first }))).code).toBe('version_conflict');
    await orders.update('a', { n: 3 }, { ifVersion: second });
    expect(await orders.delete('a')).toBe(true);
    expect(await orders.delete('a')).toBe(false);
  });

  test('a time to live of its own, and touch', async () => {
    const { fake, orders } = await newOrders<number>();
    expect(await orders.touch('a')).toBe(false);
    const version = await orders.set('a', 1, { ttlMs: 5_000 });
    expect(fake.sentOf('write').at(-1)?.operations[0]).toMatchObject({ kind: 'set', ttlMs: 5_000, expireAtMs: 0 });
    expect(await orders.touch('a')).toBe(true);
    expect((await failureOf(orders.touch('a', { ifVersion: '9.9' }))).code).toBe('version_conflict');
    const entry = await orders.getEntry('a');
    expect(entry).toMatchObject({ value: 1, version });
    expect(entry?.expiresAt).toBeGreaterThan(0);
    await orders.update('a', 2);
    expect((await orders.getEntry('a'))?.expiresAt).toBeUndefined();
  });

  test('compute tries again when somebody was faster', async () => {
    const { orders } = await newOrders<number>();
    await orders.set('n', 1);
    let calls = 0;
    const result = await orders.compute('n', async (value = 0) => {
      calls += 1;
      if (calls < 3) await orders.set('n', 10 * calls);
      return value + 1;
    });
    expect([result, calls, await orders.get('n')]).toEqual([21, 3, 21]);
    expect(await orders.compute('new', (value) => (value === undefined ? 7 : 0))).toBe(7);
    expect(await orders.compute('new', () => undefined)).toBeUndefined();
    expect(await orders.has('new')).toBe(false);
  });

  test('calls of one turn leave in their order', async () => {
    const { fake, orders } = await newOrders<number>();
    await Promise.all([orders.set('k', 1), orders.set('k', 2), orders.get('k'), orders.set('k', 3)]);
    expect(fake.sent.map(({ type }) => type)).toEqual(['write', 'write', 'read', 'write']);
    expect(await orders.get('k')).toBe(3);
  });
});

describe('many keys', () => {
  test('setAll, getAll with the very keys given, deleteAll, size, clear', async () => {
    const fake = await new FakeGrid().connected();
    const map = fake.grid.map<Key, number>('orders');
    const tuple = ['a', 1] as const;
    await map.setAll([
      [tuple, 1],
      ['b', 2],
      [3n, 3],
    ]);
    const found = await map.getAll([tuple, 'b', 'absent']);
    expect([...found]).toEqual([
      [tuple, 1],
      ['b', 2],
    ]);
    expect([...found.keys()][0]).toBe(tuple);
    expect(await map.size()).toBe(3);
    await map.deleteAll(['b', 'absent']);
    expect(await map.size()).toBe(2);
    await map.clear();
    expect(await map.size()).toBe(0);
    expect(fake.sentOf('write').filter(({ operations }) => operations[0]?.kind === 'clear')).toHaveLength(4);
  });

  test('is cut by the limits of a record and of a read', async () => {
    const { fake, orders } = await newOrders<Uint8Array>();
    const entries = Array.from({ length: 9_000 }, (_, index) => [`k${index}`, new Uint8Array(400)] as const);
    await orders.setAll(entries);
    for (const { operations } of fake.sentOf('write')) {
      expect(operations.length).toBeLessThanOrEqual(LIMITS.recordOperationsMax);
      const bytes = operations.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
      expect(bytes).toBeLessThanOrEqual(LIMITS.recordBytesMax);
    }
    expect((await orders.getAll(entries.map(([key]) => key))).size).toBe(9_000);
    for (const { keys } of fake.sentOf('read')) expect(keys.length).toBeLessThanOrEqual(LIMITS.readKeysMax);
    await orders.setAll([
      ['large', new Uint8Array(LIMITS.valueBytesMax - 100)],
      ['small', new Uint8Array(1)],
    ]);
    expect(await orders.size()).toBe(9_002);
  });

  test('a partial failure says of every key what became of it, with the worst outcome', async () => {
    const { fake, orders } = await newOrders<bigint>();
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    fake.refusal = ({ partition }) =>
      partition === 0 ? 'too_few_sync_replicas' : partition === 1 ? 'session_expired' : undefined;
    const error = await failureOf(orders.setAll(keys.map((key) => [key, 1n])));
    expect(namesOf(error)).toBe('session_expired unknown');
    const { committed, not_applied, unknown, codes } = error.details as Record<string, string[]>;
    expect([...(committed ?? []), ...(not_applied ?? []), ...(unknown ?? [])].sort()).toEqual([...keys].sort());
    expect(codes?.toSorted()).toEqual(['session_expired', 'too_few_sync_replicas']);
    fake.refusal = () => undefined;
    for (const key of keys) expect(await orders.has(key)).toBe(committed?.includes(key));
    for (const list of [committed, not_applied, unknown]) expect(list?.length).toBeGreaterThan(0);
  });

  test('size and clear name the partitions that failed', async () => {
    const { fake, orders } = await newOrders();
    fake.refusal = ({ partition }) => (partition >= 2 ? 'too_few_sync_replicas' : undefined);
    for (const act of [orders.size(), orders.clear()]) {
      expect((await failureOf(act)).details).toMatchObject({ partitions: [2, 3] });
    }
  });
});

test('iteration: entries, keys, values, prefix, batch', async () => {
  const { fake, orders } = await newOrders<number>();
  const all = Array.from(
    { length: 100 },
    (_, index) => [`${index % 2 === 0 ? 'even' : 'odd'}-${index}`, index] as const,
  );
  await orders.setAll(all);
  const byKey = ([a]: readonly [string, number], [b]: readonly [string, number]): number => (a < b ? -1 : 1);
  expect((await list(orders.entries({ batch: 7 }))).sort(byKey)).toEqual([...all].sort(byKey));
  expect(fake.sentOf('scan').every(({ limit }) => limit === 7)).toBe(true);
  expect(await list(orders)).toHaveLength(100);
  expect((await list(orders.keys({ prefix: 'odd-' }))).every((key) => key.startsWith('odd-'))).toBe(true);
  expect(await list(orders.keys({ prefix: 'odd-' }))).toHaveLength(50);
  expect((await list(orders.values())).sort((a, b) => a - b)).toEqual(all.map(([, index]) => index));
  for await (const key of orders.keys()) {
    expect(key).toBeTypeOf('string');
    break;
  }
});

describe('nothing is sent', () => {
  test.each<[string, string, (map: GridMap<Key, unknown>, grid: Grid) => unknown]>([
    ['an unknown map', 'undefined_map', (_, grid) => grid.map('nope').get('a')],
    ['a key of a wrong type', 'invalid_argument', (map) => map.get({} as Key)],
    ['NaN as a key', 'invalid_argument', (map) => map.set(Number.NaN, 1)],
    ['a large key', 'too_large', (map) => map.has('x'.repeat(5_000))],
    ['a large value', 'too_large', (map) => map.set('a', new Uint8Array(LIMITS.valueBytesMax))],
    ['a function as a value', 'invalid_argument', (map) => map.set('a', () => 1)],
    ['ttlMs', 'invalid_argument', (map) => map.set('a', 1, { ttlMs: 0 })],
    ['ttlMs', 'invalid_argument', (map) => map.insert('a', 1, { ttlMs: Number.POSITIVE_INFINITY })],
    ['a transaction', 'invalid_argument', (_, grid) => grid.transaction(() => 1, { retry: 1 } as object)],
    ['a session', 'invalid_argument', (_, grid) => grid.session().begin({ retries: 1 } as object)],
    ['an unknown option', 'invalid_argument', (map) => map.set('a', 1, { ifVersoin: '1.1' } as object)],
    ['an unknown option of a map', 'invalid_argument', (_, grid) => grid.map('orders', { ttl: 1 } as object)],
    ['an unknown codec', 'invalid_argument', (_, grid) => grid.map('orders', { codec: 'xml' as 'json' })],
    ['a version of nobody', 'invalid_argument', (map) => map.delete('a', { ifVersion: '7' })],
    ['a long deadline', 'invalid_argument', (map) => map.get('a', { deadlineMs: 60_001 })],
    ['a batch of none', 'invalid_argument', (map) => list(map.entries({ batch: 0 }))],
    [
      'one bad entry of many',
      'invalid_argument',
      (map) =>
        map.setAll([
          ['a', 1],
          [Number.NaN, 2],
        ]),
    ],
    ['entries that are none', 'invalid_argument', (map) => map.setAll(5 as never)],
    ['entries that are no pairs', 'invalid_argument', (map) => map.setAll([5] as never)],
    ['keys that are none', 'invalid_argument', (map) => map.getAll(undefined as never)],
    ['a change that is no function', 'invalid_argument', (map) => map.compute('a', 5 as never)],
    ['a schema that is none', 'invalid_argument', (_, grid) => grid.map('orders', { value: {} as never })],
    ['a signal that is aborted', 'aborted', (map) => map.set('a', 1, { signal: AbortSignal.abort() })],
  ])('%s: %s', async (_, code, act) => {
    const fake = await new FakeGrid().connected();
    const error = await failureOf(async () => act(fake.grid.map('orders'), fake.grid));
    expect(namesOf(error)).toBe(`${code} not_applied`);
    expect(fake.sent).toEqual([]);
  });

  test('a refusal names the option', async () => {
    const { orders } = await newOrders();
    expect((await failureOf(orders.set('a', 1, { ttlMs: -1 }))).message).toContain('ttlMs');
    expect((await failureOf(orders.set('a', 1, { foo: 1 } as object))).message).toContain('foo');
    await orders.set('a', 1, { ttlMs: undefined });
  });
});

test('partitionBy keeps related keys together, and refuses keys that lack the element', async () => {
  const fake = await new FakeGrid([0]).connected();
  const map = fake.grid.map<Key, number>('orders');
  for (let index = 0; index < 20; index += 1) await map.set(['customer-7', index], index);
  expect(new Set(fake.sent.map(({ partition }) => partition)).size).toBe(1);
  expect((await failureOf(map.set('customer-7', 1))).code).toBe('invalid_argument');
});

test('abort while it is out: unknown for a write', async () => {
  const { orders } = await newOrders();
  const controller = new AbortController();
  const setting = orders.set('a', 1, { signal: controller.signal });
  controller.abort(new Error('enough'));
  const error = await failureOf(setting);
  expect(namesOf(error)).toBe('aborted unknown');
  expect(error.cause).toEqual(new Error('enough'));
});

test('close: pending calls end with closed, status ends, closing twice is fine', async () => {
  const { fake, orders } = await newOrders();
  const status = fake.grid.status();
  const setting = failureOf(orders.set('a', 1));
  const closing = fake.grid.close();
  expect(namesOf(await setting)).toBe('closed unknown');
  await Promise.all([closing, fake.grid.close()]);
  expect(await list(status)).toEqual([{ type: 'closed' }]);
  expect(namesOf(await failureOf(orders.get('a')))).toBe('closed not_applied');
  await fake.grid[Symbol.asyncDispose]();
});

describe('connect', () => {
  test.each<[string, string, () => Promise<Grid>]>([
    ['no catalogs', 'invalid_argument', () => connect({ catalogs: [], grid: 'shop' })],
    ['no ws address', 'invalid_argument', () => connect({ catalogs: ['http://127.0.0.1:1'], grid: 'shop' })],
    ['an unknown option', 'invalid_argument', () => connect({ catalogs: ['ws://h:1'], grid: 'g', x: 1 } as never)],
    ['no grid', 'invalid_argument', () => connect('ostraca://h1:7400')],
    ['a user', 'unauthenticated', () => connect('ostraca://user:pass@h1:7400/shop')],
    ['a deadline too long', 'invalid_argument', () => connect('ostraca://h:1/shop', { operationTimeoutMs: 60_001 })],
  ])('%s: %s', async (_, code, act) => {
    expect((await failureOf(act())).code).toBe(code);
  });

  test('nobody there: unavailable within connectTimeoutMs, naming every endpoint', async () => {
    const error = await failureOf(connect('ostraca://127.0.0.1:1,127.0.0.1:2/shop', { connectTimeoutMs: 300 }));
    expect(error.code).toBe('unavailable');
    const endpoints = error.details.endpoints as { url: string; reason: string }[];
    expect(endpoints.map(({ url }) => url)).toEqual(['ws://127.0.0.1:1', 'ws://127.0.0.1:2']);
    expect(endpoints[0]?.reason).toMatch(/refused/i);
  });
});

test('types', () => {
  const grid = {} as Grid;
  const schema = {} as { '~standard': { version: 1; vendor: 'x'; validate: (v: unknown) => { value: { n: number } } } };
  const map = () => grid.map<readonly [string, number], { n: number }>('orders', { value: schema });
  expectTypeOf(map).returns.toEqualTypeOf<GridMap<readonly [string, number], { n: number }>>();
  type Map = GridMap<string, { n: number }>;
  expectTypeOf<Map['get']>().returns.resolves.toEqualTypeOf<{ n: number } | undefined>();
  expectTypeOf<Map['getEntry']>().returns.resolves.toEqualTypeOf<Entry<string, { n: number }> | undefined>();
  expectTypeOf<Map['set']>().returns.resolves.toEqualTypeOf<string>();
  expectTypeOf<Map['getAll']>().returns.resolves.toEqualTypeOf<globalThis.Map<string, { n: number }>>();
  expectTypeOf<Map['set']>().parameter(0).toEqualTypeOf<string>();
  expectTypeOf<Grid>().toExtend<AsyncDisposable>();
  // @ts-expect-error an object is no key
  expectTypeOf<GridMap<{ a: 1 }, number>>();
});
