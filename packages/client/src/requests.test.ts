import { GridError, LIMITS } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  CATALOG,
  FakeNetwork,
  newConnected,
  routeTo,
  routingOf,
  told,
  writeBody,
} from './fake-network.test-lib.ts';

const detailsOf = (outcome: { result: unknown }): Record<string, unknown> =>
  outcome.result instanceof GridError ? { ...outcome.result.details } : {};

describe('connecting', () => {
  test('asks an endpoint, then dials every container that has a primary', () => {
    const network = new FakeNetwork();
    network.start();
    expect(network.dialled).toEqual([CATALOG]);
    network.open(CATALOG);
    expect(network.one(CATALOG, 'routingRequest').grid).toBe('shop');
    expect(network.connected).toBeUndefined();
    network.deliver(CATALOG, routingOf([routeTo(A, 0), routeTo(B, 2)]));
    expect(network.connected).toBe('yes');
    expect(network.dialled).toEqual([CATALOG, A, B]);
  });

  test('a silent endpoint does not keep the next one waiting', () => {
    const network = new FakeNetwork({}, [CATALOG, A]);
    network.start();
    network.pass(600);
    expect([...network.dialled].sort()).toEqual([A, CATALOG]);
  });

  test('fails at the deadline, naming every endpoint and why', () => {
    const network = new FakeNetwork({ connectTimeoutMs: 2_000 }, [CATALOG, A]);
    network.start();
    for (let step = 0; step < 100; step += 1) {
      if (network.isDialled(CATALOG)) network.close(CATALOG, 'connection refused');
      network.pass(20);
    }
    expect(network.connected).toBeInstanceOf(GridError);
    const error = network.connected as GridError;
    expect([error.code, error.outcome]).toEqual(['unavailable', 'not_applied']);
    const endpoints = error.details.endpoints as { url: string; reason: string }[];
    expect(endpoints).toContainEqual({ url: CATALOG, reason: 'connection refused' });
    expect(endpoints).toContainEqual({ url: A, reason: 'no answer' });
  });

  test('an unknown grid ends it at once', () => {
    const network = new FakeNetwork();
    network.start();
    network.open(CATALOG);
    network.deliver(CATALOG, { type: 'routingRefused', grid: 'shop', code: 14, reason: 'no such grid' });
    expect((network.connected as GridError).code).toBe('undefined_grid');
  });

  test('endpoints that all speak another protocol end it at once; one that may answer yet does not', () => {
    const network = new FakeNetwork({}, [CATALOG, A]);
    network.start();
    network.pass(1_000);
    network.close(CATALOG, 'protocol_version: catalog speaks 9 to 9');
    expect(network.connected).toBeUndefined();
    network.close(A, 'protocol_version: a speaks 9 to 9');
    expect((network.connected as GridError).code).toBe('protocol_version');
  });

  test('is busy while somebody waits: for the connect, and for an answer', () => {
    const network = new FakeNetwork();
    expect(network.busy).toBe(false);
    network.start();
    expect(network.busy).toBe(true);
    network.open(CATALOG);
    network.deliver(CATALOG, routingOf([routeTo(A, 0)]));
    expect([network.connected, network.busy]).toEqual(['yes', false]);
  });

  test('dials again with a growing pause, never in a hurry', () => {
    const network = newConnected();
    for (let step = 0; step < 1_500; step += 1) {
      if (network.isDialled(A)) network.close(A, 'refused');
      network.pass(20);
    }
    const dials = network.dialled.filter((url) => url === A).length;
    // 30 s: with pauses that grow to 5 s at most and 2.5 s on average there are more than 6 and fewer than 60.
    expect(dials).toBeGreaterThan(6);
    expect(dials).toBeLessThan(60);
  });

  test('when the source is lost, a container tells the routing', () => {
    const network = newConnected();
    network.close(CATALOG);
    network.sent(A, 'routingRequest');
    network.deliver(A, routingOf([routeTo(B, 0, { epoch: 2 })]));
    expect(network.machine.routes.routeOf(0 as never)?.primary).toBe('b');
    // One asked a second source before, so there was no moment without.
    expect(network.events.filter(({ type }) => type === 'connected')).toHaveLength(2);
  });
});

describe('routes', () => {
  test('never go back within a generation', () => {
    const network = newConnected();
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 3 })]));
    network.deliver(A, routingOf([routeTo(A, 0, { epoch: 2 })]));
    network.deliver(A, routingOf([routeTo(A, 0, { epoch: 3, version: 2 })]));
    network.write(0);
    expect(network.one(B, 'write').epoch).toBe(3);
  });

  test('an older generation, or another with the same counter, is ignored; a newer one replaces all', () => {
    const network = newConnected();
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 1 })], { generation: '2-y' }));
    network.deliver(CATALOG, routingOf([routeTo(A, 0, { epoch: 9 })], { generation: '1-x' }));
    network.deliver(CATALOG, routingOf([routeTo(A, 0, { epoch: 9 })], { generation: '2-z' }));
    expect(network.machine.routes.routeOf(0 as never)).toMatchObject({ primary: 'b', epoch: 1 });
    expect(network.machine.routes.routeOf(1 as never)).toBeUndefined();
  });

  test('a grid that was started anew is believed once nobody of the old one is left', () => {
    const network = newConnected();
    network.close(A);
    network.close(B);
    network.deliver(CATALOG, routingOf([routeTo('ws://n:1', 0)], { generation: '1-new' }));
    expect(network.machine.routes.routeOf(0 as never)?.primary).toBe('n');
  });

  test('not_primary with a newer route is followed at once, in order, without raising attempt of the refused', () => {
    const network = newConnected();
    const outcomes = [network.write(0), network.write(0)];
    const [first, second] = network.sent(A, 'write');
    network.refuse(A, first?.id ?? 0, { code: 'not_primary', route: routeTo(B, 0, { epoch: 2 }) });
    const again = network.sent(B, 'write');
    // The second was not refused yet: it may have reached a primary, for all we know.
    expect(again.map(({ seq, attempt, epoch }) => [seq, attempt, epoch])).toEqual([
      [1, 1, 2],
      [2, 2, 2],
    ]);
    network.refuse(A, second?.id ?? 0, { code: 'not_primary', route: routeTo(B, 0, { epoch: 2 }) });
    expect(network.sent(B, 'write')).toEqual([]);
    for (const { id } of again) network.commit(B, id);
    expect(outcomes.map(told)).toEqual(['committed', 'committed']);
  });
});

describe('retry', () => {
  test('seq is dense from 1 for writes of a partition, ackedBelow follows the answers', () => {
    const network = newConnected();
    for (let count = 0; count < 3; count += 1) network.write(0);
    network.read(0);
    network.write(1);
    const writes = network.sent(A, 'write');
    expect(writes.map(({ partition, seq, ackedBelow }) => [partition, seq, ackedBelow])).toEqual([
      [0, 1, 1],
      [0, 2, 1],
      [0, 3, 1],
      [1, 1, 1],
    ]);
    network.commit(A, writes[1]?.id ?? 0);
    network.write(0);
    expect(network.one(A, 'write')).toMatchObject({ seq: 4, ackedBelow: 1 });
    network.commit(A, writes[0]?.id ?? 0);
    network.write(0);
    expect(network.one(A, 'write')).toMatchObject({ seq: 5, ackedBelow: 3 });
  });

  test('a lost connection: the same seq, attempt raised, in order, before anything new', () => {
    const network = newConnected();
    network.write(0);
    network.write(0);
    network.sent(A, 'write');
    network.close(A);
    network.write(0);
    network.pass(5_000);
    expect(network.sent(A, 'write')).toEqual([]);
    network.open(A);
    expect(network.sent(A, 'write').map(({ seq, attempt }) => [seq, attempt])).toEqual([
      [1, 2],
      [2, 2],
      [3, 1],
    ]);
  });

  test('a route of a higher epoch sends again at once what a stopped primary has; only its "committed" counts then', () => {
    const network = newConnected();
    const [first, second] = [network.write(0), network.write(0)];
    const old = network.sent(A, 'write');
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    const again = network.sent(B, 'write');
    expect(again.map(({ seq, attempt, epoch }) => [seq, attempt, epoch])).toEqual([
      [1, 2, 2],
      [2, 2, 2],
    ]);
    // The old primary wakes: its refusal says nothing, its commitment counts.
    network.refuse(A, old[0]?.id ?? 0, { code: 'version_conflict' });
    expect(told(first)).toBe('pending');
    network.commit(A, old[1]?.id ?? 0);
    expect(told(second)).toBe('committed');
    network.refuse(B, again[0]?.id ?? 0, { code: 'version_conflict' });
    expect(told(first)).toBe('version_conflict not_applied');
    // Late answers to what is done are nothing.
    network.commit(A, old[0]?.id ?? 0);
    network.commit(B, again[1]?.id ?? 0);
  });

  test('"there was nothing to delete" of an older attempt does not count: the next one may find something', () => {
    const network = newConnected();
    const outcome = network.write(0);
    const old = network.one(A, 'write').id;
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    const again = network.one(B, 'write').id;
    network.deliver(A, { type: 'writeAnswer', id: old, epoch: 1 as never, lsn: 0, applied: false });
    expect(told(outcome)).toBe('pending');
    network.commit(B, again);
    expect(told(outcome)).toBe('committed');
  });

  test('a newer version of the same epoch sends nothing again', () => {
    const network = newConnected();
    network.write(0);
    network.sent(A, 'write');
    network.deliver(CATALOG, routingOf([routeTo(A, 0, { epoch: 1, version: 2 })]));
    expect(network.sent(A, 'write')).toEqual([]);
  });

  test.each(['not_primary', 'overloaded', 'unavailable'] as const)(
    '%s: again after a pause, the same attempt',
    (code) => {
      const network = newConnected();
      const outcome = network.write(0);
      for (let round = 0; round < 5; round += 1) {
        const { id, seq, attempt } = network.one(A, 'write');
        expect([seq, attempt]).toEqual([1, 1]);
        network.refuse(A, id, { code });
        expect(network.sent(A, 'write')).toEqual([]);
        network.pass(600);
      }
      network.commit(A, network.one(A, 'write').id);
      expect(told(outcome)).toBe('committed');
    },
  );

  test('an unknown outcome: again with the next attempt', () => {
    const network = newConnected();
    network.write(0);
    network.refuse(A, network.one(A, 'write').id, { code: 'timeout' });
    network.pass(600);
    expect(network.one(A, 'write')).toMatchObject({ seq: 1, attempt: 2 });
  });

  test.each(['too_few_sync_replicas', 'replication_voted_to_rollback', 'version_conflict'] as const)(
    '%s reaches the caller at once, with its details',
    (code) => {
      const network = newConnected();
      const outcome = network.write(0);
      network.refuse(A, network.one(A, 'write').id, { code, details: { required: 2 } });
      expect(told(outcome)).toBe(`${code} not_applied`);
      expect(detailsOf(outcome)).toMatchObject({ required: 2, partition: 0 });
    },
  );

  test('what waits for a pause does not overtake what is sent again', () => {
    const network = newConnected();
    network.write(0);
    network.refuse(A, network.one(A, 'write').id, { code: 'overloaded' });
    network.write(0);
    network.pass(600);
    expect(network.sent(A, 'write').map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('one container does not delay the others', () => {
  test('lost, refusing or silent: requests to the other leave at once', () => {
    const network = newConnected();
    for (let count = 0; count < 2_000; count += 1) network.write(0);
    network.close(A);
    const outcome = network.write(2);
    network.commit(B, network.one(B, 'write').id);
    expect(told(outcome)).toBe('committed');
  });
});

describe('limits', () => {
  test('at most so many outstanding in a partition; the others wait in order', () => {
    const network = newConnected();
    const { outstandingPerPartitionMax } = LIMITS;
    for (let count = 0; count < outstandingPerPartitionMax + 2; count += 1) network.write(0);
    const writes = network.sent(A, 'write');
    expect(writes).toHaveLength(outstandingPerPartitionMax);
    // The window is over seqs: an answer in its middle makes no room.
    network.commit(A, writes[5]?.id ?? 0);
    expect(network.sent(A, 'write')).toEqual([]);
    network.commit(A, writes[0]?.id ?? 0);
    expect(network.sent(A, 'write').map(({ seq }) => seq)).toEqual([outstandingPerPartitionMax + 1]);
  });

  test('beyond maxPendingBytes calls wait in order, then fail with overloaded', () => {
    const network = newConnected({ maxPendingBytes: 3_000 });
    const body = writeBody('set', new Uint8Array(1_000));
    const outcomes = Array.from({ length: 4 }, (_, index) => network.submit(index, body, 1_000 * (index + 1)));
    expect(network.sent(A, 'write')).toHaveLength(2);
    expect(network.sent(B, 'write')).toHaveLength(0);
    network.commit(A, 1);
    expect(network.sent(B, 'write').map(({ partition }) => partition)).toEqual([2]);
    network.pass(2_010);
    expect(outcomes.map(told)).toEqual(['committed', 'timeout unknown', 'pending', 'pending']);
    expect(network.sent(B, 'write').map(({ partition }) => partition)).toEqual([3]);
  });

  test('overloaded at the deadline if there never was room', () => {
    const network = newConnected({ maxPendingBytes: 1_500 });
    const body = writeBody('set', new Uint8Array(1_000));
    network.submit(0, body);
    const outcome = network.submit(2, body, 500);
    network.pass(510);
    expect(told(outcome)).toBe('overloaded not_applied');
    expect(network.sent(B, 'write')).toEqual([]);
  });

  test('one larger than the limit goes alone', () => {
    const network = newConnected({ maxPendingBytes: 10 });
    network.write(0);
    expect(network.sent(A, 'write')).toHaveLength(1);
  });
});

describe('deadlines', () => {
  test('sent and unanswered: timeout, unknown for a write, not applied for a read', () => {
    const network = newConnected();
    const [write, read] = [network.write(0, 1_000), network.read(0, 1_000)];
    network.pass(980);
    expect([told(write), told(read)]).toEqual(['pending', 'pending']);
    network.pass(40);
    expect([told(write), told(read)]).toEqual(['timeout unknown', 'timeout not_applied']);
    expect(detailsOf(write)).toMatchObject({ partition: 0, container: 'a', deadlineMs: 1_000, attempts: 1 });
  });

  test('given up: its seq counts as answered', () => {
    const network = newConnected();
    network.write(0, 100);
    network.sent(A, 'write');
    network.pass(200);
    network.write(0);
    expect(network.one(A, 'write')).toMatchObject({ seq: 2, ackedBelow: 2 });
  });

  test('never sent because there is no primary: unavailable, not applied, with the reason', () => {
    const network = newConnected();
    network.deliver(CATALOG, routingOf([routeTo('', 0, { epoch: 1, version: 2 })]));
    const outcome = network.write(0, 500);
    network.pass(510);
    expect(told(outcome)).toBe('unavailable not_applied');
    expect(detailsOf(outcome).reason).toBe('the partition has no primary');
  });

  test('refused to the end: unavailable, with what was said; lost after sending: timeout', () => {
    const network = newConnected();
    const refused = network.write(0, 300);
    network.refuse(A, network.one(A, 'write').id, { code: 'unavailable', details: { why: 'no lease' } });
    const lost = network.write(2, 300);
    network.sent(B, 'write');
    network.close(B);
    for (let step = 0; step < 16; step += 1) {
      for (const { id } of network.sent(A, 'write'))
        network.refuse(A, id, { code: 'unavailable', details: { why: 'no lease' } });
      network.pass(20);
    }
    expect([told(refused), told(lost)]).toEqual(['unavailable not_applied', 'timeout unknown']);
    expect(detailsOf(refused)).toMatchObject({ why: 'no lease' });
  });

  test('the server gives up first, and what it knows reaches the caller', () => {
    const network = newConnected();
    const outcome = network.read(0, 1_000);
    const { id, ttlMs } = network.one(A, 'read');
    expect(ttlMs).toBeLessThan(1_000);
    network.pass(ttlMs + 20);
    network.refuse(A, id, { code: 'timeout', details: { key: 'undecided' } });
    expect(told(outcome)).toBe('timeout not_applied');
    expect(detailsOf(outcome)).toMatchObject({ key: 'undecided' });
  });

  test('an unplaceable partition fails at once, also those that wait already', () => {
    const network = new FakeNetwork();
    network.start();
    network.open(CATALOG);
    network.deliver(CATALOG, routingOf([]));
    const before = network.write(0);
    expect(told(before)).toBe('pending');
    network.deliver(CATALOG, routingOf([], { unplaceable: '3 containers on 1 host' }));
    const after = network.write(1);
    for (const outcome of [before, after]) {
      expect(told(outcome)).toBe('unavailable not_applied');
      expect(detailsOf(outcome).reason).toBe('3 containers on 1 host');
    }
  });

  test('10,000 calls that fail together do not exhaust the stack', () => {
    const network = new FakeNetwork();
    network.start();
    network.open(CATALOG);
    network.deliver(CATALOG, routingOf([]));
    const outcomes = Array.from({ length: 10_000 }, () => network.write(0));
    network.deliver(CATALOG, routingOf([], { unplaceable: 'no hosts' }));
    expect(outcomes.every((outcome) => told(outcome) === 'unavailable not_applied')).toBe(true);
  });
});

describe("onUnavailable 'fail'", () => {
  test('fails at once while the primary cannot be reached, but for a write in doubt', () => {
    const network = newConnected({ onUnavailable: 'fail' });
    const [inDoubt, read] = [network.write(0), network.read(0)];
    network.close(A, 'reset');
    const later = network.write(1);
    expect([inDoubt, read, later].map(told)).toEqual(['pending', 'unavailable not_applied', 'unavailable not_applied']);
    expect(told(network.write(2))).toBe('pending');
    network.deliver(CATALOG, routingOf([routeTo(B, 0, { epoch: 2 })]));
    expect(network.sent(B, 'write').map(({ seq, attempt }) => [seq, attempt])).toContainEqual([1, 2]);
  });

  test('the first dial is waited for', () => {
    const network = new FakeNetwork({ onUnavailable: 'fail' });
    network.start();
    network.open(CATALOG);
    network.deliver(CATALOG, routingOf([routeTo(A, 0)]));
    const outcome = network.write(0);
    expect(told(outcome)).toBe('pending');
    network.open(A);
    network.commit(A, network.one(A, 'write').id);
    expect(told(outcome)).toBe('committed');
  });
});

describe('giving up', () => {
  test('abort: not applied if never sent or a read, else unknown', () => {
    const network = newConnected();
    const [write, read] = [network.write(0), network.read(0)];
    network.close(B);
    const waiting = network.write(2);
    for (const { pending } of [write, read, waiting]) network.machine.abort(pending, 'why', network.nowMs);
    expect([write, read, waiting].map(told)).toEqual(['aborted unknown', 'aborted not_applied', 'aborted not_applied']);
    // A write that was never sent has used up no seq.
    network.pass(5_000);
    network.open(B);
    network.write(2);
    expect(network.one(B, 'write').seq).toBe(1);
  });

  test('close: everything ends, connections are hung up, later calls are refused', () => {
    const network = newConnected({ maxPendingBytes: 200 });
    const outcomes = [network.write(0), network.write(2)];
    network.machine.close();
    outcomes.push(network.write(0));
    expect(outcomes.map(told)).toEqual(['closed unknown', 'closed not_applied', 'closed not_applied']);
    expect([CATALOG, A, B].map((url) => network.hasHungUp(url))).toEqual([true, true, true]);
    expect(network.events.at(-1)).toEqual({ type: 'closed' });
    network.close(A);
    network.pass(10_000);
  });
});
