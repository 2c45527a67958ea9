/** Goal: whoever holds a lease gives it up, in real time, before whoever granted it takes it for ended. */
import { describe, expect, test } from 'vitest';
import { KEEP_ALL } from '../catalog/config.ts';
import { mapSetPolicy } from '../catalog/grid.test-lib.ts';
import { asConnectionId, asPartitionId } from '../ids.ts';
import { newFollower } from '../replication/follower.ts';
import { becomePrimary } from '../replication/primary.ts';
import { newShard, type Shard } from '../shard/shard.ts';
import { Leases } from './leases.ts';

const partition = asPartitionId(0);
const LEASE_MS = 3_000;
/** The farthest that two clocks may be apart in rate. */
const RATES = [0.99, 0.995, 1, 1.005, 1.01];
const connection = asConnectionId(1);

const rid = (container: string) => ({ container, incarnation: container, shardInc: 1 });

function shardOf(self: string): Shard {
  const config = {
    ...{ partition, epoch: 1, version: 1, lineage: 'l', primary: rid('p'), sync: [rid('p'), rid('r')], elr: [] },
    ...{ joining: [], async: [], leaving: [], keepLsn: KEEP_ALL, waitGrants: false, lost: false },
  };
  const shard = newShard({ rid: rid(self), policy: mapSetPolicy({}), config, hashSeed: 1, timesToLive: new Map() });
  if (self === 'p') becomePrimary(shard, config, 0).followers.set('r', newFollower(rid('r'), 0));
  else shard.opened = { connection, epoch: 1 };
  return shard;
}

/** Clocks start anywhere, and run at their rate of real time. */
const clock = (startMs: number, rate: number) => ({
  at: (realMs: number) => startMs + realMs * rate,
  real: (clockMs: number) => (clockMs - startMs) / rate,
});

describe.each(RATES)('a holder whose clock runs at %d', (holderRate) => {
  const holder = clock(7_000, holderRate);
  const sentAtMs = holder.at(100);

  test.each(RATES)('of a catalog whose clock runs at %d: its lease ends first, in real time', (grantorRate) => {
    const catalog = clock(500, grantorRate);
    const leases = new Leases(() => false);
    const shard = shardOf('p');
    const ack = {
      type: 'heartbeatAck',
      seq: 1,
      sentAtMs,
      leaseGen: 1,
      leases: [{ partition, epoch: 1, version: 1 }],
    } as const;
    leases.onHeartbeatAck(ack, new Map([[partition, shard]]), times(holder.at(400)));
    const heldUntil = holder.real(leases.catalogLeaseUntilMs(shard));
    // Received as soon as it was sent: the worst case.
    const grantedUntil = catalog.real(catalog.at(100) + LEASE_MS);
    expect(heldUntil).toBeLessThanOrEqual(grantedUntil + 1e-6);
    // And it is of use: it costs a few hundredths.
    expect(heldUntil - 100).toBeGreaterThan(0.95 * LEASE_MS);
  });

  test.each(RATES)('of a replica whose clock runs at %d: its promise ends last, in real time', (grantorRate) => {
    const grantor = clock(90_000, grantorRate);
    const ping = { type: 'leasePing', sentAtMs, leaseGen: 1, partitions: [partition], epochs: [1] } as const;
    const replica = new Leases(() => false);
    const receivedMs = grantor.at(100);
    const grant = replica.onPing(ping, connection, new Map([[partition, shardOf('r')]]), {
      nowMs: receivedMs,
      leaseMs: LEASE_MS,
    });
    const shard = shardOf('p');
    new Leases(() => false).onGrant(grant, 'r', new Map([[partition, shard]]), times(holder.at(400)));
    const heldUntil = holder.real(shard.primary?.followers.get('r')?.grantUntilMs ?? Number.NaN);
    expect(heldUntil).toBeLessThanOrEqual(grantor.real(replica.grantedUntilMs(partition)) + 1e-6);
    expect(heldUntil - 100).toBeGreaterThan((0.95 * LEASE_MS * 2) / 3);
  });
});

describe('after the leases were dropped', () => {
  const shard = shardOf('p');
  const shards = new Map([[partition, shard]]);
  const leases = new Leases(() => false);
  const ack = (leaseGen: number) =>
    ({ type: 'heartbeatAck', seq: 1, sentAtMs: 100, leaseGen, leases: [{ partition, epoch: 1, version: 1 }] }) as const;
  const grant = (leaseGen: number) =>
    ({ type: 'leaseGrant', sentAtMs: 100, leaseGen, partitions: [partition], epochs: [1] }) as const;
  const held = () => [leases.catalogLeaseUntilMs(shard), shard.primary?.followers.get('r')?.grantUntilMs];

  test('nothing is held, and an answer to an older question renews nothing', () => {
    leases.onHeartbeatAck(ack(1), shards, times(200));
    leases.onGrant(grant(1), 'r', shards, times(200));
    expect(Math.min(...held().map((ms) => ms ?? 0))).toBeGreaterThan(200);
    leases.drop([shard]);
    expect(held()).toEqual([0, 0]);
    leases.onHeartbeatAck(ack(1), shards, { ...times(200), leaseGen: 2 });
    leases.onGrant(grant(1), 'r', shards, { ...times(200), leaseGen: 2 });
    expect(held()).toEqual([0, 0]);
    expect(leases.reachable({ nowMs: 200, leaseMs: LEASE_MS })).toEqual([]);
  });

  test('a new question is answered as before', () => {
    leases.onHeartbeatAck(ack(2), shards, { ...times(200), leaseGen: 2 });
    leases.onGrant(grant(2), 'r', shards, { ...times(200), leaseGen: 2 });
    expect(Math.min(...held().map((ms) => ms ?? 0))).toBeGreaterThan(200);
  });
});

function times(nowMs: number) {
  return { nowMs, leaseMs: LEASE_MS, leaseGen: 1 };
}

test('that the primary of an epoch is gone frees what was promised to it, and nothing older', () => {
  const leases = new Leases(() => false);
  const shard = shardOf('r');
  const shards = new Map([[partition, shard]]);
  const ping = (epoch: number, nowMs: number) => {
    shard.epoch = epoch;
    shard.opened = { connection, epoch };
    const question = { type: 'leasePing', sentAtMs: 0, leaseGen: 1, partitions: [partition], epochs: [epoch] } as const;
    leases.onPing(question, connection, shards, { nowMs, leaseMs: LEASE_MS });
  };
  expect(leases.grantedBeforeUntilMs(partition, 5)).toBe(0);
  ping(5, 1_000);
  ping(5, 2_000);
  ping(6, 2_500);
  expect([leases.grantedUntilMs(partition), leases.grantedBeforeUntilMs(partition, 6)]).toEqual([4_500, 4_000]);
  // Never promised to the primary that is gone: then all of it is older.
  expect(leases.grantedBeforeUntilMs(partition, 7)).toBe(4_500);
  ping(6, 2_600);
  expect(leases.grantedBeforeUntilMs(partition, 6)).toBe(4_000);
});
