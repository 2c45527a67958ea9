import { GridError, LIMITS } from '@ostraca/core';
import { beforeEach, expect, test } from 'vitest';
import { FakeGrid } from '../fake-grid.test-lib.ts';
import type { GridLock } from './held-lock.ts';

let fake: FakeGrid;

beforeEach(async () => {
  fake = await new FakeGrid().connected();
});

async function failureOf(promise: Promise<unknown>): Promise<GridError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GridError) return error;
  throw new Error(`no GridError but ${String(error)}`);
}

const kinds = (): string[] => fake.sentOf('write').map(({ operations }) => operations[0]?.kind ?? '');
const isFree = async (name: string): Promise<boolean> => !(await fake.grid.map('ostraca.locks').has(name));
const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one at a time, in the order of arrival, with tokens that rise', async () => {
  const { grid } = fake;
  const first = await grid.lock('job');
  const got: string[] = [];
  const waiting = ['b', 'c', 'd'].map(async (who) => {
    await using lock = await grid.lock('job');
    got.push(who);
    await grid.map('hits').set(who, 1);
    expect(got.at(-1)).toBe(who);
    return lock.token;
  });
  await turnOver();
  expect(got).toEqual([]);
  await first.release();
  const tokens = [first.token, ...(await Promise.all(waiting))];
  expect(got).toEqual(['b', 'c', 'd']);
  expect([...tokens].sort((a, b) => (a < b ? -1 : 1))).toEqual(tokens);
  expect(first).toMatchObject({ name: 'job', token: (1n << 64n) | 1n });
  expect(first.signal.aborted).toBe(false);
  expect(await isFree('job')).toBe(true);
});

test('of one client only one asks for the same lock at a time', async () => {
  const { grid } = fake;
  const held = await grid.lock('job');
  const waiting = Array.from({ length: 2_000 }, () => grid.lock('job').then((lock) => lock.release()));
  await turnOver();
  expect(kinds()).toEqual(['acquire', 'acquire']);
  await held.release();
  await Promise.all(waiting);
  expect(kinds().filter((kind) => kind === 'acquire')).toHaveLength(2_001);
});

test('it is renewed at each third of its lease, until it is released', async () => {
  const { grid } = fake;
  const lock = await grid.lock('job', { leaseMs: 3_000 });
  const [insert] = fake.sentOf('write');
  expect(insert?.operations[0]?.ttlMs).toBe(4_160);
  expect(new TextDecoder().decode(insert?.operations[0]?.value.subarray(1))).toBe(`"${'c'.repeat(32)}"`);
  await fake.pass(9_500);
  expect(lock.signal.aborted).toBe(false);
  const renewals = kinds().filter((kind) => kind === 'touch').length;
  expect(renewals).toBeGreaterThanOrEqual(8);
  expect(renewals).toBeLessThanOrEqual(10);
  await lock.release();
  await lock.release();
  await fake.pass(5_000);
  expect(kinds().filter((kind) => kind !== 'touch')).toEqual(['acquire', 'delete']);
  expect(kinds().filter((kind) => kind === 'touch')).toHaveLength(renewals);
  expect(lock.signal.aborted).toBe(false);
});

test('it is lost when its renewal finds it gone; nothing more is sent then', async () => {
  const { grid } = fake;
  const lock = await grid.lock('job', { leaseMs: 3_000 });
  await grid.map('ostraca.locks').delete('job');
  await fake.pass(1_200);
  expect(lock.signal.reason).toMatchObject({ code: 'aborted', details: { lock: 'job' } });
  expect(String(lock.signal.reason.message)).toContain('it had ended at its primary');
  await lock.release();
  await fake.pass(3_000);
  expect(kinds()).toEqual(['acquire', 'delete', 'touch']);
});

test('it is lost a lease after the sending of the last renewal that was acknowledged, and not sooner', async () => {
  const { grid } = fake;
  const lock = await grid.lock('job', { leaseMs: 3_000 });
  await fake.pass(1_050);
  expect(kinds()).toEqual(['acquire', 'touch']);
  fake.refusal = ({ type }) => (type === 'write' ? 'too_few_sync_replicas' : undefined);
  await fake.pass(2_800);
  expect(lock.signal.aborted).toBe(false);
  await fake.pass(300);
  expect(lock.signal.aborted).toBe(true);
  expect(lock.signal.reason.message).toContain('no renewal was acknowledged in time');
  const sent = kinds().length;
  // Tried again and again.
  expect(sent).toBeGreaterThan(10);
  await fake.pass(3_000);
  expect(kinds()).toHaveLength(sent);
  await lock.release();
  fake.refusal = () => undefined;
});

test('a renewal that fails for a while loses nothing', async () => {
  const { grid } = fake;
  const lock = await grid.lock('job', { leaseMs: 3_000 });
  fake.refusal = ({ type }) => (type === 'write' ? 'too_few_sync_replicas' : undefined);
  await fake.pass(2_000);
  fake.refusal = () => undefined;
  await fake.pass(2_000);
  expect(lock.signal.aborted).toBe(false);
  await lock.release();
});

test('a process that stood still knows at once that it lost its lock', async () => {
  const lock = await fake.grid.lock('job', { leaseMs: 3_000 });
  await fake.pass(60_000, 60_000);
  expect(lock.signal.aborted).toBe(true);
});

test('who waited long renews the lock before it is given out', async () => {
  const { grid } = fake;
  await grid.map('ostraca.locks').set('job', 'somebody');
  const waiting = grid.lock('job', { leaseMs: 3_000, waitMs: 20_000 });
  await fake.pass(8_000);
  await grid.map('ostraca.locks').delete('job');
  const lock = await waiting;
  expect(kinds()).toEqual(['set', 'acquire', 'delete', 'touch']);
  await fake.pass(2_000);
  expect(lock.signal.aborted).toBe(false);
  await lock.release();
});

test('what ended before it could be given out is asked for again', async () => {
  const { grid } = fake;
  await grid.map('ostraca.locks').set('job', 'somebody');
  const waiting = grid.lock('job', { leaseMs: 3_000, waitMs: 20_000 });
  await fake.pass(8_000);
  let refused = 0;
  fake.refusal = (message) => {
    if (message.type !== 'write' || message.operations[0]?.kind !== 'touch' || refused > 0) return undefined;
    refused += 1;
    void grid.map('ostraca.locks').delete('job');
    return 'version_conflict';
  };
  await grid.map('ostraca.locks').delete('job');
  const lock = await waiting;
  expect(refused).toBe(1);
  expect(kinds().filter((kind) => kind === 'acquire')).toHaveLength(2);
  await lock.release();
});

test('not in time is lock_timeout, also in the queue of the client; waitMs 0 only looks', async () => {
  const { grid } = fake;
  const held = await grid.lock('job');
  const failure = failureOf(grid.lock('job', { waitMs: 300 }));
  const behind = failureOf(grid.lock('job', { waitMs: 200 }));
  await fake.pass(1_000);
  expect(await failure).toMatchObject({ code: 'lock_timeout', outcome: 'not_applied' });
  expect((await failure).details).toMatchObject({ lock: 'job', waitMs: 300 });
  expect(await behind).toMatchObject({ code: 'lock_timeout', details: { waitMs: 200 } });
  expect((await failureOf(grid.lock('job', { waitMs: 0 }))).code).toBe('lock_timeout');
  await held.release();
  expect(await isFree('job')).toBe(true);
  await (await grid.lock('job', { waitMs: 0 })).release();
});

test('who gives up leaves no lock behind, whenever that is', async () => {
  const { grid } = fake;
  const held = await grid.lock('job');
  const giving = [new AbortController(), new AbortController()];
  const failures = giving.map(({ signal }) => failureOf(grid.lock('job', { signal })));
  await turnOver();
  for (const one of giving) one.abort('enough');
  for (const failure of failures) {
    expect(await failure).toMatchObject({ code: 'aborted', outcome: 'not_applied', cause: 'enough' });
  }
  expect(fake.sentOf('resolveOrAbort')).toHaveLength(1);
  await held.release();
  await turnOver();
  const gone = AbortSignal.abort('before');
  const sent = kinds().length;
  expect((await failureOf(grid.lock('job', { signal: gone }))).code).toBe('aborted');
  const between = new AbortController();
  const early = failureOf(grid.lock('job', { signal: between.signal }));
  between.abort();
  expect((await early).code).toBe('aborted');
  expect(kinds()).toHaveLength(sent);
  // It was acquired before the word of its end came.
  const late = new AbortController();
  const acquired = failureOf(grid.lock('other', { signal: late.signal }));
  while (kinds().length === sent) await Promise.resolve();
  late.abort();
  expect((await acquired).code).toBe('aborted');
  await turnOver();
  expect(await isFree('other')).toBe(true);
});

test('nobody who waits for locks holds up what others write to the partition', async () => {
  const { grid } = fake;
  await grid.map('ostraca.locks').set('job', 'somebody');
  const waiting = grid.lock('job', { waitMs: 10_000 });
  await turnOver();
  const writes = Promise.all(Array.from({ length: 9_000 }, (_, index) => grid.map('hits').set(index, index)));
  await writes;
  await turnOver();
  await grid.map('ostraca.locks').delete('job');
  const lock = await waiting;
  expect(kinds().filter((kind) => kind === 'acquire').length).toBeGreaterThan(1);
  await lock.release();
});

test('those who wait for locks do not drive each other out', async () => {
  const { grid } = fake;
  const names = Array.from({ length: 4_500 }, (_, index) => `job ${index}`);
  await grid.map<string, string>('ostraca.locks').setAll(names.map((name) => [name, 'somebody']));
  const waiting = names.map((name) => failureOf(grid.lock(name)));
  for (let turns = 0; turns < 20; turns += 1) await turnOver();
  expect(fake.sentOf('resolveOrAbort')).toEqual([]);
  expect(kinds().filter((kind) => kind === 'acquire').length).toBeLessThanOrEqual(
    4 * LIMITS.outstandingPerPartitionMax,
  );
  await grid.close();
  await Promise.all(waiting);
});

test('close() loses the locks, and ends the waiting', async () => {
  const { grid } = fake;
  const lock = await grid.lock('job');
  const waiting = [failureOf(grid.lock('job')), failureOf(grid.lock('job'))];
  await turnOver();
  await grid.close();
  expect(lock.signal.aborted).toBe(true);
  for (const failure of waiting) expect((await failure).code).toBe('closed');
  const sent = kinds().length;
  await lock.release();
  await fake.pass(20_000, 1_000);
  expect(kinds()).toHaveLength(sent);
  expect((await failureOf(grid.lock('job'))).code).toBe('closed');
});

test('with partitionBy its key is the name in every place', async () => {
  fake = await new FakeGrid([2, 0]).connected();
  const lock: GridLock = await fake.grid.lock('job');
  expect(await fake.grid.map('ostraca.locks').has(['job', 'job', 'job'])).toBe(true);
  await lock.release();
});

test('a failed release says so', async () => {
  const lock = await fake.grid.lock('job');
  fake.refusal = ({ type }) => (type === 'write' ? 'too_few_sync_replicas' : undefined);
  expect((await failureOf(lock.release())).code).toBe('too_few_sync_replicas');
});

test.each([
  ['', {}],
  [7 as unknown as string, {}],
  ['job', { leaseMs: 999 }],
  ['job', { leaseMs: 600_001 }],
  ['job', { waitMs: -1 }],
  ['job', { waitMs: 60_001 }],
  ['job', { signal: 1 as unknown as AbortSignal }],
  ['job', { lease: 1 } as object],
])('arguments that are refused: %s %o', async (name, options) => {
  expect((await failureOf(fake.grid.lock(name, options))).code).toBe('invalid_argument');
});
