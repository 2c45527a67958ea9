// Goal: streams to followers that a script of one container can hardly reach: logs trimmed under a follower's feet.
import { expect, test } from 'vitest';
import { isConsistent } from './follower.ts';
import { hint, onReplOpenAck, onVote, pump } from './followers.ts';
import { tryDecide } from './primary.ts';
import { partition, primaryWithJoiner, write } from './primary-rig.test-lib.ts';

const from = { partition, epoch: 1, shardInc: 1 };

test('a follower whose next record was trimmed while it answered is opened again: only it can empty itself', () => {
  const rig = primaryWithJoiner();
  const { shard, ports, sent, follower } = rig;
  for (let count = 0; count < 5; count++) write(rig);
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
  const rig = primaryWithJoiner();
  const { shard, primary, ports, follower } = rig;
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 0, needsCheckpoint: false });
  for (let count = 0; count < 5; count++) write(rig);
  pump(shard, primary, ports);
  expect(follower.inFlightBytes).toBeGreaterThan(0);
  shard.log.trimTo(4);
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 5, refused: [], appliedLsn: 5, version: 1 });
  expect(follower.inFlightBytes).toBe(0);
});

test('a follower is consistent when it says that the whole checkpoint is there, not when all of it was sent', () => {
  const rig = primaryWithJoiner();
  const { shard, primary, ports, sent, follower } = rig;
  write(rig);
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 0, needsCheckpoint: true });
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 1, refused: [], appliedLsn: 0, version: 1 });
  for (let turn = 0; turn < 3; turn++) pump(shard, primary, ports);
  expect(sent.at(-1)?.type).toBe('checkpointEnd');
  expect(isConsistent(follower)).toBe(false);
  onVote(shard, primary, ports, follower, { type: 'vote', ...from, ackLsn: 1, refused: [], appliedLsn: 1, version: 1 });
  expect(isConsistent(follower)).toBe(true);
});

test('a follower that came back with a rolled-back record is told so before it may apply it, though the log has forgotten the record', () => {
  const rig = primaryWithJoiner({ windowBytes: 1, queueBytes: 1_000_000, retentionBytes: 0 });
  const { shard, primary, ports, sent, follower } = rig;
  write(rig);
  const second = { ...shard.log.at(1), lsn: 2 };
  shard.log.append(second);
  shard.log.append({ ...second, lsn: 3 });
  for (const lsn of [2, 3]) primary.keys.lock({ ...second, lsn });
  shard.log.append({ ...second, lsn: 4, kind: 'noop', operations: [], aborted: [2] });
  primary.openAborts.add(2);
  tryDecide(shard, ports);
  expect(shard.decidedLsn).toBe(4);
  shard.log.trimTo(2);
  onReplOpenAck(shard, ports, follower, { type: 'replOpenAck', ...from, lastLsn: 3, needsCheckpoint: false });
  sent.length = 0;
  // Its window is full: only a hint can go.
  follower.inFlightBytes = 1;
  pump(shard, primary, ports);
  hint(shard, primary, ports);
  expect(sent).toMatchObject([{ type: 'append', records: [], decidedHint: 1 }]);
});
