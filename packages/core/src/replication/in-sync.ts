/**
 * How a primary changes its in-sync set: it asks, one change at a time, and the catalog alone commits (I-CFG).
 *
 * E1. Until the catalog has confirmed an eviction, the member still counts, and nothing is decided meanwhile.
 * E2. The evicted member may be promoted later, cut at keepLsn: that covers everything decided, everything inherited,
 *     and the abort records of everything that was decided aborted or answered so.
 * E3. A member is added only when it holds the whole log; from the moment that it is a candidate it must acknowledge.
 */
import type { PartitionConfig } from '../catalog/config.ts';
import { type Rid, ridKey, sameRid } from '../ids.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { type Follower, isConsistent, ridOf } from './follower.ts';
import { matchFollowersToConfig, openFollower } from './followers.ts';
import { resume } from './hand-over.ts';
import { grantsHaveEnded, matchOf, othersInSync, type PendingChange, type Primary, tryDecide } from './primary.ts';
import { mayReturn, noteMembers } from './readmission.ts';

/** A candidate may be so many records behind when writes begin to wait for it. */
const LAG_RECORDS_MAX = 1_000;

/** Looks whether S should change; called on ticks and when something happened that may call for it. */
export function considerChanges(shard: Shard, primary: Primary, ports: ShardPorts): void {
  noteProgress(shard, primary, ports);
  if (primary.handOver.state === 'asked') return;
  dropSilentCandidate(shard, primary, ports);
  if (primary.pending !== undefined) return;
  const evictee = memberToEvict(shard, primary, ports);
  if (evictee !== undefined) {
    evict(shard, primary, ports, evictee);
    return;
  }
  if (primary.plus === undefined) {
    renewBarred(shard, primary, ports);
    chooseCandidate(shard, primary, ports);
  }
  addCandidate(shard, primary, ports);
}

function voteTimeoutMs(ports: ShardPorts): number {
  return ports.leaseMs() / 3;
}

function noteProgress(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    if (follower.matchLsn === shard.log.lastLsn) follower.progressMs = ports.nowMs();
  }
}

function isSilent(shard: Shard, primary: Primary, ports: ShardPorts, rid: Rid): boolean {
  const follower = primary.followers.get(rid.incarnation);
  if (follower === undefined) return true;
  if ((matchOf(primary, rid) ?? -1) >= shard.log.lastLsn) return false;
  return ports.nowMs() - follower.progressMs > voteTimeoutMs(ports);
}

/** E1. */
function memberToEvict(shard: Shard, primary: Primary, ports: ShardPorts): Rid | undefined {
  const others = othersInSync(shard);
  if (others.length === 0) return undefined;
  if (ports.nowMs() >= ports.catalogLeaseUntilMs(shard.partition)) return undefined;
  if (!primary.evicting.isOver(ports.nowMs())) return undefined;
  const keepsMin = others.length - 1 >= shard.policy.minSyncReplicas;
  for (const rid of others) {
    const follower = primary.followers.get(rid.incarnation);
    const isGone = ports.isDead(rid.incarnation) || (follower !== undefined && follower.shardInc > rid.shardInc);
    if (isGone) return rid;
    if (keepsMin && follower !== undefined && [...follower.refused].some((lsn) => isOpenRefusal(shard, lsn)))
      return rid;
    const hasUndecided = shard.decidedLsn < shard.log.lastLsn;
    if (hasUndecided && isSilent(shard, primary, ports, rid) && (keepsMin || halfOfOldestTtlIsGone(primary, ports))) {
      return rid;
    }
    const mayLeave = others.length - 1 >= Math.max(shard.policy.minSyncReplicas, shard.policy.maxSyncReplicas);
    if (mayLeave && shard.config.leaving.some((leaving) => sameRid(leaving, rid))) return rid;
  }
  return undefined;
}

/** A refused record that still may win without the member that refused it. */
function isOpenRefusal(shard: Shard, lsn: number): boolean {
  return lsn > shard.decidedLsn && lsn <= shard.log.lastLsn && shard.log.abortRecordOf(lsn) === undefined;
}

function halfOfOldestTtlIsGone(primary: Primary, ports: ShardPorts): boolean {
  for (const requests of primary.attached.values()) {
    for (const { receivedMs, deadlineMs } of requests) {
      if (ports.nowMs() - receivedMs > (deadlineMs - receivedMs) / 2) return true;
    }
    // The map is in the order of the log: the first is the oldest.
    return false;
  }
  return false;
}

/** E2. */
function evict(shard: Shard, primary: Primary, ports: ShardPorts, rid: Rid): void {
  const keepLsn = Math.max(shard.decidedLsn, primary.startLsn, primary.abortAnsweredLsn);
  ask(shard, primary, ports, { changeId: ports.nextChangeId(), kind: 'evict', rid, keepLsn });
}

function chooseCandidate(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    const { incarnation } = follower.host;
    if (!follower.candidacy.isOver(ports.nowMs()) || !mayReturn(shard, primary, ports, incarnation)) continue;
    if (!isConsistent(follower) || isBarred(shard, primary, follower)) continue;
    if (!shard.config.joining.some((host) => host.incarnation === incarnation)) continue;
    if (shard.config.sync.some((rid) => rid.incarnation === incarnation)) continue;
    if (shard.log.lastLsn - (follower.matchLsn ?? 0) > LAG_RECORDS_MAX) continue;
    primary.plus = { rid: ridOf(follower), atLsn: shard.log.lastLsn };
    return;
  }
}

/**
 * A joiner whose placeholder bars it may be barred for ever: below minSyncReplicas nothing is decided, so the record that
 * it refused stays as it is. It gives its state up and comes again by a checkpoint, later each time that it refuses
 * again. An eligible replica does, too: we are alive and hold all that it holds, and reports its damage first.
 */
function renewBarred(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const follower of primary.followers.values()) {
    if (follower.state !== 'streaming' || follower.refused.size === 0 || !follower.renewal.isOver(ports.nowMs()))
      continue;
    const rid = ridOf(follower);
    const isJoining = shard.config.joining.some((host) => host.incarnation === rid.incarnation);
    const isMember = shard.config.sync.some((one) => sameRid(one, rid));
    if (!isJoining || isMember || !isBarred(shard, primary, follower)) continue;
    follower.renewal.fail(ports.nowMs());
    primary.givenUp.add(ridKey(rid));
    openFollower(shard, ports, follower, rid.shardInc);
  }
}

/** Freely, until the addition was asked for (E3): a silent candidate must not block writes. */
function dropSilentCandidate(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const { plus } = primary;
  if (plus === undefined || primary.pending?.kind === 'add') return;
  const follower = primary.followers.get(plus.rid.incarnation);
  const isSame = follower !== undefined && follower.shardInc === plus.rid.shardInc && follower.state === 'streaming';
  const isWanted = shard.config.joining.some((host) => host.incarnation === plus.rid.incarnation);
  if (isSame && isWanted && !isBarred(shard, primary, follower) && !isSilent(shard, primary, ports, plus.rid)) return;
  primary.plus = undefined;
  follower?.candidacy.fail(ports.nowMs());
  tryDecide(shard, ports);
}

/**
 * A placeholder keeps a candidate out (E3), unless the record that it stands for is rolled back in our own log: we are
 * the only one who could have decided it in this epoch, and never will; whoever is promoted after us must ask the
 * candidate, who refuses still.
 */
function isBarred(shard: Shard, primary: Primary, follower: Follower): boolean {
  if (primary.givenUp.has(ridKey(ridOf(follower)))) return true;
  for (const lsn of follower.refused) if (shard.log.abortRecordOf(lsn) === undefined) return true;
  return false;
}

/** E3. */
function addCandidate(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const { plus } = primary;
  if (plus === undefined || primary.pending !== undefined) return;
  // It has promised nothing to older primaries, and may be promoted as soon as it is in S: so while our own promises run, which
  // older ones read by, it is not.
  if (!grantsHaveEnded(primary, ports) && !ports.mutated('addBeforeGrantsEnd')) return;
  const match = matchOf(primary, plus.rid);
  const follower = primary.followers.get(plus.rid.incarnation);
  if (match === undefined || match < plus.atLsn || follower === undefined || isBarred(shard, primary, follower)) return;
  if (hasHeard(shard, follower)) {
    ask(shard, primary, ports, { changeId: ports.nextChangeId(), kind: 'add', rid: plus.rid, keepLsn: 0 });
  } else if (isTimeToTell(follower, ports)) {
    primary.plus = undefined;
    openFollower(shard, ports, follower);
  }
}

/**
 * Its votes may be older than a configuration that made it give this life up: then another life is what joins. One that
 * has voted since it heard of the present configuration can give its life up for a newer one only, which our question
 * does not survive either.
 */
function hasHeard(shard: Shard, follower: Follower): boolean {
  const heard = follower.version >= shard.config.version;
  if (heard) follower.unheardSinceMs = undefined;
  return heard;
}

/** The catalog tells it too; opening it again cuts nothing, and finds out whether it is still there. */
function isTimeToTell(follower: Follower, ports: ShardPorts): boolean {
  const nowMs = ports.nowMs();
  follower.unheardSinceMs ??= nowMs;
  if (nowMs - follower.unheardSinceMs <= voteTimeoutMs(ports)) return false;
  follower.unheardSinceMs = nowMs;
  return true;
}

function ask(shard: Shard, primary: Primary, ports: ShardPorts, change: PendingChange): void {
  // Pending only if it left: one that nobody got would freeze the partition until the catalog returns.
  if (sendChange(shard, ports, change)) primary.pending = change;
}

function sendChange(shard: Shard, ports: ShardPorts, { changeId, kind, rid, keepLsn }: PendingChange): boolean {
  return ports.toCatalog({
    type: 'changeInSync',
    changeId,
    partition: shard.partition,
    epoch: shard.epoch,
    version: shard.config.version,
    kind,
    target: rid,
    keepLsn,
  });
}

/** After a new registration: the answer may be lost with the old connection. The compare-and-set makes it safe. */
export function askAgain(shard: Shard, ports: ShardPorts): void {
  const pending = shard.primary?.pending;
  if (pending !== undefined) sendChange(shard, ports, pending);
}

/** A newer configuration of the same epoch: S changed, or the catalog's own fields. */
export function onOwnConfig(shard: Shard, primary: Primary, ports: ShardPorts, config: PartitionConfig): void {
  const configBefore = shard.config;
  const before = configBefore.sync;
  const { pending, plus } = primary;
  shard.config = config;
  primary.pending = undefined;
  // The compare-and-set of a hand-over that was asked for fails now: this is the answer.
  if (primary.handOver.state === 'asked') resume(primary, ports);
  const isIn = (rid: Rid) => config.sync.some((member) => sameRid(member, rid));
  if (plus !== undefined && (isIn(plus.rid) || pending?.kind === 'add')) primary.plus = undefined;
  if (before.some((rid) => !isIn(rid))) {
    ports.count('replica_evictions');
    primary.mustConsiderAborts = true;
  }
  for (const rid of config.sync) {
    if (before.some((old) => sameRid(old, rid))) continue;
    ports.count('replica_additions');
    const follower = primary.followers.get(rid.incarnation);
    follower?.reopening.forgive();
    follower?.renewal.forgive();
  }
  noteMembers(shard, primary, ports, configBefore);
  primary.retryWaiting = true;
  matchFollowersToConfig(shard, primary, ports);
  tryDecide(shard, ports);
}

/** The catalog declined; `config` may be newer than ours, and then says why. */
export function onChangeRejected(primary: Primary, ports: ShardPorts, changeId: number): void {
  const { pending, plus, handOver } = primary;
  if (handOver.state === 'asked' && handOver.changeId === changeId) resume(primary, ports);
  if (pending?.changeId !== changeId) return;
  primary.pending = undefined;
  if (pending.kind === 'evict') primary.evicting.fail(ports.nowMs());
  if (pending.kind !== 'add' || plus === undefined) return;
  primary.plus = undefined;
  const follower = primary.followers.get(plus.rid.incarnation);
  follower?.candidacy.fail(ports.nowMs());
}
