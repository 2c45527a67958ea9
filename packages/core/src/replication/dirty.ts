/**
 * Dirty mode: what becomes of a replica that cannot keep up, outside of the in-sync set. The queue towards it is the log
 * after what it was sent, which the log keeps for all. When that grows over its limit, or the log is about to forget some of it,
 * the primary sends no more records to this replica and keeps only the names of what changes (DirtySet). Once the
 * replica has taken in everything that was on its way, their present values go out as one more round of a checkpoint:
 *
 *     records … s │ names of what changed in (h, c] │ begin(apply up to h; go on at c) · values of these names · records c+1 … · end(e)
 *
 * h is as far as the replica may know outcomes from what it holds: at most s, and before a record that was rolled back by one after s.
 *
 * Why it converges: let w be the last decided write of key k up to L >= e. If w is after c it is among the records, and
 * the argument of checkpoint.ts holds. If w is in (h, c], k is in the set and did not change after c: the round
 * carries it in state w, or its absence. If w is not after h, the replica applied it before the round began, or met it in a
 * scan that was under way, and nothing touched k since. The end carries the digest of the state, so a round that leaves
 * something out is noticed.
 *
 * While the round runs the replica is loading: not read, not added, not promoted. A member of the in-sync set or an
 * eligible replica never gets here, for its state may be the last there is, and the log waits for it.
 */
import { sameRid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { LogRecord } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { addressOf, newScan } from './checkpoint.ts';
import { DirtySet } from './dirty-set.ts';
import { type Follower, ridOf } from './follower.ts';
import { hintFor, onChannelClosed, trimTarget } from './followers.ts';
import type { Primary } from './primary.ts';

/** So many rounds in a row, each with no fewer keys than the one before: it will never catch up. */
const ROUNDS_MAX = 3;

/** Called before the log is trimmed: nothing is forgotten that a follower is still to be sent, but for its names. */
export function boundQueues(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const trimTo = trimTarget(shard, ports.retentionBytes());
  for (const follower of primary.followers.values()) {
    if (follower.dirty !== undefined) {
      if (follower.dirty.bytes > LIMITS.dirtyBytesMax) giveUp(shard, ports, follower, 'too much changed');
      continue;
    }
    if (!isStream(follower) || counts(shard, primary, follower) || follower.sentLsn < shard.log.baseLsn) continue;
    const heldLsn = hintFor(shard, follower.sentLsn);
    // It came back with a record whose roll-back the log holds, but not the record: it begins again by a checkpoint.
    if (heldLsn < shard.log.baseLsn) continue;
    const isLeftBehind = heldLsn < trimTo;
    if (isLeftBehind || isQueueFull(shard, ports, follower)) becomeDirty(shard, ports, follower);
  }
}

function isStream({ state }: Follower): boolean {
  return state === 'streaming' || state === 'checkpoint';
}

/** Its votes or its state are needed: it is waited for. */
function counts({ config }: Shard, { plus }: Primary, follower: Follower): boolean {
  const { incarnation } = follower.host;
  if (plus?.rid.incarnation === incarnation) return true;
  return (
    config.sync.some((rid) => rid.incarnation === incarnation) ||
    config.elr.some(({ rid }) => sameRid(rid, ridOf(follower)))
  );
}

function isQueueFull({ log }: Shard, ports: ShardPorts, { sentLsn }: Follower): boolean {
  const bytesMax = ports.followerQueueBytes();
  if (log.bytes <= bytesMax) return false;
  let bytes = 0;
  for (let lsn = sentLsn + 1; lsn <= log.lastLsn && bytes <= bytesMax; lsn++) bytes += log.bytesAt(lsn);
  return bytes > bytesMax;
}

function becomeDirty(shard: Shard, ports: ShardPorts, follower: Follower): void {
  const { log, partition, decidedLsn } = shard;
  const dirty = new DirtySet(shard.hashSeed);
  follower.heldLsn = hintFor(shard, follower.sentLsn);
  for (let lsn = follower.heldLsn + 1; lsn <= decidedLsn; lsn++) {
    dirty.add(log.at(lsn), log.abortRecordOf(lsn) === undefined);
  }
  follower.dirty = dirty;
  const facts = { partition, to: follower.host.container, behind: log.lastLsn - follower.sentLsn };
  ports.note('replica_dirty', facts, 'warn');
}

/** A record has its outcome. */
export function noteDirty(primary: Primary, record: LogRecord, committed: boolean): void {
  for (const { dirty } of primary.followers.values()) dirty?.add(record, committed);
}

/** Begins a round when everything that was sent is there; called in each turn. */
export function pumpDirty(shard: Shard, ports: ShardPorts, follower: Follower): void {
  const { dirty, scan, matchLsn, sentLsn } = follower;
  if (dirty === undefined || scan !== undefined || (matchLsn ?? -1) < sentLsn) return;
  const { keyCount } = dirty;
  follower.stuckRounds = follower.roundKeys > 0 && keyCount >= follower.roundKeys ? follower.stuckRounds + 1 : 0;
  follower.roundKeys = keyCount;
  if (follower.stuckRounds >= ROUNDS_MAX) giveUp(shard, ports, follower, 'rounds do not get smaller');
  else beginRound(shard, ports, follower, dirty);
}

function beginRound(shard: Shard, ports: ShardPorts, follower: Follower, dirty: DirtySet): void {
  const { decidedLsn, partition } = shard;
  follower.dirty = undefined;
  follower.scan = newScan([...dirty.keys.keys()], dirty);
  follower.state = 'checkpoint';
  follower.sentLsn = decidedLsn;
  follower.hintedLsn = decidedLsn;
  follower.inFlightBytes = 0;
  follower.endLsn = Number.MAX_SAFE_INTEGER;
  ports.count('dirty_rounds');
  const facts = { partition, to: follower.host.container, keys: dirty.keyCount, sessions: dirty.sessions.size };
  ports.note('dirty_round_started', facts);
  ports.toFollower(follower.host.incarnation, {
    type: 'checkpointBegin',
    ...addressOf(shard, follower),
    scanLsn: decidedLsn,
    scanEpoch: shard.log.epochAt(decidedLsn),
    ceilingMs: shard.ceilingMs,
    keepsState: true,
    applyLsn: follower.heldLsn,
    clearedMaps: [...dirty.cleared],
  });
}

/** It starts again by a whole checkpoint, later each time. */
function giveUp(shard: Shard, ports: ShardPorts, follower: Follower, reason: string): void {
  const waitMs = follower.reopening.fail(ports.nowMs());
  const facts = { partition: shard.partition, container: follower.host.container, reason, waitMs };
  ports.note('replica_starts_again', facts, 'warn');
  onChannelClosed(follower);
}
