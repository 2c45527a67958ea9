/**
 * The streams from a primary to its replicas: opening them (N2), records in order within a window, hints of what is
 * decided, votes coming back. One connection per pair of containers carries all of it, so order is first in first out.
 */
import { hostsOf } from '../catalog/config.ts';
import type { Host, Lsn } from '../ids.ts';
import type { CheckpointCredit, DigestReport, LogRecord, Nack, ReplOpenAck, Vote } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { addressOf, beginCheckpoint, pumpCheckpoint } from './checkpoint.ts';
import { pumpDirty } from './dirty.ts';
import { type Follower, newFollower } from './follower.ts';
import { type Primary, tryDecide } from './primary.ts';

/** Records of one Append: at most so many bytes, so that frames stay small beside a client's. */
const APPEND_BYTES_MAX = 512 * 1024;

/** Followers are the hosts that the configuration names; the others are forgotten. */
export function matchFollowersToConfig(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const wanted = new Map<string, Host>();
  for (const host of hostsOf(shard.config)) {
    if (host.incarnation !== shard.rid.incarnation) wanted.set(host.incarnation, host);
  }
  const { plus } = primary;
  if (plus !== undefined) wanted.set(plus.rid.incarnation, plus.rid);
  for (const incarnation of primary.followers.keys()) {
    if (!wanted.has(incarnation)) primary.followers.delete(incarnation);
  }
  for (const [incarnation, host] of wanted) {
    if (primary.followers.has(incarnation)) continue;
    const follower = newFollower(host, ports.nowMs());
    primary.followers.set(incarnation, follower);
    openFollower(shard, ports, follower);
  }
}

/** Tells it our epoch and the shape of our log; without a connection it stays closed until one is there. */
export function openFollower(shard: Shard, ports: ShardPorts, follower: Follower, giveUpShardInc = 0): void {
  follower.scan = undefined;
  follower.dirty = undefined;
  const sent = ports.toFollower(follower.host.incarnation, {
    type: 'replOpen',
    config: shard.config,
    tail: shard.log.tail(),
    decidedLsn: shard.decidedLsn,
    giveUpShardInc,
    hashSeed: shard.hashSeed,
  });
  follower.state = sent ? 'opening' : 'closed';
  follower.openingMs = ports.nowMs();
}

/** Opens what is closed though the connection is there, and what was opened and never answered. */
export function openPatiently(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    const unanswered = follower.state === 'opening' && ports.nowMs() - follower.openingMs > ports.leaseMs() / 3;
    const isClosed = follower.state === 'closed' && follower.reopening.isOver(ports.nowMs());
    if (isClosed || unanswered) openFollower(shard, ports, follower);
  }
}

export function onChannelClosed(follower: Follower): void {
  follower.state = 'closed';
  follower.scan = undefined;
  follower.dirty = undefined;
}

export function onReplOpenAck(shard: Shard, ports: ShardPorts, follower: Follower, ack: ReplOpenAck): void {
  if (follower.state !== 'opening') return;
  if (follower.shardInc !== ack.shardInc) {
    follower.shardInc = ack.shardInc;
    follower.matchLsn = undefined;
    follower.version = 0;
    follower.appliedLsn = 0;
    follower.refused = new Set();
    follower.grantUntilMs = 0;
  }
  follower.inFlightBytes = 0;
  if (ack.needsCheckpoint) {
    beginCheckpoint(shard, ports, follower);
    return;
  }
  if (ack.lastLsn < shard.log.baseLsn) {
    // What it would go on from was trimmed since: told so, it empties itself for a checkpoint.
    openFollower(shard, ports, follower);
    return;
  }
  follower.state = 'streaming';
  follower.sentLsn = ack.lastLsn;
  follower.hintedLsn = 0;
  if (follower.matchLsn === undefined) follower.endLsn = 0;
}

/** Sends what is new to every follower; called once at the end of a turn. */
export function pump(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    if (follower.state !== 'streaming' && follower.state !== 'checkpoint') continue;
    if (follower.dirty !== undefined) {
      pumpDirty(shard, ports, follower);
      if (follower.state === 'checkpoint') pumpCheckpoint(shard, ports, follower);
      continue;
    }
    if (follower.sentLsn < shard.log.baseLsn) {
      // The log forgot while the channel was closed: it starts again, by a checkpoint.
      openFollower(shard, ports, follower);
      continue;
    }
    pumpRecords(shard, ports, follower);
    if (follower.state === 'checkpoint') pumpCheckpoint(shard, ports, follower);
  }
}

function pumpRecords(shard: Shard, ports: ShardPorts, follower: Follower): void {
  const { log } = shard;
  while (follower.sentLsn < log.lastLsn && follower.inFlightBytes < ports.replicationWindowBytes()) {
    const prevLsn = follower.sentLsn;
    const records: LogRecord[] = [];
    let bytes = 0;
    while (follower.sentLsn < log.lastLsn && bytes < APPEND_BYTES_MAX) {
      const record = log.at(follower.sentLsn + 1);
      records.push(record);
      bytes += log.bytesAt(record.lsn);
      follower.sentLsn = record.lsn;
    }
    follower.inFlightBytes += bytes;
    sendAppend(shard, ports, follower, { prevLsn, records });
  }
}

function sendAppend(
  shard: Shard,
  ports: ShardPorts,
  follower: Follower,
  { prevLsn, records }: { prevLsn: Lsn; records: readonly LogRecord[] },
): void {
  const decidedHint = hintFor(shard, follower.sentLsn);
  follower.hintedLsn = decidedHint;
  ports.toFollower(follower.host.incarnation, {
    type: 'append',
    ...addressOf(shard, follower),
    prevEpoch: shard.log.epochAt(prevLsn),
    prevLsn,
    records,
    decidedHint,
  });
}

/**
 * What a follower that holds everything up to `sentLsn` may take for decided: not beyond a rolled-back record whose
 * abort record it does not hold, for it would take that one for committed.
 */
export function hintFor(shard: Shard, sentLsn: Lsn): Lsn {
  const end = Math.min(shard.decidedLsn, sentLsn);
  if (sentLsn >= shard.log.lastLsn) return end;
  let hinted = end;
  for (const [lsn, abortLsn] of shard.log.aborts()) {
    if (abortLsn > sentLsn && lsn <= hinted) hinted = lsn - 1;
  }
  return hinted;
}

/** Hints for followers that no record will tell; called on ticks. */
export function hint(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    if (follower.dirty !== undefined || (follower.state !== 'streaming' && follower.state !== 'checkpoint')) continue;
    if (follower.sentLsn < shard.log.baseLsn || follower.hintedLsn >= hintFor(shard, follower.sentLsn)) continue;
    sendAppend(shard, ports, follower, { prevLsn: follower.sentLsn, records: [] });
  }
}

export function onVote(shard: Shard, primary: Primary, ports: ShardPorts, follower: Follower, vote: Vote): void {
  if (vote.shardInc !== follower.shardInc) return;
  const before = follower.matchLsn ?? shard.log.baseLsn;
  const ackLsn = Math.min(vote.ackLsn, shard.log.lastLsn);
  for (let lsn = Math.max(before, shard.log.baseLsn) + 1; lsn <= ackLsn; lsn++) {
    follower.inFlightBytes = Math.max(0, follower.inFlightBytes - shard.log.bytesAt(lsn));
  }
  // Records trimmed before they were acknowledged were not counted off above.
  if (ackLsn >= follower.sentLsn) follower.inFlightBytes = 0;
  if (follower.matchLsn === undefined || ackLsn > follower.matchLsn) {
    if (follower.matchLsn === undefined) primary.retryWaiting = true;
    follower.matchLsn = ackLsn;
    follower.progressMs = ports.nowMs();
  }
  follower.appliedLsn = Math.max(follower.appliedLsn, vote.appliedLsn);
  follower.version = Math.max(follower.version, vote.version);
  for (const { lsn } of vote.refused) {
    if (follower.refused.has(lsn)) continue;
    ports.count('votes_against');
    primary.mustConsiderAborts = true;
  }
  // Each vote tells all that is still open: what was rolled back is no fault any more.
  if (follower.refused.size > 0 || vote.refused.length > 0) {
    follower.refused = new Set(vote.refused.map(({ lsn }) => lsn));
  }
  tryDecide(shard, ports);
}

/** `staleEpoch` is the container's affair: every message of a newer epoch makes a primary step down. */
export function onNack(shard: Shard, ports: ShardPorts, follower: Follower, nack: Nack): void {
  switch (nack.kind) {
    case 'noSuchShard':
      // One for each message of ours that was on its way: the first said it.
      if (follower.state === 'closed') return;
      // It has not heard of the partition yet, or has started again: at once would be a loop if it does so for ever.
      onChannelClosed(follower);
      follower.reopening.fail(ports.nowMs());
      return;
    case 'demandReplOpen':
      // Opening was refused already: again at a tick, by when one of the two has heard more.
      if (follower.state === 'opening') follower.state = 'closed';
      else if (follower.state !== 'closed') openFollower(shard, ports, follower);
      return;
    case 'askSuffix':
      if (nack.shardInc !== follower.shardInc || follower.state === 'opening' || follower.state === 'closed') return;
      if (nack.afterLsn < shard.log.baseLsn || follower.dirty !== undefined) openFollower(shard, ports, follower);
      else if (nack.afterLsn < follower.sentLsn) {
        follower.sentLsn = nack.afterLsn;
        follower.inFlightBytes = 0;
      }
      return;
    case 'staleEpoch':
      return;
  }
}

export function onCheckpointCredit(follower: Follower, credit: CheckpointCredit): void {
  if (follower.scan === undefined || credit.shardInc !== follower.shardInc) return;
  follower.scan.inFlightBytes = Math.max(0, follower.scan.inFlightBytes - credit.bytes);
}

export function onDigestReport(shard: Shard, primary: Primary, follower: Follower, report: DigestReport): void {
  const verification = primary.verifications.get(report.lsn);
  if (verification === undefined || report.shardInc !== follower.shardInc) return;
  const rid = { ...follower.host, shardInc: follower.shardInc };
  const isSync = shard.config.sync.some((member) => member.incarnation === rid.incarnation);
  const isAsync = shard.config.async.some((host) => host.incarnation === rid.incarnation);
  const role = isSync ? 'sync' : isAsync ? 'async' : 'joining';
  verification.digests.push({ rid, role, digest: report.digest, count: report.count });
}

/** Nobody will ever ask for a suffix of the log: no copy of it is wanted, and none is on its way to another container. */
function hasNoReplicas({ policy, primary }: Shard): boolean {
  return policy.maxSyncReplicas + policy.maxAsyncReplicas === 0 && primary?.followers.size === 0;
}

/** Up to where records are not needed: what S needs and what is decided is the bound, retention the wish. */
export function trimTarget(shard: Shard, retentionWishBytes: number): Lsn {
  const { log, primary } = shard;
  const retentionBytes = hasNoReplicas(shard) ? 0 : retentionWishBytes;
  if (log.bytes <= retentionBytes) return log.baseLsn;
  let needLsn = shard.decidedLsn;
  if (primary !== undefined) {
    for (const { incarnation, shardInc } of shard.config.sync) {
      if (incarnation === shard.rid.incarnation) continue;
      const follower = primary.followers.get(incarnation);
      const match = follower?.shardInc === shardInc ? follower.matchLsn : undefined;
      needLsn = Math.min(needLsn, match ?? log.baseLsn);
    }
  }
  let to = log.baseLsn;
  let bytes = log.bytes;
  while (to < needLsn && bytes > retentionBytes) {
    to++;
    bytes -= log.bytesAt(to);
  }
  return to;
}

/** Frees records that nobody needs. */
export function trimLog(shard: Shard, retentionBytes: number): void {
  shard.log.trimTo(trimTarget(shard, retentionBytes));
}
