/**
 * Bringing a replica online that has nothing, or nothing that fits: a fuzzy scan of the live maps, with the records
 * after `scanLsn` flowing beside it on the same connection.
 *
 * Why it converges: let w be the last decided write of key k up to L >= endLsn. If w is after scanLsn, it is among
 * the records; a chunk sent before w's outcome is overwritten by it, and a chunk sent after it holds w already. If w
 * is not after scanLsn, k did not change since, and the scan meets k exactly once, in state w. One connection keeps
 * the order; with two it would need versions and tombstones.
 *
 * Chunks wait for credit: at most a partition's share of LIMITS.checkpointWindowBytes is on its way. A turn sends little of all
 * checkpoints together, for it is in the way of every request: what comes back as credit makes the next turn. Completion records
 * come last: a write decided before scanLsn must not run again when its client retries at the new replica.
 */
import type { MapId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { CheckpointChunk, CheckpointEntry, CheckpointKey, CheckpointSession } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import { entryCount, mapOf, type Shard } from '../shard/shard.ts';
import type { Entry } from '../store/entry-map.ts';
import type { DirtySet } from './dirty-set.ts';
import type { Follower } from './follower.ts';
import { stateDigestOf } from './state-digest.ts';

export interface CheckpointScan {
  /** Maps still to scan; the first is the one under way. */
  readonly maps: MapId[];
  afterHash: number | undefined;
  sessions: Iterator<CheckpointSession> | undefined;
  inFlightBytes: number;
  /** Of a dirty round: nothing else is scanned. */
  readonly dirty: DirtySet | undefined;
}

export function newScan(maps: MapId[], dirty?: DirtySet): CheckpointScan {
  return { maps, afterHash: undefined, sessions: undefined, inFlightBytes: 0, dirty };
}

/** Chunks of one follower in one turn, beside what the turn has for all: others want it too. */
const CHUNKS_PER_TURN = 8;
const ENTRY_OVERHEAD_BYTES = 24;
/** What an entry costs of a turn beside its bytes: as long as it takes to send so many. */
const ENTRY_TURN_BYTES = 256;
const COMPLETION_BYTES = 16;

export function beginCheckpoint(shard: Shard, ports: ShardPorts, follower: Follower): void {
  follower.scan = newScan([...shard.maps.keys()]);
  follower.state = 'checkpoint';
  follower.sentLsn = shard.decidedLsn;
  follower.hintedLsn = shard.decidedLsn;
  follower.inFlightBytes = 0;
  follower.endLsn = Number.MAX_SAFE_INTEGER;
  ports.count('checkpoints_started');
  ports.note('checkpoint_started', { partition: shard.partition, to: follower.host.container });
  ports.toFollower(follower.host.incarnation, {
    type: 'checkpointBegin',
    ...addressOf(shard, follower),
    scanLsn: shard.decidedLsn,
    scanEpoch: shard.log.epochAt(shard.decidedLsn),
    ceilingMs: shard.ceilingMs,
    keepsState: false,
    applyLsn: 0,
    clearedMaps: [],
  });
}

/** Sends what credit and fairness allow. */
export function pumpCheckpoint(shard: Shard, ports: ShardPorts, follower: Follower): void {
  for (let chunk = 0; chunk < CHUNKS_PER_TURN; chunk++) {
    const scan = follower.scan;
    if (scan === undefined || scan.inFlightBytes >= ports.checkpointWindowBytes()) return;
    if (ports.checkpointTurn.bytesLeft <= 0) return;
    if (scan.maps.length > 0) sendEntries(shard, ports, follower);
    else if (!sendSessions(shard, ports, follower)) endCheckpoint(shard, ports, follower);
  }
}

function sendEntries(shard: Shard, ports: ShardPorts, follower: Follower): void {
  const scan = follower.scan as CheckpointScan;
  const map = scan.maps[0] as MapId;
  const entries: CheckpointEntry[] = [];
  let bytes = 0;
  const removed: CheckpointKey[] = [];
  const live = mapOf(shard, map);
  const names = scan.dirty?.keys.get(map);
  const done = (names ?? live).scan(scan.afterHash, (met) => {
    const entry = names === undefined ? met : live.get(met.key);
    if (entry === undefined) removed.push({ map, key: met.key });
    else entries.push(checkpointEntry(map, entry));
    bytes += met.key.length + (entry?.value.length ?? 0) + ENTRY_OVERHEAD_BYTES;
    scan.afterHash = met.hash;
    return bytes < LIMITS.checkpointChunkBytes;
  });
  if (done) {
    scan.maps.shift();
    scan.afterHash = undefined;
  }
  if (bytes === 0) return;
  scan.inFlightBytes += bytes;
  ports.checkpointTurn.bytesLeft -= bytes + entries.length * ENTRY_TURN_BYTES;
  ports.toFollower(follower.host.incarnation, {
    type: 'checkpointChunk',
    ...addressOf(shard, follower),
    entries,
    sessions: [],
    removed: ports.mutated('dirtyLeavesRemoved') ? [] : removed,
    endedSessions: [],
  });
}

function checkpointEntry(map: MapId, { key, value, epoch, lsn, ttlMs, expireAtMs }: Entry): CheckpointEntry {
  return { map, key, value, epoch, lsn, ttlMs, expireAtMs };
}

function sendSessions(shard: Shard, ports: ShardPorts, follower: Follower): boolean {
  const scan = follower.scan as CheckpointScan;
  const { dirty } = scan;
  scan.sessions ??= shard.sessions.checkpoint(dirty?.sessions);
  const sessions: CheckpointSession[] = [];
  let bytes = 0;
  while (bytes < LIMITS.checkpointChunkBytes) {
    const next = scan.sessions.next();
    if (next.done === true) break;
    sessions.push(next.value);
    bytes += sessionBytes(next.value);
  }
  if (sessions.length === 0) return false;
  if (ports.mutated('noCompletionRecords')) return true;
  scan.inFlightBytes += bytes;
  ports.toFollower(follower.host.incarnation, {
    type: 'checkpointChunk',
    ...addressOf(shard, follower),
    entries: [],
    sessions,
    removed: [],
    // What the replica has of them may be of a session that ended: it is replaced, not added to.
    endedSessions: dirty === undefined ? [] : sessions.map(({ clientId }) => clientId),
  });
  return true;
}

function endCheckpoint(shard: Shard, ports: ShardPorts, follower: Follower): void {
  follower.scan = undefined;
  // More has changed than it could be sent: another round follows.
  if (follower.dirty !== undefined) return;
  follower.state = 'streaming';
  follower.roundKeys = 0;
  follower.stuckRounds = 0;
  follower.endLsn = shard.decidedLsn;
  ports.count('checkpoints_completed');
  ports.note('checkpoint_completed', { partition: shard.partition, to: follower.host.container });
  ports.toFollower(follower.host.incarnation, {
    type: 'checkpointEnd',
    ...addressOf(shard, follower),
    endLsn: shard.decidedLsn,
    stateDigest: stateDigestOf(shard),
    count: entryCount(shard),
  });
}

/** The same count on both sides: the receiver gives back exactly what was taken. */
export function chunkBytes({ entries, sessions, removed }: Omit<CheckpointChunk, 'type'>): number {
  let bytes = 0;
  for (const { key } of removed) bytes += key.length + ENTRY_OVERHEAD_BYTES;
  for (const { key, value } of entries) bytes += key.length + value.length + ENTRY_OVERHEAD_BYTES;
  for (const session of sessions) bytes += sessionBytes(session);
  return bytes;
}

function sessionBytes({ done, rolledBack }: CheckpointSession): number {
  return 64 + (done.length + rolledBack.length) * COMPLETION_BYTES;
}

export function addressOf(shard: Shard, follower: Follower) {
  return { partition: shard.partition, epoch: shard.epoch, shardInc: follower.shardInc };
}
