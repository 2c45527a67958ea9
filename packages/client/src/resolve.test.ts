// Goal: a write whose time runs out ends with an unknown outcome only if no primary could say. Who gives up earlier is told at once.
import type { GridError } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  CATALOG,
  type FakeNetwork,
  newConnected,
  type Outcome,
  routeTo,
  routingOf,
  told,
} from './fake-network.test-lib.ts';

function rollBack(network: FakeNetwork, url: string, id: number): void {
  network.deliver(url, { type: 'rolledBack', id });
}

describe('the last part of the deadline', () => {
  test('a write without an answer is given up, and what became of it is asked for', () => {
    const network = newConnected();
    const outcome = network.write(0, 1_000);
    const write = network.one(A, 'write');
    expect(write.ttlMs, 'the primary gives up before').toBeLessThan(900);
    network.pass(880);
    expect(network.sent(A, 'resolveOrAbort')).toEqual([]);
    network.pass(40);
    const question = network.one(A, 'resolveOrAbort');
    expect(question).toMatchObject({ partition: 0, epoch: 1, seq: write.seq, ackedBelow: 1 });
    expect(question.ttlMs).toBeLessThan(100);
    rollBack(network, A, question.id);
    expect(told(outcome)).toBe('timeout not_applied');
    // Its seq is free of it: nothing of it will come again.
    network.write(0);
    expect(network.one(A, 'write')).toMatchObject({ seq: 2, ackedBelow: 2 });
  });

  test('committed after all: by the answer to the question, or by that of the attempt before', () => {
    const network = newConnected();
    const [asked, late] = [network.write(0, 1_000), network.write(0, 1_000)];
    const writes = network.sent(A, 'write');
    network.pass(920);
    const questions = network.sent(A, 'resolveOrAbort');
    expect(questions.map(({ seq }) => seq)).toEqual([1, 2]);
    network.commit(A, questions[0]?.id ?? 0);
    network.commit(A, writes[1]?.id ?? 0);
    expect([asked, late].map(told)).toEqual(['committed', 'committed']);
  });

  test('an older attempt that says no is not believed any more', () => {
    const network = newConnected();
    const outcome = network.write(0, 1_000);
    const write = network.one(A, 'write');
    network.pass(920);
    network.refuse(A, write.id, { code: 'version_conflict' });
    expect(told(outcome)).toBe('pending');
    network.refuse(A, network.one(A, 'resolveOrAbort').id, { code: 'duplicate_key' });
    expect(told(outcome)).toBe('duplicate_key not_applied');
  });

  test('nobody can say: unknown, at the deadline and not before', () => {
    const network = newConnected();
    const outcome = network.write(0, 1_000);
    network.sent(A, 'write');
    network.pass(980);
    expect(told(outcome)).toBe('pending');
    network.pass(40);
    expect(told(outcome)).toBe('timeout unknown');
  });

  test('a server that gives up is asked at once, and what it said is told', () => {
    const network = newConnected();
    const outcome = network.write(0, 1_000);
    const { id, ttlMs } = network.one(A, 'write');
    network.pass(ttlMs - 80);
    network.refuse(A, id, { code: 'timeout', details: { waitedFor: 'a lease' } });
    rollBack(network, A, network.one(A, 'resolveOrAbort').id);
    expect(told(outcome)).toBe('timeout not_applied');
    expect((outcome.result as GridError).details).toMatchObject({ waitedFor: 'a lease', partition: 0 });
  });

  test('early, it is tried again as ever', () => {
    const network = newConnected();
    network.write(0, 10_000);
    network.refuse(A, network.one(A, 'write').id, { code: 'timeout' });
    network.pass(600);
    expect(network.one(A, 'write')).toMatchObject({ seq: 1, attempt: 2 });
  });

  test('one that was never sent may still be, and is asked for in half of what is left', () => {
    const network = newConnected();
    network.close(A);
    const outcome = network.write(0, 4_000);
    network.pass(3_700);
    network.open(A);
    const { ttlMs } = network.one(A, 'write');
    expect(ttlMs).toBeLessThan(160);
    network.pass(180);
    rollBack(network, A, network.one(A, 'resolveOrAbort').id);
    expect(told(outcome)).toBe('timeout not_applied');
  });

  test('a read has no such part', () => {
    const network = newConnected();
    network.read(0, 1_000);
    network.pass(1_100);
    expect(network.sent(A, 'resolveOrAbort')).toEqual([]);
  });
});

describe('the question goes where the write would', () => {
  /** Of a write that was sent: its last part has begun. */
  function newAsked(network: FakeNetwork): Outcome {
    const outcome = network.write(0, 10_000);
    network.sent(A, 'write');
    network.pass(9_520);
    return outcome;
  }

  test('a lost connection: again when it is back; a higher epoch: to the new primary at once', () => {
    const network = newConnected();
    const outcome = newAsked(network);
    network.sent(A, 'resolveOrAbort');
    network.close(A);
    network.pass(200);
    network.open(A);
    const again = network.one(A, 'resolveOrAbort');
    expect(network.sent(A, 'write')).toEqual([]);
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    const atB = network.one(B, 'resolveOrAbort');
    expect(atB).toMatchObject({ seq: 1, epoch: 2 });
    // The old primary's no says nothing of the new one.
    rollBack(network, A, again.id);
    expect(told(outcome)).toBe('pending');
    rollBack(network, B, atB.id);
    expect(told(outcome)).toBe('timeout not_applied');
  });

  test('not_primary with a newer route is followed; overloaded is asked again after a pause', () => {
    const network = newConnected();
    const outcome = newAsked(network);
    const { id } = network.one(A, 'resolveOrAbort');
    network.refuse(A, id, { code: 'not_primary', route: routeTo(B, 0, { epoch: 2 }) });
    network.refuse(B, network.one(B, 'resolveOrAbort').id, { code: 'overloaded' });
    network.pass(100);
    rollBack(network, B, network.one(B, 'resolveOrAbort').id);
    expect(told(outcome)).toBe('timeout not_applied');
  });

  test('a primary that is away: when there is one again', () => {
    const network = newConnected();
    const outcome = network.write(0, 10_000);
    network.sent(A, 'write');
    network.pass(9_400);
    network.close(A);
    network.pass(200);
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    network.refuse(B, network.one(B, 'resolveOrAbort').id, { code: 'too_few_sync_replicas' });
    expect(told(outcome)).toBe('too_few_sync_replicas not_applied');
  });

  test('a partition that has forgotten the client cannot say', () => {
    const network = newConnected();
    const outcome = newAsked(network);
    network.refuse(A, network.one(A, 'resolveOrAbort').id, { code: 'session_expired' });
    expect(told(outcome)).toBe('session_expired unknown');
  });
});

describe('a caller that waits no longer is told at once', () => {
  test("abort: unknown, nothing is asked, and what is answered later is nobody's", () => {
    const network = newConnected();
    const outcome = network.write(0);
    const { id } = network.one(A, 'write');
    network.machine.abort(outcome.pending, 'why', network.nowMs);
    expect(told(outcome)).toBe('aborted unknown');
    network.commit(A, id);
    network.pass(11_000);
    expect(told(outcome)).toBe('aborted unknown');
    expect(network.sent(A, 'resolveOrAbort')).toEqual([]);
    expect(network.busy).toBe(false);
  });

  test('abort of a write that is to be sent again: unknown, and it is not sent again', () => {
    const network = newConnected();
    const outcome = network.write(0);
    network.sent(A, 'write');
    network.close(A);
    network.machine.abort(outcome.pending, 'why', network.nowMs);
    expect(told(outcome)).toBe('aborted unknown');
    network.pass(2_000);
    network.open(A);
    expect([...network.sent(A, 'write'), ...network.sent(A, 'resolveOrAbort')]).toEqual([]);
  });

  test('also while it is asked for', () => {
    const network = newConnected();
    const [aborted, closed] = [network.write(0, 1_000), network.write(0, 1_000)];
    network.pass(920);
    const [question] = network.sent(A, 'resolveOrAbort');
    network.machine.abort(aborted.pending, 'why', network.nowMs);
    rollBack(network, A, question?.id ?? 0);
    network.machine.close();
    expect([aborted, closed].map(told)).toEqual(['aborted unknown', 'closed unknown']);
    expect([network.busy, network.hasHungUp(A)]).toEqual([false, true]);
  });
});
