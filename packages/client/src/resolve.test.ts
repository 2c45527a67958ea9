// Goal: a write ends with an unknown outcome only when its deadline passes and no primary could say.
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

function abort(network: FakeNetwork, { pending }: Outcome): void {
  network.machine.abort(pending, 'why', network.nowMs);
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
  test('a lost connection: again when it is back; a higher epoch: to the new primary at once', () => {
    const network = newConnected();
    const outcome = network.write(0);
    network.sent(A, 'write');
    abort(network, outcome);
    network.sent(A, 'resolveOrAbort');
    network.close(A);
    network.pass(2_000);
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
    expect(told(outcome)).toBe('aborted not_applied');
  });

  test('not_primary with a newer route is followed; overloaded is asked again after a pause', () => {
    const network = newConnected();
    const outcome = network.write(0);
    network.sent(A, 'write');
    abort(network, outcome);
    const { id } = network.one(A, 'resolveOrAbort');
    network.refuse(A, id, { code: 'not_primary', route: routeTo(B, 0, { epoch: 2 }) });
    network.refuse(B, network.one(B, 'resolveOrAbort').id, { code: 'overloaded' });
    network.pass(600);
    rollBack(network, B, network.one(B, 'resolveOrAbort').id);
    expect(told(outcome)).toBe('aborted not_applied');
  });
});

describe('abort', () => {
  test('of a write that is out: not applied, or resolved if it took effect, or unknown at the deadline', () => {
    const network = newConnected();
    const outcomes = [network.write(0), network.write(0), network.write(0, 1_000)];
    network.sent(A, 'write');
    for (const outcome of outcomes) abort(network, outcome);
    const [first, second] = network.sent(A, 'resolveOrAbort');
    rollBack(network, A, first?.id ?? 0);
    network.commit(A, second?.id ?? 0);
    expect(outcomes.map(told)).toEqual(['aborted not_applied', 'committed', 'pending']);
    network.pass(1_020);
    expect(outcomes.map(told)).toEqual(['aborted not_applied', 'committed', 'aborted unknown']);
  });

  test('of a write in doubt whose primary is away: when there is one again', () => {
    const network = newConnected();
    const outcome = network.write(0);
    network.sent(A, 'write');
    network.close(A);
    abort(network, outcome);
    expect(told(outcome)).toBe('pending');
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    network.refuse(B, network.one(B, 'resolveOrAbort').id, { code: 'too_few_sync_replicas' });
    expect(told(outcome)).toBe('aborted not_applied');
  });

  test('a partition that has forgotten the client cannot say', () => {
    const network = newConnected();
    const outcome = network.write(0);
    network.sent(A, 'write');
    abort(network, outcome);
    network.refuse(A, network.one(A, 'resolveOrAbort').id, { code: 'session_expired' });
    expect(told(outcome)).toBe('aborted unknown');
  });
});

describe('leaving', () => {
  test('waits for writes that are out, and for nothing else', () => {
    const network = newConnected();
    const [write, read] = [network.write(0), network.read(0)];
    let isLeft = false;
    network.machine.leave(network.nowMs, () => {
      isLeft = true;
    });
    expect([write, read, network.write(0)].map(told)).toEqual(['pending', 'closed not_applied', 'closed not_applied']);
    expect([isLeft, network.busy, network.hasHungUp(A)]).toEqual([false, true, false]);
    rollBack(network, A, network.one(A, 'resolveOrAbort').id);
    expect(told(write)).toBe('closed not_applied');
    expect([isLeft, network.busy, network.hasHungUp(A)]).toEqual([true, false, true]);
    expect(network.events.at(-1)).toEqual({ type: 'closed' });
  });

  test('at the latest at the last deadline', () => {
    const network = newConnected();
    const write = network.write(0, 2_000);
    let isLeft = false;
    network.machine.leave(network.nowMs, () => {
      isLeft = true;
    });
    network.pass(2_020);
    expect([told(write), isLeft]).toEqual(['closed unknown', true]);
  });

  test('with nothing out: at once', () => {
    const network = newConnected();
    let isLeft = false;
    network.machine.leave(network.nowMs, () => {
      isLeft = true;
    });
    expect([isLeft, network.hasHungUp(A)]).toEqual([true, true]);
  });
});
