/** Goal: a read goes to a replica only where it may, comes back from it with what it asked for, or goes to the primary. */
import type { GridError, Route } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import { A, B, CATALOG, type FakeNetwork, newConnected, routeTo, routingOf, told } from './fake-network.test-lib.ts';
import type { ReadWish } from './read-modes.ts';

const SESSION: ReadWish = { mode: 'session', tokens: undefined };
const BOUNDED: ReadWish = { mode: 'bounded', maxStalenessMs: 50 };
const EVENTUAL: ReadWish = { mode: 'eventual' };

/** Partition 0 has its primary on A and a replica on B. */
const withReplica = (fields: Partial<Route> = {}, inSync = true): Route =>
  routeTo(A, 0, { replicas: [{ container: 'b', address: B, inSync }], ...fields });

function connected(route = withReplica()): FakeNetwork {
  const network = newConnected();
  network.deliver(CATALOG, routingOf([{ ...route, version: 2 }]));
  return network;
}

const read = (network: FakeNetwork, wish: ReadWish, timeoutMs = 10_000) =>
  network.submit(0, { kind: 'read', keys: [new Uint8Array([1])], withoutValues: false, wish }, timeoutMs);

function answer(network: FakeNetwork, url: string, { id }: { id: number }, lsn: number, clockMs = 0): void {
  network.deliver(url, { type: 'readAnswer', id, entries: [], lsn, clockMs });
}

describe('where it goes', () => {
  test.each([
    [SESSION, { mode: 'session', minLsn: 0 }],
    [BOUNDED, { mode: 'bounded', maxStalenessMs: 50 }],
    [EVENTUAL, { mode: 'eventual' }],
  ] as const)('%o to a replica', (wish, message) => {
    const network = connected();
    const outcome = read(network, wish);
    const sent = network.one(B, 'read');
    expect(sent).toMatchObject({ epoch: 1, ...message });
    expect(network.sent(A, 'read')).toEqual([]);
    answer(network, B, sent, 4);
    expect(told(outcome)).toBe('readAnswer');
  });

  test.each([
    ['linearizable', 'linearizable'],
    ['readIndex', 'readIndex'],
  ] as const)('%s to the primary', (mode, sent) => {
    const network = connected();
    read(network, { mode });
    expect(network.one(A, 'read').mode).toBe(sent);
    expect(network.sent(B, 'read')).toEqual([]);
  });

  test('to the primary, as a linearizable one, where the policy names no replica', () => {
    const network = newConnected();
    read(network, SESSION);
    read(network, BOUNDED);
    read(network, EVENTUAL);
    expect(network.sent(A, 'read').map(({ mode }) => mode)).toEqual(['linearizable', 'linearizable', 'eventual']);
  });

  test('an asynchronous replica only if there is no other', () => {
    const both = [
      { container: 'b', address: B, inSync: false },
      { container: 'd', address: 'ws://d:1', inSync: true },
    ];
    const network = connected(routeTo(A, 0, { replicas: both }));
    read(network, BOUNDED);
    // The one in sync is not connected yet, so it is the primary this time.
    expect(network.dialled).toContain('ws://d:1');
    expect(network.sent(B, 'read')).toEqual([]);
    expect(network.one(A, 'read').mode).toBe('linearizable');
    network.open('ws://d:1');
    read(network, BOUNDED);
    expect(network.one('ws://d:1', 'read').mode).toBe('bounded');
  });
});

describe('the primary answers when the replica', () => {
  test('refuses; a newer route that it tells is taken', () => {
    const network = connected();
    const outcome = read(network, SESSION);
    const { id } = network.one(B, 'read');
    network.refuse(B, id, { code: 'not_primary', route: withReplica({ epoch: 2, version: 3 }) });
    const again = network.one(A, 'read');
    expect(again).toMatchObject({ mode: 'linearizable', epoch: 2 });
    answer(network, A, again, 1);
    expect(told(outcome)).toBe('readAnswer');
  });

  test('is lost', () => {
    const network = connected();
    read(network, EVENTUAL);
    network.one(B, 'read');
    network.close(B);
    expect(network.one(A, 'read').mode).toBe('eventual');
  });

  test('is silent; and it is left alone for a while', () => {
    const network = connected();
    const outcome = read(network, SESSION);
    const { id } = network.one(B, 'read');
    network.pass(1_100);
    const again = network.one(A, 'read');
    read(network, SESSION);
    expect(network.sent(B, 'read')).toEqual([]);
    // Too late: nobody waits for it any more.
    answer(network, B, { id }, 9);
    expect(told(outcome)).toBe('pending');
    answer(network, A, again, 3);
    expect(told(outcome)).toBe('readAnswer');
    network.pass(1_100);
    read(network, SESSION);
    network.one(B, 'read');
  });

  test('not after its deadline, or after it was given up', () => {
    const network = connected();
    const late = read(network, SESSION, 500);
    network.pass(600);
    expect(told(late)).toBe('timeout not_applied');
    const given = read(network, SESSION);
    network.machine.abort(given.pending, 'enough', network.nowMs);
    expect(told(given)).toBe('aborted not_applied');
    const left = read(network, SESSION);
    network.machine.close();
    expect(told(left)).toBe('closed not_applied');
    expect(network.busy).toBe(false);
  });
});

describe('a session', () => {
  test('asks for what this client has written and read before', () => {
    const network = connected();
    network.write(0);
    const { id } = network.one(A, 'write');
    network.deliver(A, { type: 'writeAnswer', id, epoch: 1, lsn: 7, applied: true });
    read(network, SESSION);
    const first = network.one(B, 'read');
    expect(first).toMatchObject({ minLsn: 7, minClockMs: 0 });
    answer(network, B, first, 9, 1_500);
    read(network, EVENTUAL);
    expect(network.one(B, 'read').minLsn).toBe(0);
    read(network, SESSION);
    expect(network.one(B, 'read')).toMatchObject({ minLsn: 9, minClockMs: 1_500 });
  });

  test('of tokens that somebody else gave', () => {
    const network = connected();
    const tokens = new Map([[routeTo(A, 0).partition, { lineage: 'l1', lsn: 40, clockMs: 0 }]]);
    read(network, { mode: 'session', tokens });
    expect(network.one(B, 'read').minLsn).toBe(40);
  });

  test('is told once that what it saw may be lost: the partition has another lineage', () => {
    const network = connected();
    network.write(0);
    network.deliver(A, {
      ...{ type: 'writeAnswer', id: network.one(A, 'write').id, epoch: 1, lsn: 7, applied: true },
    });
    network.deliver(CATALOG, routingOf([withReplica({ epoch: 2, version: 3, lineage: 'l2' })]));
    const outcome = read(network, SESSION);
    expect(network.sent(B, 'read')).toEqual([]);
    answer(network, A, network.one(A, 'read'), 2);
    expect(told(outcome)).toBe('data_loss not_applied');
    expect((outcome.result as GridError).retry).toBe('never');
    read(network, SESSION);
    expect(network.one(B, 'read').minLsn).toBe(2);
  });
});
