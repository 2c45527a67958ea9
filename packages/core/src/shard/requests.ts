/**
 * What a primary does with the requests of clients. Whatever depends on the entries and is not decided by votes (a
 * read, a failed condition, a delete that finds nothing) is a read: only with a valid lease, in the same turn (L1).
 * A write asks the sessions first (A2), so that a retry gets its first attempt's answer.
 */
import { type MapId, NO_MAP } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { Read, ReadEntry, Scan, ScanEntry, Size } from '../messages.ts';
import { NO_BYTES } from '../messages.ts';
import {
  appendRecord,
  grantsHaveEnded,
  mayRead,
  othersInSync,
  type Primary,
  tryDecide,
} from '../replication/primary.ts';
import type { EntryMap } from '../store/entry-map.ts';
import { commit } from './commit.ts';
import { blockerOfExpired, mayBeRenewedElsewhere, noteAccess, readClock, visibleEntry } from './expiry.ts';
import type { Place } from './key-queue.ts';
import { expireLockWaits, lock, wake } from './locking.ts';
import type { ShardPorts } from './ports.ts';
import { foundEntry, NOT_FOUND, READ_BYTES_MAX, readEntries } from './read-entries.ts';
import type { PendingRequest } from './request.ts';
import { resolveOrAbort } from './resolve.ts';
import { mapOf, type Shard } from './shard.ts';
import { write } from './writes.ts';

export function submit(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest): void {
  const { message } = request;
  // The next primary answers it; or this one, if nothing comes of the hand-over.
  if (primary.handOver.state !== 'no') return wait(primary, request);
  switch (message.type) {
    case 'read':
      return read(shard, primary, ports, request, message);
    case 'size':
      return size(shard, primary, ports, request, message);
    case 'scan':
      return scan(shard, primary, ports, request, message);
    case 'write':
      return write(shard, primary, ports, { request, message });
    case 'lock':
      return lock(shard, primary, ports, request, message);
    case 'commit':
      return commit(shard, primary, ports, { request, message });
    case 'resolveOrAbort':
      return resolveOrAbort(shard, primary, ports, { request, message });
    case 'verify':
      return verify(shard, primary, ports, request);
  }
}

/** Everybody who waits tries again, in the order of arrival; most wait on. */
export function retryWaiting(shard: Shard, primary: Primary, ports: ShardPorts): void {
  primary.retryWaiting = false;
  if (primary.waiting.length === 0) return;
  const waiting = primary.waiting;
  primary.waiting = [];
  const { transactions } = primary;
  for (const request of waiting) {
    if (ports.isOpen(request.connection)) submit(shard, primary, ports, request);
    wake(primary, transactions.endWrite(request));
  }
}

/** Those whose time is over learn what they waited for. */
export function expireWaiting(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const isOver = ({ deadlineMs }: PendingRequest) => ports.nowMs() >= deadlineMs;
  const expired = primary.keys.remove(isOver);
  if (primary.waiting.some(isOver)) {
    expired.push(...primary.waiting.filter(isOver));
    primary.waiting = primary.waiting.filter((request) => !isOver(request));
  }
  if (primary.index.waiting.some(({ request }) => isOver(request))) {
    expired.push(...primary.index.waiting.map(({ request }) => request).filter(isOver));
    primary.index.waiting = primary.index.waiting.filter(({ request }) => !isOver(request));
  }
  expireLockWaits(primary, ports);
  for (const request of expired) {
    const code = isAcquisition(request) ? 'lock_timeout' : 'timeout';
    ports.answerError(request, code, {
      partition: shard.partition,
      waitedFor: whatItWaitsFor(shard, primary, ports, request),
    });
  }
  for (const [lsn, { request, digests }] of primary.verifications) {
    const expected = 1 + othersInSync(shard).length + shard.config.async.length;
    if (digests.length < expected && !isOver(request)) continue;
    primary.verifications.delete(lsn);
    ports.answer(request, { type: 'verifyAnswer', id: request.message.id, lsn, digests });
  }
}

/** It was never logged: an earlier attempt that was would have been joined. */
function isAcquisition({ message }: PendingRequest): boolean {
  return message.type === 'write' && message.attempt === 1 && message.operations[0]?.kind === 'acquire';
}

function whatItWaitsFor(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest): string {
  const { message } = request;
  if (isAcquisition(request)) return 'the end of the lock that is held';
  if (message.type === 'resolveOrAbort')
    return 'a copy that may hold the write: too few in-sync replicas, or no word of it';
  if (!mayRead(shard, primary, ports)) return 'a lease: the primary may have been replaced';
  if (shard.decidedLsn < primary.startLsn) {
    return 'the outcome of writes that were undecided at the fail-over: not enough in-sync replicas';
  }
  if (mayBeRenewedElsewhere(shard)) return 'the word of a copy that may have renewed the key: too few in-sync replicas';
  return 'the outcome of earlier writes to the key';
}

/** Of a map as a whole: which of its entries are there. */
export function isUnclear(shard: Shard, primary: Primary, map: MapId): boolean {
  const inheritsUndecided = shard.decidedLsn < primary.startLsn;
  return inheritsUndecided || (shard.expiry.dueCount(map) > 0 && mayBeRenewedElsewhere(shard));
}

export function wait(primary: Primary, request: PendingRequest): void {
  primary.waiting.push(request);
}

function read(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Read): void {
  if (message.mode === 'eventual') {
    const entries = readEntries(shard, message, (entry) => shard.expiry.isDue(entry));
    return answerRead(shard, ports, request, entries);
  }
  if (message.mode === 'readIndex') {
    if (ports.mutated('readIndexAlone')) return readUnderIndex(shard, primary, ports, request);
    primary.index.waiting.push({ request, probeId: ports.askEpoch(shard) });
    return;
  }
  readNow(shard, primary, ports, { request, message, may: mayRead });
}

/** Of one whose epoch held after it had arrived: it rests on no lease. */
export function readUnderIndex(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest): void {
  const { message } = request;
  if (message.type !== 'read') return;
  const may = (): boolean => grantsHaveEnded(primary, ports) && primary.handOver.state === 'no';
  readNow(shard, primary, ports, { request, message, may });
}

type KeysToRead = Pick<Read, 'map' | 'keys' | 'withoutValues'>;

interface ReadNow {
  readonly request: PendingRequest;
  readonly message: KeysToRead;
  /** Also records of this epoch that have no outcome yet are waited for. */
  readonly looksBack?: boolean;
  readonly may: (shard: Shard, primary: Primary, ports: ShardPorts) => boolean;
}

export function readNow(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message, may, looksBack = false }: ReadNow,
): void {
  for (const key of message.keys) {
    const blocker = looksBack
      ? primary.keys.blockerOfWrite(message.map, key, true)
      : primary.keys.blockerOfRead(message.map, key);
    if (blocker !== undefined) return primary.keys.wait(blocker, request);
  }
  if (!may(shard, primary, ports)) return wait(primary, request);
  const renews = shard.timesToLive.get(message.map)?.type === 'LAST_ACCESS_TIME';
  if (renews) readClock(primary, ports);
  const map = mapOf(shard, message.map);
  const entries: ReadEntry[] = [];
  let bytes = 0;
  for (const key of message.keys) {
    const plain = renews ? undefined : plainEntry(shard, map, key, message);
    if (plain !== undefined) {
      entries.push(plain);
      bytes += plain.value.length;
      if (bytes > READ_BYTES_MAX) break;
      continue;
    }
    const entry = visibleEntry(shard, primary, { map: message.map, key });
    if (entry === 'unclear') return wait(primary, request);
    if (entry === undefined) {
      const blocker = blockerOfExpired(shard, primary, { map: message.map, key });
      if (blocker !== undefined && !ports.mutated('readBeforeRenewal')) return primary.keys.wait(blocker, request);
      entries.push(NOT_FOUND);
      continue;
    }
    // A use of it, which the look-up for its end was not.
    if (renews && shard.mapLimits.has(message.map)) map.find(key);
    if (renews) noteAccess(shard, primary, ports, { map: message.map, entry });
    const found = foundEntry(entry, message.withoutValues);
    entries.push(found);
    bytes += found.value.length;
    if (bytes > READ_BYTES_MAX) break;
  }
  answerRead(shard, ports, request, entries);
}

/** Of a key whose life is no question, which is most of them: it has no end, or is not there and nothing is due. */
function plainEntry(shard: Shard, map: EntryMap, key: Uint8Array, message: KeysToRead): ReadEntry | undefined {
  const reference = map.find(key);
  if (reference === 0) return shard.expiry.dueCount(message.map) === 0 ? NOT_FOUND : undefined;
  return map.expireAtMs(reference) === 0 ? map.found(reference, message.withoutValues) : undefined;
}

function answerRead(shard: Shard, ports: ShardPorts, request: PendingRequest, entries: readonly ReadEntry[]): void {
  const { decidedLsn: lsn, expiry } = shard;
  ports.answer(request, { type: 'readAnswer', id: request.message.id, entries, lsn, clockMs: expiry.seenMs });
}

function size(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Size): void {
  if (isUnclear(shard, primary, message.map) || !mayRead(shard, primary, ports)) return wait(primary, request);
  const count = mapOf(shard, message.map).count - shard.expiry.dueCount(message.map);
  const { decidedLsn: lsn, expiry } = shard;
  ports.answer(request, { type: 'sizeAnswer', id: message.id, count, lsn, clockMs: expiry.seenMs });
}

function scan(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Scan): void {
  if (isUnclear(shard, primary, message.map) || !mayRead(shard, primary, ports)) return wait(primary, request);
  const entries: ScanEntry[] = [];
  // Entries of one hash stay together, so a few may come on top of the limit.
  const limit = Math.min(Math.max(message.limit, 1), LIMITS.scanEntriesMax - 16);
  let bytes = 0;
  let visited = 0;
  let lastHash = message.afterHash;
  let blocker: Place<PendingRequest> | undefined;
  const done = mapOf(shard, message.map).scan(message.resumed ? message.afterHash : undefined, (entry) => {
    lastHash = entry.hash;
    visited++;
    const isDue = shard.expiry.isDue(entry);
    if (isDue) blocker ??= primary.keys.blockerOfWrite(message.map, entry.key, true);
    if (!isDue && beginsWith(entry.key, message.prefix)) {
      const value = message.withoutValues ? NO_BYTES : entry.value;
      entries.push({ key: entry.key, value, epoch: entry.epoch, lsn: entry.lsn });
      bytes += entry.key.length + value.length;
    }
    return entries.length < limit && bytes < LIMITS.scanBytesMax && visited < 8 * LIMITS.scanEntriesMax;
  });
  if (blocker !== undefined) return primary.keys.wait(blocker, request);
  const { decidedLsn: lsn, expiry } = shard;
  ports.answer(request, { type: 'scanAnswer', id: message.id, entries, done, lastHash, lsn, clockMs: expiry.seenMs });
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (key[i] !== prefix[i]) return false;
  return true;
}

/** A record of its own, so that every copy computes its digest at the same lsn. */
function verify(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest): void {
  if (othersInSync(shard).length < shard.policy.minSyncReplicas) {
    return ports.answerError(request, 'too_few_sync_replicas', { partition: shard.partition });
  }
  const record = appendRecord(shard, primary, {
    kind: 'digest',
    clientId: '',
    seq: 0,
    ackedBelow: 0,
    map: NO_MAP,
    operations: [],
    aborted: [],
  });
  primary.verifications.set(record.lsn, { request, digests: [] });
  tryDecide(shard, ports);
}
