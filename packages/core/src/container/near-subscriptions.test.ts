import { expect, test } from 'vitest';
import { asConnectionId, asMapId, type Lsn } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { NearChanges, OperationKind } from '../messages.ts';
import { appendRecord, tryDecide } from '../replication/primary.ts';
import { type PrimaryRig, partition, primaryWithJoiner } from '../replication/primary-rig.test-lib.ts';
import { NearSubscriptions } from './near-subscriptions.ts';

const X = asConnectionId(1);
const Y = asConnectionId(2);
const MAP = asMapId(0);

/** One primary, its near caches, and what they are sent. */
class Rig {
  readonly primary: PrimaryRig = primaryWithJoiner();
  readonly sent: NearChanges[] = [];
  readonly near: NearSubscriptions;
  nowMs = 1;

  constructor() {
    const ports = { ...this.primary.ports, nowMs: () => this.nowMs };
    const shardOf = () => this.primary.shard;
    this.near = new NearSubscriptions({ ports, shardOf, send: (_, message) => this.sent.push(message) });
  }

  poll(afterLsn: Lsn, connection = X, map = MAP): NearChanges | undefined {
    this.near.onPoll(connection, {
      ...{ type: 'nearPoll', partition, epoch: 1, map, lineage: 'l', afterLsn, sentMs: 5 },
    });
    return this.sent.at(-1);
  }

  write(keys: readonly Uint8Array[], { kind = 'set' as OperationKind, map = MAP } = {}): void {
    const { shard, primary, ports } = this.primary;
    const operations = keys.map((key) => ({
      ...{ kind, key, value: new Uint8Array(1), ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0, mapOffset: 0 },
    }));
    appendRecord(shard, primary, { kind: 'write', clientId: '', seq: 1, ackedBelow: 0, map, aborted: [], operations });
    tryDecide(shard, ports);
  }

  /** @returns what was sent in it. */
  endTurn(): NearChanges[] {
    const before = this.sent.length;
    this.near.flush();
    return this.sent.slice(before);
  }
}

const key = (fill: number, bytes = 1): Uint8Array => new Uint8Array(bytes).fill(fill);
const range = ({ fromLsn, toLsn }: NearChanges): string => `${fromLsn}..${toLsn}`;

test('what changes nothing in its map is told nobody, and lies in the next range', () => {
  const rig = new Rig();
  rig.poll(0);
  rig.write([key(1)], { map: asMapId(1) });
  expect(rig.endTurn()).toEqual([]);
  rig.write([key(2)]);
  const [told] = rig.endTurn();
  expect(told && range(told)).toBe('1..2');
  expect(told?.keys).toEqual([key(2)]);
});

test('who was answered something is told of the range up to it', () => {
  const rig = new Rig();
  rig.poll(0);
  rig.poll(0, Y);
  rig.write([key(1)], { map: asMapId(1) });
  rig.near.onAnswered(X, partition);
  expect(rig.endTurn().map(range)).toEqual(['1..1']);
  rig.near.onAnswered(X, partition);
  expect(rig.endTurn()).toEqual([]);
});

test('who was told less is told more, and all of one map the same', () => {
  const rig = new Rig();
  rig.poll(0);
  rig.write([key(1)], { map: asMapId(1) });
  rig.endTurn();
  rig.poll(0, Y);
  rig.write([key(2)]);
  rig.endTurn();
  expect(rig.sent.slice(-2).map(range)).toEqual(['1..2', '2..2']);
});

test('too many keys are all keys', () => {
  const rig = new Rig();
  rig.poll(0);
  for (let index = 0; index < 100; index++) rig.write([key(index, LIMITS.keyBytesMax)]);
  const [told] = rig.endTurn();
  expect([told?.allKeys, told?.keys.length, told && range(told)]).toEqual([true, 0, '1..100']);
});

test('who acknowledges nothing is told no more, and goes on when it does, without a gap', () => {
  const rig = new Rig();
  rig.poll(0);
  let bytes = 0;
  for (let index = 0; index < 1_000; index++) {
    rig.write([key(index, 4_000)]);
    for (const { keys } of rig.endTurn()) for (const { length } of keys) bytes += length;
  }
  expect(bytes).toBeGreaterThan(LIMITS.nearUnackedBytes / 2);
  expect(bytes).toBeLessThan(LIMITS.nearUnackedBytes * 1.1);
  const held = rig.poll(0);
  // It lives, and what it is told is not fresh.
  expect([held?.fresh, held?.keys.length]).toEqual([false, 0]);
  const last = rig.sent.at(-1)?.toLsn ?? 0;
  const next = rig.poll(last);
  expect([next?.fromLsn, next?.toLsn, next?.fresh, next?.allKeys]).toEqual([last + 1, 1_000, true, true]);
});

test('what the log holds no more leaves a gap', () => {
  const rig = new Rig();
  rig.poll(0);
  for (let index = 0; index < 5; index++) rig.write([key(index)]);
  rig.near.onClose(X);
  rig.primary.shard.log.trimTo(3);
  expect([rig.poll(2)].map((told) => told && range(told))).toEqual(['6..5']);
  rig.near.onClose(X);
  expect([rig.poll(3)].map((told) => told && range(told))).toEqual(['4..5']);
});

test('who is silent is forgotten, and who has gone at once', () => {
  const rig = new Rig();
  rig.poll(0);
  rig.poll(0, Y);
  rig.poll(0, Y, asMapId(1));
  expect(rig.near.count).toBe(3);
  rig.near.onClose(Y);
  expect(rig.near.count).toBe(1);
  rig.nowMs += 31_000;
  rig.write([key(1)]);
  expect(rig.endTurn()).toEqual([]);
  expect(rig.near.count).toBe(0);
});

test('another primary knows nobody', () => {
  const rig = new Rig();
  rig.poll(0);
  rig.primary.shard.primary = undefined;
  rig.endTurn();
  expect(rig.near.count).toBe(0);
  const before = rig.sent.length;
  rig.poll(0);
  expect(rig.sent).toHaveLength(before);
});
