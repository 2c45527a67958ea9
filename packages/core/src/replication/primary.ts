/**
 * The primary's part of the protocol: it orders the records of its partition and gives each its outcome.
 *
 * D1. A record is decided when every member of S+ (the in-sync set and the one being added) has acknowledged it and
 *     at least minSyncReplicas members of the confirmed S are there, no eviction is pending, and the promises this
 *     shard gave to primaries of older epochs have run out.
 * A1. "Rolled back" is said only when no promotable replica can commit the record any more.
 * N1. A new primary keeps the whole suffix that it inherited, and commits it; it cannot know what was answered.
 *
 * What it sends to its followers is in followers.ts, how the in-sync set changes in in-sync.ts.
 */
import { assert, must } from '../assert.ts';
import { KEEP_ALL, KEEP_DECIDED, type PartitionConfig } from '../catalog/config.ts';
import { type Incarnation, type Lsn, type MapId, NO_MAP, type Rid, type RidKey, ridKey, sameRid } from '../ids.ts';
import { type LogRecord, mapOfOperation, type ShardDigest } from '../messages.ts';
import { type ExpiryDuty, judge, newExpiryDuty, stampOf } from '../shard/expiry.ts';
import { KeyQueue } from '../shard/key-queue.ts';
import type { MapLedger } from '../shard/map-ledger.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { PendingRequest } from '../shard/request.ts';
import { decideNext, digestOf, type Shard } from '../shard/shard.ts';
import { Transactions } from '../shard/transactions.ts';
import { BackOff } from './back-off.ts';
import { noteDirty } from './dirty.ts';
import type { Follower } from './follower.ts';
import { type IndexReads, newIndexReads } from './read-index.ts';
import type { Admission } from './readmission.ts';

export interface PendingChange {
  readonly changeId: number;
  readonly kind: 'add' | 'evict';
  readonly rid: Rid;
  readonly keepLsn: Lsn;
}

export interface Verification {
  readonly request: PendingRequest;
  readonly digests: ShardDigest[];
}

export interface Primary {
  /** The last lsn at promotion: everything up to it is inherited. */
  readonly startLsn: Lsn;
  /** S as it was inherited: a placeholder in one of their logs proves that the old primary never decided it. */
  readonly inheritedSync: ReadonlySet<RidKey>;
  /** This shard's own promises to primaries of older epochs end here (L2). */
  readonly grantsEndMs: number;
  readonly followers: Map<Incarnation, Follower>;
  /** Of lives that are in S, or were since this shard's promotion. */
  readonly admissions: Map<Incarnation, Admission>;
  /** Being added: its acknowledgement is needed already (E3). */
  plus: { readonly rid: Rid; readonly atLsn: Lsn } | undefined;
  /** Lives of replicas that we told to give up: they may obey at any time, so none of them is ever added. */
  readonly givenUp: Set<RidKey>;
  /** No eviction is asked for before this is over: the last one was declined. */
  readonly evicting: BackOff;
  /** Asked of the catalog and not answered. */
  pending: PendingChange | undefined;
  /** The highest abort record by which a client was told of a rollback, or an entry was decided aborted (E2). */
  abortAnsweredLsn: Lsn;
  /** Records whose rollback was answered before `decidedLsn` came to them. */
  readonly rolledBack: Set<Lsn>;
  /** Records of this epoch that have an abort record, no outcome and no answer yet. */
  readonly openAborts: Set<Lsn>;
  readonly keys: KeyQueue<PendingRequest>;
  /** Requests that wait for a lease, for inherited records, or for A2. */
  waiting: PendingRequest[];
  /** Who is to be answered when the record is decided. */
  readonly attached: Map<Lsn, PendingRequest[]>;
  readonly verifications: Map<Lsn, Verification>;
  /** Reads that rest on no lease. */
  readonly index: IndexReads;
  readonly transactions: Transactions;
  /** By map: the last record of this epoch that changes something in it, decided or not; renewals and removals of what has expired do not. */
  readonly changedLsns: Lsn[];
  /** Somebody waits for the next outcome. */
  wakesOnDecision: boolean;
  /** Something changed that those who wait may have waited for. */
  retryWaiting: boolean;
  /**
   * A planned change of primary. `stopping`: new requests wait until everything is decided and acknowledged. `asked`:
   * nothing is read or decided any more, whatever becomes of the question, until a configuration answers it.
   */
  handOver: { state: 'no' | 'stopping' | 'asked'; changeId: number; sinceMs: number; notBeforeMs: number };
  /** The last lsn whose digest a record carries. */
  digestToldLsn: Lsn;
  readonly expiry: ExpiryDuty;
  /** Of maps with a limit that were written to: what undecided records add. */
  readonly ledgers: Map<MapId, MapLedger>;
  /** A refusal or a smaller S: some record may have to be aborted. */
  mustConsiderAborts: boolean;
}

export function othersInSync(shard: Shard): readonly Rid[] {
  return shard.config.sync.filter((rid) => !sameRid(rid, shard.rid));
}

/** How many those are, without a list of them: every write asks. */
export function othersInSyncCount({ config, rid }: Shard): number {
  let count = 0;
  for (const one of config.sync) if (!sameRid(one, rid)) count++;
  return count;
}

/** S+ without the primary itself. */
export function ackersOf(shard: Shard, primary: Primary): Rid[] {
  const ackers = othersInSync(shard).slice();
  const { plus } = primary;
  if (plus !== undefined && !ackers.some((rid) => sameRid(rid, plus.rid))) ackers.push(plus.rid);
  return ackers;
}

/** The last lsn that this life of a replica acknowledged in our epoch; undefined: it has not reconciled yet. */
export function matchOf(primary: Primary, rid: Rid): Lsn | undefined {
  const follower = primary.followers.get(rid.incarnation);
  return follower !== undefined && follower.shardInc === rid.shardInc ? follower.matchLsn : undefined;
}

function hasRefused(primary: Primary, rid: Rid, lsn: Lsn): boolean {
  const follower = primary.followers.get(rid.incarnation);
  return follower !== undefined && follower.shardInc === rid.shardInc && follower.refused.has(lsn);
}

/** N1: adopts the epoch; cuts only if promoted from the eligible replicas (P1). */
export function becomePrimary(shard: Shard, config: PartitionConfig, grantsEndMs: number): Primary {
  assert(sameRid(config.primary, shard.rid), 'promoted under its own Rid');
  assert(shard.loading === undefined, 'only a consistent shard is promoted');
  const keepLsn = config.keepLsn === KEEP_DECIDED ? shard.decidedLsn : config.keepLsn;
  if (keepLsn !== KEEP_ALL) {
    assert(shard.decidedLsn <= keepLsn, 'keepLsn covers everything decided');
    if (keepLsn < shard.log.lastLsn) shard.log.cutAfter(keepLsn);
  }
  shard.epoch = config.epoch;
  shard.config = config;
  shard.opened = undefined;
  shard.sessions.forgetUndecided();
  const primary: Primary = {
    startLsn: shard.log.lastLsn,
    inheritedSync: new Set(config.sync.map(ridKey)),
    grantsEndMs,
    followers: new Map(),
    admissions: new Map(),
    givenUp: new Set(),
    plus: undefined,
    evicting: new BackOff({ firstMs: 250, maxMs: 250 }),
    pending: undefined,
    abortAnsweredLsn: 0,
    rolledBack: new Set(),
    openAborts: new Set(),
    keys: new KeyQueue(shard.hashSeed, shard.log.lastLsn),
    waiting: [],
    attached: new Map(),
    verifications: new Map(),
    transactions: new Transactions(),
    changedLsns: [],
    wakesOnDecision: false,
    retryWaiting: false,
    index: newIndexReads(),
    handOver: { state: 'no', changeId: 0, sinceMs: 0, notBeforeMs: 0 },
    digestToldLsn: 0,
    expiry: newExpiryDuty(shard),
    ledgers: new Map(),
    mustConsiderAborts: shard.log.placeholders.size > 0,
  };
  for (let lsn = shard.decidedLsn + 1; lsn <= shard.log.lastLsn; lsn++) {
    const record = shard.log.at(lsn);
    // A2 holds for one that is to be rolled back too: an eligible replica may hold it without the abort record.
    shard.sessions.begin(record);
    if (shard.log.abortRecordOf(lsn) !== undefined) primary.openAborts.add(lsn);
    else if (record.kind !== 'expire') primary.keys.lock(record);
  }
  shard.primary = primary;
  return primary;
}

/** Requests that were never logged are told to go elsewhere; logged ones stay unanswered: their outcome is not ours to tell. */
export function stepDown(shard: Shard, ports: ShardPorts): void {
  const { primary } = shard;
  if (primary === undefined) return;
  shard.primary = undefined;
  shard.expiry.forgetTime();
  shard.sessions.forgetUndecided();
  const indexed = primary.index.waiting.map(({ request }) => request);
  const locking = primary.transactions.locks.removeWaits(() => true).removed.map(({ waiter }) => waiter);
  for (const request of [...primary.waiting, ...primary.keys.remove(() => true), ...locking, ...indexed]) {
    ports.answerError(request, 'not_primary', { partition: shard.partition });
  }
  for (const { request } of primary.verifications.values()) {
    ports.answerError(request, 'not_primary', { partition: shard.partition });
  }
  ports.note('stepped_down', { partition: shard.partition, epoch: shard.epoch });
}

/** L2: its promises to older primaries have run out. */
export function grantsHaveEnded(primary: Primary, ports: ShardPorts): boolean {
  return ports.nowMs() >= primary.grantsEndMs || ports.mutated('noGrantWait');
}

/** L1: a lease of the catalog, or promises of all of S+; compared in the turn of the read. */
export function mayRead(shard: Shard, primary: Primary, ports: ShardPorts): boolean {
  const may = ports.mutated('readWithoutLease') || holdsLease(shard, primary, ports);
  if (may) ports.acts('reads', shard);
  return may;
}

function holdsLease(shard: Shard, primary: Primary, ports: ShardPorts): boolean {
  if (!grantsHaveEnded(primary, ports)) return false;
  const nowMs = ports.leaseNowMs();
  if (primary.handOver.state === 'asked' && !ports.mutated('handOverReadsOn')) return false;
  if (nowMs < ports.catalogLeaseUntilMs(shard.partition)) return true;
  if (shard.config.elr.length > 0) return false;
  const ackers = ackersOf(shard, primary);
  if (ackers.length === 0) return false;
  const grants = (rid: Rid): boolean => {
    const follower = primary.followers.get(rid.incarnation);
    return (
      follower !== undefined &&
      follower.shardInc === rid.shardInc &&
      follower.matchLsn !== undefined &&
      nowMs < follower.grantUntilMs
    );
  };
  return ports.mutated('oneGrantIsEnough') ? ackers.some(grants) : ackers.every(grants);
}

export function appendRecord(
  shard: Shard,
  primary: Primary,
  fields: Pick<LogRecord, 'kind' | 'clientId' | 'seq' | 'ackedBelow' | 'map' | 'operations' | 'aborted'>,
): LogRecord {
  const lsn = shard.log.lastLsn + 1;
  const { kind, clientId, seq, ackedBelow, map, operations, aborted } = fields;
  const { clockMs, ceilingMs } = stampOf(shard, primary.expiry, { lsn, operations });
  const { digestLsn, stateDigest } = tellDigest(shard, primary);
  // One shape for all records, made in one go.
  const record: LogRecord = {
    lsn,
    epoch: shard.epoch,
    kind,
    clientId,
    seq,
    ackedBelow,
    map,
    operations,
    decidedUpTo: shard.decidedLsn,
    aborted,
    clockMs,
    ceilingMs,
    digestLsn,
    stateDigest,
  };
  shard.log.append(record);
  shard.sessions.begin(record);
  // Removals of what is due concern nobody: readers do not see it any more, and writers find no such key.
  if (kind !== 'expire') primary.keys.lock(record);
  if (kind === 'write' || kind === 'evict') noteChanged(primary, record);
  return record;
}

function noteChanged({ changedLsns }: Primary, record: LogRecord): void {
  for (const operation of record.operations) {
    const map = mapOfOperation(record, operation);
    if (operation.kind !== 'touch') changedLsns[map] = record.lsn;
  }
}

const NO_DIGEST = { digestLsn: 0, stateDigest: 0 } as const;

/** Each one once: the records that follow it bring it to every replica. */
function tellDigest({ digests }: Shard, primary: Primary): Pick<LogRecord, 'digestLsn' | 'stateDigest'> {
  const { lastLsn } = digests;
  if (lastLsn <= primary.digestToldLsn) return NO_DIGEST;
  primary.digestToldLsn = lastLsn;
  return { digestLsn: lastLsn, stateDigest: must(digests.at(lastLsn), 'the last digest is kept') };
}

function ackedByAll(shard: Shard, primary: Primary, ports: ShardPorts, lsn: Lsn): boolean {
  if (shard.log.placeholders.has(lsn)) return false;
  const { sync } = shard.config;
  const { plus } = primary;
  for (const rid of sync) if (!sameRid(rid, shard.rid) && !hasAcked(primary, ports, rid, lsn)) return false;
  return plus === undefined || sync.some((rid) => sameRid(rid, plus.rid)) || hasAcked(primary, ports, plus.rid, lsn);
}

function hasAcked(primary: Primary, ports: ShardPorts, rid: Rid, lsn: Lsn): boolean {
  const { pending } = primary;
  if (pending?.kind === 'evict' && sameRid(pending.rid, rid) && ports.mutated('evictNotConfirmed')) return true;
  const follower = primary.followers.get(rid.incarnation);
  if (follower === undefined || follower.shardInc !== rid.shardInc || follower.matchLsn === undefined) return false;
  return follower.matchLsn >= lsn && !follower.refused.has(lsn);
}

function isFrozen(primary: Primary, ports: ShardPorts): boolean {
  return primary.pending?.kind === 'evict' && !ports.mutated('noFreeze') && !ports.mutated('evictNotConfirmed');
}

function hasMin(shard: Shard): boolean {
  return shard.config.sync.length - 1 >= shard.policy.minSyncReplicas;
}

/** D1, for as many records as it now holds for; then A1 for the rest. */
export function tryDecide(shard: Shard, ports: ShardPorts): void {
  const { primary, log } = shard;
  if (primary === undefined) return;
  if (primary.mustConsiderAborts) considerAborts(shard, primary, ports);
  if (!grantsHaveEnded(primary, ports) || primary.handOver.state === 'asked') return;
  while (shard.decidedLsn < log.lastLsn && !isFrozen(primary, ports)) {
    if (!hasMin(shard) && !ports.mutated('decideBelowMin')) break;
    const alone = shard.config.sync.length === 1;
    if (alone && ports.leaseNowMs() >= ports.catalogLeaseUntilMs(shard.partition)) break;
    const lsn = shard.decidedLsn + 1;
    const abortLsn = log.abortRecordOf(lsn);
    if (!ackedByAll(shard, primary, ports, abortLsn ?? lsn)) break;
    if (abortLsn === undefined) finishCommitted(shard, primary, ports);
    else finishAborted(shard, primary, ports, abortLsn);
    ports.acts('decides', shard);
    if (shard.decidedLsn === primary.startLsn) {
      judge(shard, primary, ports);
      primary.retryWaiting = true;
    }
  }
  answerAborts(shard, primary, ports);
}

function finishCommitted(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const record = decideNext(shard, true);
  noteDirty(primary, record, true);
  release(primary, record);
  for (const request of primary.attached.get(record.lsn) ?? []) {
    const { id } = request.message;
    const { epoch, lsn } = record;
    if (record.kind === 'abortMarker') ports.answer(request, { type: 'rolledBack', id });
    else ports.answer(request, { type: 'writeAnswer', id, epoch, lsn, applied: true });
  }
  primary.attached.delete(record.lsn);
  if (record.kind === 'digest') reportOwnDigest(shard, primary, record.lsn);
}

function finishAborted(shard: Shard, primary: Primary, ports: ShardPorts, abortLsn: Lsn): void {
  primary.abortAnsweredLsn = Math.max(primary.abortAnsweredLsn, abortLsn);
  const lsn = shard.decidedLsn + 1;
  if (!primary.rolledBack.has(lsn)) answerRolledBack(shard, primary, ports, lsn);
  primary.rolledBack.delete(lsn);
  noteDirty(primary, decideNext(shard, false), false);
}

/** A1; may run below minSyncReplicas, never moves `decidedLsn`. */
function answerAborts(shard: Shard, primary: Primary, ports: ShardPorts): void {
  if (primary.openAborts.size === 0 || isFrozen(primary, ports)) return;
  for (const lsn of primary.openAborts) {
    const abortLsn = shard.log.abortRecordOf(lsn);
    if (abortLsn === undefined || !ackedByAll(shard, primary, ports, abortLsn)) continue;
    const cannotReturn =
      hasMin(shard) ||
      ports.mutated('abortIgnoresEligible') ||
      shard.config.elr.every(({ keepLsn }) => keepLsn !== KEEP_ALL && keepLsn < lsn);
    if (!cannotReturn) continue;
    primary.abortAnsweredLsn = Math.max(primary.abortAnsweredLsn, abortLsn);
    primary.rolledBack.add(lsn);
    answerRolledBack(shard, primary, ports, lsn);
  }
}

function answerRolledBack(shard: Shard, primary: Primary, ports: ShardPorts, lsn: Lsn): void {
  const record = shard.log.at(lsn);
  primary.openAborts.delete(lsn);
  release(primary, record);
  ports.count('records_rolled_back');
  shard.sessions.rollBack(record);
  const votes = othersInSync(shard).filter((rid) => !hasRefused(primary, rid, lsn)).length;
  for (const request of primary.attached.get(lsn) ?? []) {
    ports.answerError(request, 'replication_voted_to_rollback', {
      partition: shard.partition,
      votes,
      required: shard.policy.minSyncReplicas,
    });
  }
  primary.attached.delete(lsn);
}

function release(primary: Primary, record: LogRecord): void {
  if (primary.wakesOnDecision) {
    primary.wakesOnDecision = false;
    primary.retryWaiting = true;
  }
  if (record.kind === 'expire') return;
  const free = primary.keys.unlock(record);
  if (free === undefined) return;
  primary.waiting.push(...free);
  primary.retryWaiting = true;
}

/** Which undecided records can never be committed: one noop then carries their aborts. */
function considerAborts(shard: Shard, primary: Primary, ports: ShardPorts): void {
  primary.mustConsiderAborts = false;
  const others = othersInSync(shard);
  const aborted: Lsn[] = [];
  for (let lsn = shard.decidedLsn + 1; lsn <= shard.log.lastLsn; lsn++) {
    const record = shard.log.at(lsn);
    if (record.kind === 'noop' || shard.log.abortRecordOf(lsn) !== undefined) continue;
    const mustAbort =
      lsn > primary.startLsn ? cannotWin(shard, primary, others, lsn) : wasNeverDecided(shard, primary, lsn);
    if (mustAbort) aborted.push(lsn);
  }
  if (aborted.length === 0) return;
  for (const lsn of aborted) primary.openAborts.add(lsn);
  ports.note(
    'records_aborted',
    { partition: shard.partition, count: aborted.length, first: aborted[0] as Lsn },
    'warn',
  );
  appendRecord(shard, primary, {
    kind: 'noop',
    clientId: '',
    seq: 0,
    ackedBelow: 0,
    map: NO_MAP,
    operations: [],
    aborted,
  });
}

function cannotWin(shard: Shard, primary: Primary, others: readonly Rid[], lsn: Lsn): boolean {
  const { minSyncReplicas } = shard.policy;
  if (others.length < minSyncReplicas) return true;
  const refusals = others.filter((rid) => hasRefused(primary, rid, lsn)).length;
  // Refused by all: the record is at fault, nobody is evicted for it.
  return refusals > 0 && (others.length - refusals < minSyncReplicas || refusals === others.length);
}

/** A placeholder in the log of a member of the S that it inherited: that member refused it, so D1 never held (N1). */
function wasNeverDecided(shard: Shard, primary: Primary, lsn: Lsn): boolean {
  if (shard.log.placeholders.has(lsn)) return true;
  for (const follower of primary.followers.values()) {
    const rid = ridKey({ ...follower.host, shardInc: follower.shardInc });
    if (primary.inheritedSync.has(rid) && follower.refused.has(lsn)) return true;
  }
  return false;
}

/** A2: whether it is a fact that no earlier attempt is held where it could still be committed. */
export function isSettled(shard: Shard, primary: Primary): boolean {
  return (
    ackersOf(shard, primary).every((rid) => matchOf(primary, rid) !== undefined) &&
    primary.pending?.kind !== 'evict' &&
    shard.config.elr.every(({ keepLsn }) => keepLsn !== KEEP_ALL)
  );
}

function reportOwnDigest(shard: Shard, primary: Primary, lsn: Lsn): void {
  const verification = primary.verifications.get(lsn);
  if (verification === undefined) return;
  verification.digests.push({ rid: shard.rid, role: 'primary', ...digestOf(shard) });
}
