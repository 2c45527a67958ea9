import { GridError, type Key, LIMITS } from '@ostraca/core';
import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest';
import { FakeGrid } from '../fake-grid.test-lib.ts';
import type { TransactionScope } from './run-transaction.ts';
import type { TransactionalMap } from './transactional-map.ts';

/** Keys are `[where, what]`: the first alone decides the partition. */
let fake: FakeGrid;

beforeEach(async () => {
  fake = await new FakeGrid([0]).connected();
});

async function failureOf(promise: Promise<unknown>): Promise<GridError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GridError) return error;
  throw new Error(`no GridError but ${String(error)}`);
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => (await failureOf(promise)).code;

test('its own writes are seen inside, and by others when it has committed', async () => {
  const { grid } = fake;
  const orders = grid.map<Key, number>('orders');
  await orders.set(['p', 'a'], 1);
  const seen = await grid.transaction(async (tx) => {
    const inside = tx.map<Key, number>('orders');
    await inside.set(['p', 'b'], 2);
    await inside.update(['p', 'a'], 10);
    expect(await orders.get(['p', 'b'])).toBeUndefined();
    expect(await inside.delete(['p', 'c'])).toBe(false);
    await inside.insert(['p', 'c'], 3);
    expect(await inside.delete(['p', 'c'])).toBe(true);
    return [await inside.get(['p', 'a']), await inside.get(['p', 'b']), await inside.has(['p', 'c'])];
  });
  expect(seen).toEqual([10, 2, false]);
  expect([
    ...(
      await orders.getAll([
        ['p', 'a'],
        ['p', 'b'],
        ['p', 'c'],
      ])
    ).values(),
  ]).toEqual([10, 2]);
  const [commit] = fake.sentOf('commit');
  expect(commit?.operations.map(({ kind }) => kind)).toEqual(['set', 'update']);
  expect(commit).toMatchObject({ transaction: 0, beganEpoch: 1, seq: 2, attempt: 1 });
});

test('three reads and two writes are two round trips: reads of one turn, and the commit', async () => {
  await fake.grid.transaction(async (tx) => {
    const orders = tx.map<Key, number>('orders');
    await Promise.all(['a', 'b', 'c'].map((what) => orders.get(['p', what])));
    await Promise.all([orders.set(['p', 'a'], 1), orders.set(['p', 'b'], 2)]);
  });
  expect(fake.sent.map(({ type }) => type)).toEqual(['read', 'read', 'read', 'commit']);
});

test('a key is read once and stays as it was', async () => {
  const { grid } = fake;
  await grid.map<Key, number>('orders').set(['p', 'a'], 1);
  const reading = grid.session();
  await reading.begin();
  const orders = reading.map<Key, number>('orders');
  expect(await Promise.all([orders.get(['p', 'a']), orders.get(['p', 'a'])])).toEqual([1, 1]);
  await grid.map<Key, number>('orders').set(['p', 'a'], 2);
  expect(await orders.get(['p', 'a'])).toBe(1);
  expect(fake.sentOf('read')).toHaveLength(1);
  await orders.set(['p', 'b'], 1);
  const failure = await failureOf(reading.commit());
  expect(failure).toMatchObject({ code: 'version_conflict', outcome: 'not_applied', retry: 'with_new_transaction' });
  expect(reading.isActive).toBe(false);
  expect(await grid.map('orders').get(['p', 'b'])).toBeUndefined();
});

test('a transaction whose reads were overtaken is run again', async () => {
  const { grid } = fake;
  const orders = grid.map<Key, number>('orders');
  await orders.set(['p', 'a'], 1);
  let runs = 0;
  const result = await withTicks(
    grid.transaction(async (tx) => {
      const inside = tx.map<Key, number>('orders');
      const value = (await inside.get(['p', 'a'])) ?? 0;
      runs += 1;
      if (runs <= 2) await orders.set(['p', 'a'], value + 100);
      await inside.set(['p', 'a'], value + 1);
      return value;
    }),
  );
  expect([runs, result, await orders.get(['p', 'a'])]).toEqual([3, 201, 202]);
});

test('it is run again so often and no more; and never for an error of the function', async () => {
  const { grid } = fake;
  fake.refusal = ({ type }) => (type === 'commit' ? 'version_conflict' : undefined);
  let runs = 0;
  const write = async (tx: TransactionScope): Promise<void> => {
    runs += 1;
    await tx.map('orders').set(['p', 'a'], 1);
  };
  expect(await codeOf(withTicks(grid.transaction(write, { retries: 2 })))).toBe('version_conflict');
  expect(runs).toBe(3);
  runs = 0;
  const mine = new Error('mine');
  await expect(
    grid.transaction(async (tx) => {
      await write(tx);
      throw mine;
    }),
  ).rejects.toBe(mine);
  const foreign = new GridError('version_conflict');
  await expect(
    grid.transaction(async (tx) => {
      await write(tx);
      throw foreign;
    }),
  ).rejects.toBe(foreign);
  expect(runs).toBe(2);
  expect(fake.sentOf('commit')).toHaveLength(3);
});

test('of an outcome that nobody knows it is told, and not run again', async () => {
  const { grid } = fake;
  fake.refusal = ({ type }) => (type === 'commit' ? 'data_loss' : undefined);
  let runs = 0;
  const failure = await failureOf(
    grid.transaction(async (tx) => {
      runs += 1;
      await tx.map('orders').set(['p', 'a'], 1);
    }),
  );
  expect([runs, failure.code, failure.outcome]).toEqual([1, 'data_loss', 'unknown']);
});

describe('a pessimistic map', () => {
  test('reads under locks, which its commit ends', async () => {
    const { grid } = fake;
    await grid.transaction(async (tx) => {
      const accounts = tx.map<Key, number>('accounts');
      const balance = (await accounts.getForUpdate(['p', 'a'])) ?? 0;
      await accounts.set(['p', 'a'], balance + 1);
      await accounts.get(['p', 'b']);
      await accounts.set(['p', 'c'], 1);
    });
    expect(fake.sentOf('lock').map(({ mode, transaction }) => [mode, transaction])).toEqual([
      ['upgradable', 1],
      ['shared', 1],
      ['exclusive', 1],
    ]);
    const [commit] = fake.sentOf('commit');
    expect(commit).toMatchObject({ transaction: 1, beganEpoch: 1, waitMs: 1_000 });
    // What was only written was not read.
    expect(commit?.reads).toHaveLength(2);
    expect(fake.ended).toEqual([]);
  });

  test('its locks end with a roll-back, and at once when a call fails', async () => {
    const { grid } = fake;
    const session = grid.session();
    const accounts = session.map<Key, number>('accounts');
    await session.begin();
    await accounts.get(['p', 'a']);
    await session.rollback();
    expect(fake.ended).toMatchObject([{ transaction: 1 }]);
    fake.refusal = ({ type }) => (type === 'lock' ? 'deadlock' : undefined);
    await session.begin();
    expect(await codeOf(accounts.get(['p', 'a']))).toBe('deadlock');
    expect(fake.ended).toMatchObject([{ transaction: 1 }, { transaction: 2 }]);
    const failure = await failureOf(session.commit());
    expect(failure.code).toBe('transaction_not_active');
    expect(failure.cause).toMatchObject({ code: 'deadlock' });
    expect(fake.sentOf('commit')).toEqual([]);
  });

  test('a lock that is taken explicitly', async () => {
    await fake.grid.transaction(async (tx) => {
      const accounts = tx.map<Key, number>('accounts');
      await accounts.lock(['p', 'a'], 'upgradable');
      await accounts.lock(['p', 'a'], 'shared');
      await accounts.lock(['p', 'a'], 'exclusive');
      await accounts.set(['p', 'a'], 1);
      expect(await codeOf(tx.map('orders').lock(['p', 'a'], 'shared'))).toBe('invalid_argument');
    });
    expect(fake.sentOf('lock').map(({ mode }) => mode)).toEqual(['upgradable', 'exclusive']);
  });

  test('the whole map is locked before it is counted', async () => {
    await fake.grid.transaction(async (tx) => {
      const accounts = tx.map<Key, number>('accounts');
      await accounts.set(['p', 'a'], 1);
      expect(await accounts.size()).toBe(1);
      expect(await accounts.size()).toBe(1);
    });
    expect(fake.sentOf('lock').map(({ mode, keys }) => `${mode} ${keys.length}`)).toEqual([
      'exclusive 1',
      'shared 0',
      'shared 1',
    ]);
  });
});

test('a map without isolation is read anew each time, and written at once with the rest', async () => {
  const { grid } = fake;
  const hits = grid.map<Key, number>('hits');
  await hits.set(['p', 'a'], 1);
  await grid.transaction(async (tx) => {
    const inside = tx.map<Key, number>('hits');
    expect(await inside.get(['p', 'a'])).toBe(1);
    await hits.set(['p', 'a'], 2);
    expect(await inside.get(['p', 'a'])).toBe(2);
    await inside.set(['p', 'b'], 1);
    await tx.map<Key, number>('orders').set(['p', 'b'], 1);
  });
  const [commit] = fake.sentOf('commit');
  expect(commit).toMatchObject({ map: 0, beganEpoch: 0, reads: [], ranges: [] });
  expect(commit?.operations.map(({ mapOffset }) => mapOffset)).toEqual([2, 0]);
  expect(await hits.get(['p', 'b'])).toBe(1);
});

test('size and iteration see what the transaction has written, and are checked', async () => {
  const { grid } = fake;
  const orders = grid.map<Key, number>('orders');
  await orders.setAll([
    [['p', 'a'], 1],
    [['p', 'b'], 2],
    [['p', 'c'], 3],
  ]);
  const session = grid.session();
  await session.begin();
  const inside = session.map<Key, number>('orders');
  await inside.deleteAll([['p', 'a']]);
  await inside.set(['p', 'b'], 20);
  await inside.setAll([[['p', 'd'], 4]]);
  expect(await inside.size()).toBe(3);
  const values: number[] = [];
  for await (const [, value] of inside) values.push(value);
  expect(values.sort((a, b) => a - b)).toEqual([3, 4, 20]);
  // A phantom.
  await orders.set(['p', 'e'], 5);
  expect(await codeOf(session.commit())).toBe('version_conflict');
  await session.begin();
  await inside.set(['p', 'z'], 1);
  await inside.clear();
  expect([await inside.size(), await inside.get(['p', 'b'])]).toEqual([0, undefined]);
  await inside.set(['p', 'n'], 1);
  expect(await inside.size()).toBe(1);
  await session.commit();
  expect(await orders.size()).toBe(1);
});

test('it stays in one partition, which its first key decides', async () => {
  const { grid } = fake;
  const failure = await failureOf(
    grid.transaction(async (tx) => {
      expect(await codeOf(tx.map('orders').size())).toBe('invalid_argument');
      await tx.map('orders').set(['p', 1], 1);
      await tx.map('accounts').set(['p', 2], 1);
      for (let other = 0; ; other += 1) await tx.map('orders').get([`q${other}`, 1]);
    }),
  );
  expect(failure.code).toBe('transaction_spans_partitions');
  expect(failure.details).toMatchObject({ firstKey: '["p",1]', key: expect.stringMatching(/^\["q\d",1\]$/) });
  expect(fake.sentOf('commit')).toEqual([]);
});

test('nothing is sent for what changed nothing and read one thing', async () => {
  const { grid } = fake;
  expect(await grid.transaction(() => 7)).toBe(7);
  await grid.transaction((tx) => tx.map('orders').get(['p', 'a']));
  expect(fake.sent.map(({ type }) => type)).toEqual(['read']);
  await grid.transaction(async (tx) => {
    await tx.map('orders').get(['p', 'a']);
    await tx.map('orders').get(['p', 'b']);
  });
  expect(fake.sentOf('commit')).toMatchObject([{ operations: [], reads: [{ lsn: 0 }, { lsn: 0 }] }]);
});

test('a session has one transaction at a time', async () => {
  const session = fake.grid.session();
  const orders = session.map('orders');
  expect(await codeOf(orders.get(['p', 'a']))).toBe('transaction_not_active');
  expect(await codeOf(session.commit())).toBe('transaction_not_active');
  await session.rollback();
  await session.begin();
  expect(await codeOf(session.begin())).toBe('invalid_argument');
  await orders.set(['p', 'a'], 1);
  await session.commit();
  expect(await codeOf(orders.set(['p', 'a'], 2))).toBe('transaction_not_active');
  expect(await codeOf(session.commit())).toBe('transaction_not_active');
});

test('what fails at its call leaves the transaction as it was', async () => {
  const { grid } = fake;
  await grid.map('orders').set(['p', 'a'], 1);
  await grid.transaction(async (tx) => {
    const orders = tx.map<Key, unknown>('orders');
    expect(await codeOf(orders.insert(['p', 'a'], 1))).toBe('duplicate_key');
    expect(await codeOf(orders.update(['p', 'b'], 1))).toBe('key_not_found');
    expect(await codeOf(orders.set(['p', 'b'], () => 1))).toBe('invalid_argument');
    expect(await codeOf(orders.set(['p', 'a'], 1, { ifVersion: '1.99' }))).toBe('version_conflict');
    expect(await codeOf(tx.map('nothing').get('a'))).toBe('undefined_map');
    const entry = await orders.getEntry(['p', 'a']);
    expect(await orders.delete(['p', 'a'], { ifVersion: entry?.version })).toBe(true);
    const both = await Promise.allSettled([orders.insert(['p', 'c'], 1), orders.insert(['p', 'c'], 2)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await orders.compute(['p', 'd'], (value) => value ?? 5)).toBe(5);
  });
  const orders = grid.map('orders');
  expect([await orders.has(['p', 'a']), await orders.get(['p', 'c']), await orders.get(['p', 'd'])]).toEqual([
    false,
    1,
    5,
  ]);
});

test('more than a log record holds is too_large', async () => {
  const { grid } = fake;
  const keys = Array.from({ length: LIMITS.recordOperationsMax + 1 }, (_, index) => ['p', index] as const);
  await grid.transaction(async (tx) => {
    const orders = tx.map<Key, number>('orders');
    for (const key of keys.slice(1)) await orders.set(key, 1);
    expect(await codeOf(orders.set(['p', 0], 1))).toBe('too_large');
    await orders.set(['p', 1], 2);
  });
  expect(
    await codeOf(grid.transaction((tx) => tx.map<Key, number>('orders').setAll(keys.map((key) => [key, 1])))),
  ).toBe('too_large');
});

test('a signal ends it, and the commit waits for calls that nobody waits for', async () => {
  const { grid } = fake;
  const aborting = new AbortController();
  const failure = await failureOf(
    grid.transaction(
      async (tx) => {
        await tx.map('accounts').get(['p', 'a']);
        aborting.abort('enough');
        await tx.map('accounts').get(['p', 'b']);
      },
      { signal: aborting.signal },
    ),
  );
  expect(failure).toMatchObject({ code: 'aborted', outcome: 'not_applied', cause: 'enough' });
  expect(fake.ended).toHaveLength(1);
  await grid.transaction((tx) => void tx.map('accounts').set(['p', 'late'], 1));
  expect(await grid.map('accounts').get(['p', 'late'])).toBe(1);
});

test('locks are spoken for while the transaction is open', async () => {
  const { grid, machine } = fake;
  const session = grid.session();
  await session.begin();
  await session.map('accounts').get(['p', 'a']);
  const kept = (): number => fake.kept.length;
  for (const ms of [0, 1_000, 5_000, 6_000, 10_000]) machine.onTick(performance.now() + ms, 0);
  expect(kept()).toBe(3);
  await session.rollback();
  machine.onTick(performance.now() + 20_000, 0);
  expect(kept()).toBe(3);
});

test('types', () => {
  const typed = (tx: TransactionScope): TransactionalMap<string, number> => tx.map<string, number>('orders');
  expectTypeOf(typed).returns.toHaveProperty('getForUpdate');
  expectTypeOf<TransactionalMap<string, number>['set']>().returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf(fake.grid.transaction(async () => 'a')).toEqualTypeOf<Promise<string>>();
});

/** Time passes, for pauses between attempts. */
async function withTicks<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  for (let ms = 0; !isOver; ms += 100) {
    fake.machine.onTick(performance.now() + ms, 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
