// Goal: streams to followers that a script of one container can hardly reach: logs trimmed under a follower's feet.
import { expect, test } from 'vitest';
import { KEEP_ALL, type PartitionConfig } from '../catalog/config.ts';
import { mapSetPolicy } from '../catalog/grid.test-lib.ts';
import { asMapId, asPartitionId, type Rid } from '../ids.ts';
import type { ReplicationMessage } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import { newShard, type Shard } from '../shard/shard.ts';
import { isConsistent } from './follower.ts';
import { matchFollowersToConfig, onReplOpenAck, onVote, pump } from './followers.ts';
import { appendRecord, becomePrimary, type Primary, tryDecide } from './primary.ts';

const partition = asPartitionId(0);
const rid = (container: string, shardInc = 1): Rid => ({ container, incarnation: container, shardInc });

const config: PartitionConfig = {
  ...{ partition, epoch: 1, version: 1, lineage: 'l', primary: rid('p'), sync: [rid('p')], elr: [] },
  ...{ joining: [rid('f')], async: [], leaving: [], keepLsn: KEEP_ALL, waitGrants: false, lost: false },
};

/** A primary alone in sync, and what it sends to the follower that joins. */
function primaryWithJoiner(): { shard: Shard; primary: Primary; ports: ShardPorts; sent: ReplicationMessage[] } {
  const sent: ReplicationMessage[] = [];
  const ports = {
    ...{
      self: rid('p'),
      nowMs: () => 1,
      wallMs: () => 1,
      toCatalog: () => true,
      toPrimary: () => {},
      answer: () => {},
    },
    ...{
      answerError: () => {},
      isOpen: () => true,
      leaseNowMs: () => 0,
      acts: () => {},
      catalogLeaseUntilMs: () => 1_000,
      isDead: () => false,
    },
    ...{ leaseMs: () => 3_000, nextChangeId: () => 1, retentionBytes: () => 0, note: () => {}, count: () => {} },
    ...{ refuses: () => undefined, mutated: () => false },
    toFollower: (_: string, message: ReplicationMessage) => {
      sent.push(message);
      return true;
    },
  } as unknown as ShardPorts;
  const policy = mapSetPolicy({ minSyncReplicas: 0, maxSyncReplicas: 1 });
  const shard = newShard({ rid: rid('p'), policy, config, hashSeed: 1 });
  const primary = becomePrimary(shard, config, 0);
  matchFollowersToConfig(shard, primary, ports);
  return { shard, primary, ports, sent };
}

function write(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const operation = {
    kind: 'set',
    key: new Uint8Array([1]),
    value: new Uint8Array(10),
    ifEpoch: 0,
    ifLsn: 0,
    ttlMs: 0,
    expireAtMs: 0,
  } as const;
  const fields = { kind: 'write', clientId: '', seq: 0, ackedBelow: 0, map: asMapId(0), aborted: [] } as const;
  appendRecord(shard, primary, { ...fields, operations: [operation] });
  tryDecide(shard, ports);
}

const from = { partition, epoch: 1, shardInc: 1 };

test('a follower whose next record was trimmed while it answered is opened again: only it can empty itself', () => {
  const { shard, primary, ports, sent } = primaryWithJoiner();
  const follower = primary.followers.get('f');
  if (follower === undefined) throw new Error('no follower');
  for (let count = 0; count < 5; count++) write(shard, primary, ports);
  shard.log.trimTo(4);
  sent.length = 0;
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 2, needsCheckpoint: false });
  expect(sent.map(({ type }) => type)).toEqual(['replOpen']);
  expect(follower.state).toBe('opening');
  onReplOpenAck(shard, ports, follower, {
    ...{ type: 'replOpenAck', ...from, shardInc: 2, lastLsn: 0, needsCheckpoint: true },
  });
  expect(sent.at(-1)).toMatchObject({ type: 'checkpointBegin', shardInc: 2, scanLsn: 5 });
});

test('records trimmed before they were acknowledged do not fill the window for ever', () => {
  const { shard, primary, ports } = primaryWithJoiner();
  const follower = primary.followers.get('f');
  if (follower === undefined) throw new Error('no follower');
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 0, needsCheckpoint: false });
  for (let count = 0; count < 5; count++) write(shard, primary, ports);
  pump(shard, primary, ports);
  expect(follower.inFlightBytes).toBeGreaterThan(0);
  shard.log.trimTo(4);
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 5, refused: [], appliedLsn: 5, version: 1 });
  expect(follower.inFlightBytes).toBe(0);
});

test('a follower is consistent when it says that the whole checkpoint is there, not when all of it was sent', () => {
  const { shard, primary, ports, sent } = primaryWithJoiner();
  const follower = primary.followers.get('f');
  if (follower === undefined) throw new Error('no follower');
  write(shard, primary, ports);
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 0, needsCheckpoint: true });
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 1, refused: [], appliedLsn: 0, version: 1 });
  for (let turn = 0; turn < 3; turn++) pump(shard, primary, ports);
  expect(sent.at(-1)?.type).toBe('checkpointEnd');
  expect(isConsistent(follower)).toBe(false);
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 1, refused: [], appliedLsn: 1, version: 1 });
  expect(isConsistent(follower)).toBe(true);
});
