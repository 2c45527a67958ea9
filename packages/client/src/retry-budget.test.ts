// Goal: retries stay a small part of what is sent, and yet nobody's request is left behind.
import { describe, expect, test } from 'vitest';
import { A, CATALOG, newConnected, routeTo, routingOf, told } from './fake-network.test-lib.ts';
import { RetryBudget } from './retry-budget.ts';

test('a tenth of the requests of the window, a hundred in any case', () => {
  const budget = new RetryBudget();
  const retries = (nowMs: number): number => {
    let count = 0;
    for (; budget.hasRoom(nowMs); count += 1) budget.onRetry(nowMs);
    return count;
  };
  expect(retries(0)).toBe(100);
  for (let count = 0; count < 5_000; count += 1) budget.onRequest(5_000);
  expect(retries(5_000)).toBe(400);
  // What is older than the window counts no more.
  expect(retries(12_000)).toBe(100);
  expect(retries(60_000)).toBe(100);
});

test('a retry that is answered gives its place back', () => {
  const budget = new RetryBudget();
  while (budget.hasRoom(0)) budget.onRetry(0);
  budget.giveBack();
  expect(budget.hasRoom(0)).toBe(true);
  budget.onRetry(0);
  expect(budget.hasRoom(0)).toBe(false);
});

describe('the client', () => {
  /** Sends and is refused, for so long. */
  function refuseAll(network: ReturnType<typeof newConnected>, ms: number): number {
    let sent = 0;
    for (let passedMs = 0; passedMs < ms; passedMs += 20) {
      for (const { id } of network.sent(A, 'write')) {
        sent += 1;
        network.refuse(A, id, { code: 'overloaded' });
      }
      network.pass(20);
    }
    return sent;
  }

  test('does not storm a primary that refuses everything; when it takes requests again, all are done soon', () => {
    const network = newConnected();
    const outcomes = Array.from({ length: 1_000 }, () => network.write(0, 60_000));
    expect(refuseAll(network, 9_000)).toBeLessThanOrEqual(1_000 + 100);
    for (let passedMs = 0; passedMs < 4_000; passedMs += 20) {
      for (let writes = network.sent(A, 'write'); writes.length > 0; writes = network.sent(A, 'write')) {
        for (const { id } of writes) network.commit(A, id);
      }
      network.pass(20);
    }
    expect(outcomes.filter((outcome) => told(outcome) !== 'committed')).toEqual([]);
  });

  test('one request alone goes on trying', () => {
    const network = newConnected();
    network.write(0, 60_000);
    expect(refuseAll(network, 9_000)).toBeGreaterThan(20);
  });

  test('a newer route is followed whatever the budget says', () => {
    const network = newConnected();
    for (let count = 0; count < 1_000; count += 1) network.write(0, 60_000);
    refuseAll(network, 2_000);
    network.deliver(CATALOG, routingOf([routeTo(A, 0, { epoch: 2 })]));
    expect(network.sent(A, 'write')).toHaveLength(1_000);
  });

  test('neither does a reconnect wait: what was lost with the connection is sent again', () => {
    const network = newConnected();
    for (let count = 0; count < 1_000; count += 1) network.write(0, 60_000);
    network.sent(A, 'write');
    network.close(A);
    network.pass(1_000);
    network.open(A);
    expect(network.sent(A, 'write')).toHaveLength(1_000);
  });
});
