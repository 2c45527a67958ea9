import {
  asMapId,
  asPartitionId,
  encodeKey,
  type Mutation,
  type NearChanges,
  NO_BYTES,
  type Operation,
} from '@ostraca/core';
import { expect, test } from 'vitest';
import { A, B, type FakeNetwork, newConnected, routeTo, routingOf, told } from '../fake-network.test-lib.ts';
import type { Fill, NearCache } from './near-cache.ts';

const MAP = asMapId(0);
const P = asPartitionId(0);
const MAX_STALE_MS = 1_000;

/** A near cache of partition 0, and its client. */
class Near {
  readonly network: FakeNetwork;
  readonly cache: NearCache;
  /** What the primary said that it had told. */
  toldLsn = 10;

  constructor(mutations: readonly Mutation[] = [], maxBytes = 100_000) {
    this.network = newConnected({}, mutations);
    const cache = this.network.machine.near.of('orders', { maxBytes, maxStaleMs: MAX_STALE_MS });
    if (cache === undefined) throw new Error('no cache');
    this.cache = cache;
  }

  /** A miss: registers and subscribes. */
  begin(key: string): Fill {
    const fill = this.cache.begin(key, { partition: P, map: MAP }, this.network.nowMs);
    if (fill === undefined) throw new Error('no fill');
    return fill;
  }

  end(fill: Fill, lsn: number, value = 'v', expireAtMs = 0): void {
    const entry = { found: true, value: NO_BYTES, epoch: 1, lsn, expireAtMs };
    this.cache.end(fill, { entry, lsn, content: value, contentBytes: value.length });
  }

  put(key: string, lsn: number, value = 'v', expireAtMs = 0): void {
    this.end(this.begin(key), lsn, value, expireAtMs);
  }

  get(key: string): unknown {
    return this.cache.lookup(key, this.network.nowMs)?.content;
  }

  /** What changed, after what was told before; answers the last poll if there is one. */
  change(keys: readonly string[], changes: Partial<NearChanges> = {}, url = A): void {
    const [poll] = this.network.sent(url, 'nearPoll').slice(-1);
    const fromLsn = this.toldLsn + 1;
    const toLsn = changes.toLsn ?? (keys.length === 0 ? this.toldLsn : this.toldLsn + 1);
    this.toldLsn = toLsn;
    this.network.deliver(url, {
      ...{ type: 'nearChanges', partition: P, epoch: 1, map: MAP, fromLsn, toLsn, allKeys: false },
      ...{ keys: keys.map(encodeKey), clockMs: 0, fresh: poll !== undefined, sentMs: poll?.sentMs ?? 0 },
      ...changes,
    });
  }

  /** Time passes, with a poll that is answered in each step. */
  passFresh(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.network.pass(100);
      this.change([]);
    }
  }
}

/** One entry, read at lsn 10. */
function newFilled(mutations: readonly Mutation[] = []): Near {
  const near = new Near(mutations);
  const fill = near.begin('k');
  near.change([]);
  near.end(fill, 10, 'one');
  return near;
}

const written = (kind: Operation['kind'], key: string): Operation => ({
  ...{ kind, key: kind === 'clear' ? NO_BYTES : encodeKey(key), value: NO_BYTES },
  ...{ ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0, mapOffset: 0 },
});

test('a miss subscribes, its answer is kept, a change takes it away', () => {
  const near = newFilled();
  expect(near.get('k')).toBe('one');
  near.change(['other']);
  expect(near.get('k')).toBe('one');
  near.change(['k']);
  expect(near.get('k')).toBeUndefined();
});

test('nothing is served before the first word, nor put in that was read before it', () => {
  const near = new Near();
  const early = near.begin('early');
  near.end(early, 9);
  const fill = near.begin('k');
  near.change([]);
  near.end(fill, 9, 'older than the subscription');
  expect([near.get('early'), near.get('k')]).toEqual([undefined, undefined]);
  near.put('k', 10, 'one');
  expect(near.get('k')).toBe('one');
});

test('an answer that is older than a change that came meanwhile is not put in', () => {
  const near = newFilled();
  const [slow, fast] = [near.begin('j'), near.begin('j')];
  near.change(['j']);
  near.end(slow, 10, 'before the change');
  expect(near.get('j')).toBeUndefined();
  near.end(fast, 11, 'after it');
  expect(near.get('j')).toBe('after it');
});

test('the mutant puts it in: the test can fail', () => {
  const near = newFilled(['nearFillsLate']);
  const slow = near.begin('j');
  near.change(['j']);
  near.end(slow, 10, 'before the change');
  expect(near.get('j')).toBe('before the change');
});

test('an entry that was read after a change is not taken away by the word of it', () => {
  const near = newFilled();
  near.put('j', 11, 'after it');
  near.change(['j']);
  expect(near.get('j')).toBe('after it');
});

test('a gap takes everything away that was read before, also what is on its way', () => {
  const near = newFilled();
  const fill = near.begin('j');
  near.change([], { fromLsn: 13, toLsn: 14 });
  near.end(fill, 10);
  expect([near.get('k'), near.get('j')]).toEqual([undefined, undefined]);
  near.put('k', 14, 'two');
  expect(near.get('k')).toBe('two');
});

test('so does a range that begins too early', () => {
  const near = newFilled();
  near.change([], { fromLsn: 8, toLsn: 11 });
  expect(near.get('k')).toBeUndefined();
});

test('all keys: the map was cleared', () => {
  const near = newFilled();
  const fill = near.begin('j');
  near.change([], { allKeys: true, toLsn: 11 });
  near.end(fill, 10);
  expect([near.get('k'), near.get('j')]).toEqual([undefined, undefined]);
});

test('nothing is served longer than maxStale after the poll that was vouched for was sent', () => {
  const near = newFilled();
  near.passFresh(5_000);
  expect(near.get('k')).toBe('one');
  near.network.pass(300);
  const sentMs = near.network.sent(A, 'nearPoll').at(-1)?.sentMs ?? 0;
  near.change([], { fresh: true, sentMs });
  near.network.pass(sentMs + MAX_STALE_MS - near.network.nowMs);
  expect(near.get('k')).toBe('one');
  near.network.pass(1);
  expect(near.get('k')).toBeUndefined();
  // A word that lay somewhere counts from when it was asked for, and one that nobody vouches for counts nothing.
  near.change([], { fresh: true, sentMs: near.network.nowMs - MAX_STALE_MS - 1 });
  near.change([], { fresh: false, sentMs: near.network.nowMs });
  expect(near.get('k')).toBeUndefined();
  near.change([], { fresh: true, sentMs: near.network.nowMs });
  expect(near.get('k')).toBe('one');
});

test('a partition that nobody reads is polled no more, and goes on where it was', () => {
  const near = newFilled();
  near.get('k');
  near.network.pass(9_000);
  expect(near.network.sent(A, 'nearPoll').length).toBeGreaterThan(30);
  near.network.pass(5_000);
  near.network.sent(A, 'nearPoll');
  near.network.pass(5_000);
  expect(near.network.sent(A, 'nearPoll')).toEqual([]);
  expect(near.get('k')).toBeUndefined();
  near.begin('k');
  expect(near.network.one(A, 'nearPoll').afterLsn).toBe(10);
});

test('a connection that is lost is polled anew, from where it was; what an old one still says is not heard', () => {
  const near = newFilled();
  near.network.sent(A, 'nearPoll');
  near.network.close(A);
  expect(near.get('k')).toBe('one');
  near.network.pass(2_000);
  near.network.open(A);
  near.network.pass(20);
  const poll = near.network.one(A, 'nearPoll');
  expect(poll).toMatchObject({ afterLsn: 10, lineage: 'l1' });
  near.change(['k'], { fresh: true, sentMs: poll.sentMs });
  expect(near.get('k')).toBeUndefined();
});

test('a new primary of the same history goes on; one of another history takes everything away', () => {
  const near = newFilled();
  near.network.sent(A, 'nearPoll');
  near.network.deliver(A, routingOf([routeTo(B, 0, { epoch: 2 })]));
  near.network.pass(20);
  expect(near.network.one(B, 'nearPoll')).toMatchObject({ epoch: 2, afterLsn: 10 });
  // The old one is not listened to.
  near.change(['k']);
  near.toldLsn = 10;
  expect(near.get('k')).toBe('one');
  near.change(['j'], { epoch: 2 }, B);
  expect(near.get('k')).toBe('one');
  const fill = near.begin('j');
  near.network.deliver(A, routingOf([routeTo(B, 0, { epoch: 3, lineage: 'l2' })]));
  near.network.pass(20);
  expect(near.network.one(B, 'nearPoll')).toMatchObject({ epoch: 3, lineage: 'l2', afterLsn: 0 });
  near.change([], { epoch: 3 }, B);
  near.end(fill, 11);
  expect([near.get('k'), near.get('j')]).toEqual([undefined, undefined]);
});

test('nothing is served that lies before what this client has seen of the partition', () => {
  const near = newFilled();
  near.passFresh(100);
  const write = near.network.write(0);
  near.network.deliver(A, {
    type: 'writeAnswer',
    id: near.network.one(A, 'write').id,
    epoch: 1,
    lsn: 11,
    applied: true,
  });
  expect(told(write)).toBe('committed');
  expect(near.get('k')).toBeUndefined();
  near.change([], { toLsn: 11 });
  expect(near.get('k')).toBe('one');
});

test("a client's own write takes its entry away before it is answered, whatever becomes of it", () => {
  for (const end of [
    (near: Near) => near.cache.onWritten([written('set', 'k')], { partition: P, map: MAP }, 11),
    (near: Near) => near.cache.onWritten([written('insert', 'k')], { partition: P, map: MAP }, undefined),
    (near: Near) => near.cache.onWritten([written('clear', '')], { partition: P, map: MAP }, undefined),
  ]) {
    const near = newFilled();
    const fill = near.begin('k');
    end(near);
    near.end(fill, 10, 'as it was before');
    expect(near.get('k')).toBeUndefined();
    near.put('k', 11, 'two');
    near.change([], { toLsn: 11 });
    expect(near.get('k')).toBe('two');
  }
});

test('a key that is being read all the time is kept again after a refused write', () => {
  const near = newFilled();
  const before = near.begin('j');
  near.cache.onWritten([written('insert', 'j')], { partition: P, map: MAP }, undefined);
  const after = near.begin('j');
  near.end(before, 10, 'before');
  expect(near.get('j')).toBeUndefined();
  near.end(after, 10, 'after');
  expect(near.get('j')).toBe('after');
});

test('what was seen without an lsn is waited for', () => {
  const near = newFilled();
  near.network.pass(40);
  near.cache.mistrust({ partition: P, map: MAP });
  near.cache.mistrust({ partition: P, map: MAP });
  expect(near.get('k')).toBeUndefined();
  // This poll was sent before.
  near.change([]);
  expect(near.get('k')).toBeUndefined();
  near.network.pass(20);
  near.change([]);
  expect(near.get('k')).toBe('one');
});

test('an entry with a time to live is served until the partition clock, as it was told last, comes to its end', () => {
  const near = newFilled();
  near.put('t', 10, 'short', 5_000);
  near.change([], { clockMs: 4_999 });
  expect(near.get('t')).toBe('short');
  near.change([], { clockMs: 5_000 });
  expect(near.get('t')).toBeUndefined();
  expect(near.get('k')).toBe('one');
});

test('keys of all kinds are themselves', () => {
  const near = newFilled();
  const keys = ['1', 1, 1n, true, new Uint8Array([1]), ['1'], ['1', 2], [['1']]];
  for (const [index, key] of keys.entries()) {
    const fill = near.cache.begin(key, { partition: P, map: MAP }, near.network.nowMs);
    if (fill !== undefined) near.end(fill, 10, `v${index}`);
  }
  const found = keys.map((key) => near.cache.lookup(key, near.network.nowMs)?.content);
  expect(found).toEqual(keys.map((_, index) => `v${index}`));
  near.change([], { keys: [encodeKey(['1']), encodeKey(1n), new Uint8Array([99])], toLsn: 11 });
  expect(keys.map((key) => near.cache.lookup(key, near.network.nowMs) !== undefined)).toEqual([
    ...[true, true, false, true, true, false, true, true],
  ]);
  expect(near.cache.lookup(`\ud800${'\u0006'}`, near.network.nowMs)).toBeUndefined();
});

test('closed, it serves and keeps nothing', () => {
  const near = newFilled();
  near.network.machine.close();
  expect(near.get('k')).toBeUndefined();
  expect(near.cache.begin('k', { partition: P, map: MAP }, 0)).toBeUndefined();
  expect(near.cache.bytes).toBe(0);
});
