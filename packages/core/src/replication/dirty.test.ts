// Goal: dirty mode on the primary's side: when it begins, what a round carries, when it is given up.
import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import type { CheckpointBegin, CheckpointChunk, Vote } from '../messages.ts';
import { boundQueues } from './dirty.ts';
import { isConsistent } from './follower.ts';
import { hint, onReplOpenAck, onVote, pump, trimLog } from './followers.ts';
import { type PrimaryRig, partition, primaryWithJoiner, write } from './primary-rig.test-lib.ts';

const from = { partition, epoch: 1, shardInc: 1 };
const vote = (ackLsn: number, appliedLsn: number): Vote => {
  return { type: 'vote', ...from, ackLsn, appliedLsn, refused: [], version: 1 };
};

/** A follower that has taken in one record, and then nothing: every record fills its window. */
function slowFollower(limits = { windowBytes: 1, queueBytes: 1_000_000, retentionBytes: 0 }): PrimaryRig {
  const rig = primaryWithJoiner(limits);
  const { shard, primary, ports, follower } = rig;
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 0, needsCheckpoint: false });
  write(rig, { key: 1, by: 'x' });
  pump(shard, primary, ports);
  rig.sent.length = 0;
  return rig;
}

function tick({ shard, primary, ports }: PrimaryRig): void {
  boundQueues(shard, primary, ports);
  trimLog(shard, ports.retentionBytes());
  hint(shard, primary, ports);
  pump(shard, primary, ports);
}

/** The follower has taken in everything that was sent. */
function takeIn({ shard, primary, ports, follower }: PrimaryRig, appliedLsn = 0): void {
  onVote(shard, primary, ports, follower, vote(follower.sentLsn, appliedLsn));
  for (let turn = 0; turn < 5; turn++) pump(shard, primary, ports);
}

test('who is to be left behind by the log becomes dirty, and gets the present values of what changed', () => {
  const rig = slowFollower();
  const { shard, sent, follower } = rig;
  for (const key of [1, 2, 3]) write(rig, { key, by: 'y' });
  write(rig, { kind: 'delete', key: 2 });
  write(rig, { key: 3 });
  tick(rig);
  expect(rig.notes).toContain('replica_dirty');
  expect(shard.log.baseLsn).toBe(6);
  write(rig, { kind: 'delete', key: 1 });
  write(rig, { key: 4 });
  tick(rig);
  // Its connection stands still: nothing more is put on it.
  expect(sent).toEqual([]);
  expect(isConsistent(follower)).toBe(false);

  takeIn(rig);
  const [begin, ...rest] = sent;
  expect(begin).toMatchObject({ type: 'checkpointBegin', keepsState: true, applyLsn: 1, scanLsn: 8, clearedMaps: [] });
  const chunks = rest.filter(({ type }) => type === 'checkpointChunk') as CheckpointChunk[];
  const keys = chunks.flatMap(({ entries }) => entries.map(({ key, lsn }) => `${key[0]}@${lsn}`));
  expect(keys.sort()).toEqual(['3@6', '4@8']);
  expect(chunks.flatMap(({ removed }) => removed.map(({ key }) => key[0])).sort()).toEqual([1, 2]);
  expect(chunks.flatMap(({ endedSessions }) => endedSessions)).toEqual(['y']);
  expect(sent.at(-1)).toMatchObject({ type: 'checkpointEnd', endLsn: 8, count: 2 });
  expect(isConsistent(follower)).toBe(false);

  takeIn(rig, 8);
  expect(isConsistent(follower)).toBe(true);
});

test('a queue over its limit is dropped, though the log would keep it', () => {
  const rig = slowFollower({ windowBytes: 1, queueBytes: 300, retentionBytes: 1_000_000 });
  write(rig);
  write(rig);
  tick(rig);
  expect(rig.follower.dirty).toBeUndefined();
  write(rig);
  tick(rig);
  expect(rig.follower.dirty).toBeDefined();
});

test('of a map that was cleared only what came after is sent', () => {
  const rig = slowFollower();
  write(rig, { key: 5 });
  write(rig, { kind: 'clear', key: 0 });
  write(rig, { key: 6 });
  tick(rig);
  takeIn(rig);
  expect((rig.sent[0] as CheckpointBegin).clearedMaps).toEqual([0]);
  const chunks = rig.sent.filter(({ type }) => type === 'checkpointChunk') as CheckpointChunk[];
  expect(chunks.flatMap(({ entries }) => entries.map(({ key }) => key[0]))).toEqual([6]);
  expect(chunks.flatMap(({ removed }) => removed)).toEqual([]);
});

test('it is told to apply no further than it can know outcomes', () => {
  const rig = slowFollower({ windowBytes: 200, queueBytes: 1_000_000, retentionBytes: 0 });
  const { shard, follower } = rig;
  // 2 is rolled back by 3, which it was not sent.
  const second = { ...shard.log.at(1), lsn: 2, clientId: '' };
  shard.log.append(second);
  rig.primary.keys.lock(second);
  follower.sentLsn = 2;
  shard.log.append({ ...second, lsn: 3, kind: 'noop', operations: [], aborted: [2] });
  rig.primary.openAborts.add(2);
  write(rig, { key: 7 });
  follower.inFlightBytes = 1_000;
  tick(rig);
  expect(shard.decidedLsn).toBe(4);
  takeIn(rig);
  expect(rig.sent[0]).toMatchObject({ keepsState: true, applyLsn: 1, scanLsn: 4 });
});

test('three rounds that do not get smaller, and it starts again by a whole checkpoint', () => {
  const rig = slowFollower();
  const { shard, primary, ports, follower, sent } = rig;
  // More than is sent of a round in one turn.
  const writeAll = (): void => {
    for (let key = 1; key <= 20; key++) write(rig, { key, valueBytes: 60_000 });
  };
  const roundCount = (): number => sent.filter((message) => message.type === 'checkpointBegin').length;
  writeAll();
  tick(rig);
  for (let time = 0; time < 10 && follower.state !== 'closed'; time++) {
    onVote(shard, primary, ports, follower, vote(follower.sentLsn, 0));
    pump(shard, primary, ports);
    // Without credit for chunks the round goes no further, and everything changes again, twice: a record or two fit in.
    const { scan } = follower;
    if (scan !== undefined) scan.inFlightBytes = LIMITS.checkpointWindowBytes;
    writeAll();
    tick(rig);
    writeAll();
    tick(rig);
    if (scan !== undefined) scan.inFlightBytes = 0;
    for (let turn = 0; turn < 5; turn++) pump(shard, primary, ports);
  }
  expect(roundCount()).toBe(3);
  expect(sent.some(({ type }) => type === 'checkpointEnd')).toBe(false);
  expect(rig.notes.at(-1)).toBe('replica_starts_again');
  expect(follower).toMatchObject({ state: 'closed', dirty: undefined });
  expect(follower.reopening.isOver(2)).toBe(false);
});

test('a member of the in-sync set is waited for', () => {
  const rig = slowFollower();
  const { shard } = rig;
  shard.config = { ...shard.config, sync: [...shard.config.sync, { container: 'f', incarnation: 'f', shardInc: 1 }] };
  for (let count = 0; count < 3; count++) write(rig);
  tick(rig);
  expect(rig.follower.dirty).toBeUndefined();
  expect(shard.log.baseLsn).toBe(0);
});
