/**
 * What a primary does with the requests of clients. Whatever depends on the entries and is not decided by votes (a
 * read, a failed condition, a delete that finds nothing) is a read: only with a valid lease, in the same turn (L1).
 * A write asks the sessions first (A2), so that a retry gets its first attempt's answer.
 */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import { type MapId, NO_MAP } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { Operation, Read, ReadEntry, Scan, ScanEntry, Size, Write } from '../messages.ts';
import { NO_BYTES } from '../messages.ts';
import { NewOperation } from '../new-messages.ts';
import {
  appendRecord,
  grantsHaveEnded,
  mayRead,
  othersInSync,
  type Primary,
  tryDecide,
} from '../replication/primary.ts';
import type { RememberedRefusal } from '../replication/sessions.ts';
import { type EntryMap, FOREVER } from '../store/entry-map.ts';
import { admit, noteAdmitted } from './admission.ts';
import {
  blockerOfExpired,
  keepsLifetime,
  lifetimeOf,
  mayBeRenewedElsewhere,
  noteAccess,
  readClock,
  visibleEntry,
} from './expiry.ts';
import type { Place } from './key-queue.ts';
import { answerFromMemory, attach, notApplied } from './outcomes.ts';
import type { ShardPorts } from './ports.ts';
import { foundEntry, NOT_FOUND, READ_BYTES_MAX, readEntries } from './read-entries.ts';
import type { PendingRequest } from './request.ts';
import { resolveOrAbort } from './resolve.ts';
import { mapOf, type Shard } from './shard.ts';

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
      return write(shard, primary, ports, request, message);
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
  for (const request of waiting) {
    if (ports.isOpen(request.connection)) submit(shard, primary, ports, request);
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
  for (const request of expired) {
    ports.answerError(request, 'timeout', {
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

function whatItWaitsFor(shard: Shard, primary: Primary, ports: ShardPorts, { message }: PendingRequest): string {
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
function isUnclear(shard: Shard, primary: Primary, map: MapId): boolean {
  const inheritsUndecided = shard.decidedLsn < primary.startLsn;
  return inheritsUndecided || (shard.expiry.dueCount(map) > 0 && mayBeRenewedElsewhere(shard));
}

function wait(primary: Primary, request: PendingRequest): void {
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

interface ReadNow {
  readonly request: PendingRequest;
  readonly message: Read;
  readonly may: (shard: Shard, primary: Primary, ports: ShardPorts) => boolean;
}

function readNow(shard: Shard, primary: Primary, ports: ShardPorts, { request, message, may }: ReadNow): void {
  for (const key of message.keys) {
    const blocker = primary.keys.blockerOfRead(message.map, key);
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
function plainEntry(shard: Shard, map: EntryMap, key: Uint8Array, message: Read): ReadEntry | undefined {
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
  ports.answer(request, { type: 'sizeAnswer', id: message.id, count });
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
  ports.answer(request, { type: 'scanAnswer', id: message.id, entries, done, lastHash });
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (key[i] !== prefix[i]) return false;
  return true;
}

function write(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Write): void {
  if (answerFromMemory(shard, primary, ports, { request, message })) return;
  const votes = othersInSync(shard).length;
  const required = shard.policy.minSyncReplicas;
  if (votes < required) {
    const details = { partition: shard.partition, inSync: votes, required };
    if (awaitsFirstReplicas(shard)) {
      return ports.answerError(request, 'unavailable', { ...details, reason: 'its first replicas are still joining' });
    }
    return notApplied(shard, primary, ports, { request, message, refusal: 'too_few_sync_replicas', details });
  }
  for (const operation of message.operations) {
    const blocker = primary.keys.blockerOfWrite(
      message.map,
      operation.key,
      looksAtEntry(shard, message.map, operation),
    );
    if (blocker !== undefined) return primary.keys.wait(blocker, request);
  }
  const refusal = refusalOf(shard, primary, message);
  if (refusal === 'unclear') return wait(primary, request);
  if (refusal !== undefined) {
    if (!mayRead(shard, primary, ports)) return wait(primary, request);
    const details = { partition: shard.partition };
    return notApplied(shard, primary, ports, { request, message, refusal, details });
  }
  const operations = keepOperations(shard, primary, ports, message);
  const admission = admit(shard, primary, ports, { map: message.map, operations });
  if (admission.is === 'wait') return wait(primary, request);
  // Not remembered: a retry may find room.
  if (admission.is === 'refused') return ports.answerError(request, admission.code, admission.details);
  const record = appendRecord(shard, primary, {
    kind: 'write',
    clientId: request.clientId,
    seq: message.seq,
    ackedBelow: message.ackedBelow,
    map: message.map,
    operations,
    aborted: [],
  });
  noteAdmitted(primary, ports, record, admission.addedBytes);
  attach(primary, record.lsn, request);
  if (required === 0 && votes === 0) tryDecide(shard, ports);
}

/**
 * The first configuration is {P} alone, and each version adds one at least: this one never had enough, so nothing is
 * lost yet. A client that waits for a first placement waits for this too.
 */
function awaitsFirstReplicas({ config, policy }: Shard): boolean {
  return config.epoch === 1 && config.version <= policy.minSyncReplicas;
}

/** Conditions are settled here, and the end of its life. */
function keepOperations(shard: Shard, primary: Primary, ports: ShardPorts, { map, operations }: Write): Operation[] {
  const mayExpire = shard.timesToLive.has(map) || operations.some(({ kind, ttlMs }) => ttlMs > 0 || kind === 'touch');
  if (mayExpire) readClock(primary, ports);
  return operations.map((operation) => {
    const { ttlMs, expireAtMs } = mayExpire ? lifetimeOf(shard, primary, { map, operation }) : FOREVER;
    const { kind, key, value } = operation;
    return new NewOperation({ kind, key, value, ifEpoch: 0, ifLsn: 0, ttlMs, expireAtMs });
  });
}

function looksAtEntry(shard: Shard, map: MapId, operation: Operation): boolean {
  const { kind, ifLsn } = operation;
  if (kind === 'set') return ifLsn > 0 || keepsLifetime(shard, map, operation);
  return kind !== 'clear';
}

/** Against decided entries: why the write has no effect, or undefined. */
function refusalOf(
  shard: Shard,
  primary: Primary,
  { map, operations }: Write,
): RememberedRefusal | 'unclear' | undefined {
  for (const operation of operations) {
    if (!looksAtEntry(shard, map, operation)) continue;
    const { kind, key, ifEpoch, ifLsn } = operation;
    const entry = visibleEntry(shard, primary, { map, key });
    if (entry === 'unclear') return 'unclear';
    if (ifLsn > 0 && (entry === undefined || entry.lsn !== ifLsn || entry.epoch !== ifEpoch)) return 'version_conflict';
    if (kind === 'insert' && entry !== undefined) return 'duplicate_key';
    if (kind === 'update' && entry === undefined) return 'key_not_found';
    const isRemoval = kind === 'delete' || kind === 'touch';
    if (isRemoval && entry === undefined && operations.length === 1) return 'absent';
  }
  return undefined;
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

const SEQ_STARTS_AT_1 = { code: 'invalid_argument', details: { reason: 'seq and attempt start at 1' } } as const;

/** Checks at the edge: what a well-behaved client never sends. */
export function checkRequest(
  message: PendingRequest['message'],
): { code: ErrorCode; details: ErrorDetails } | undefined {
  if (message.type === 'write') return checkWrite(message);
  if (message.type === 'resolveOrAbort' && message.seq < 1) return SEQ_STARTS_AT_1;
  if (message.type === 'read' && message.keys.length > LIMITS.readKeysMax) {
    return { code: 'too_large', details: { keys: message.keys.length, limit: LIMITS.readKeysMax } };
  }
  return undefined;
}

function checkWrite({ operations, seq, attempt }: Write): { code: ErrorCode; details: ErrorDetails } | undefined {
  if (operations.length === 0 || operations.length > LIMITS.recordOperationsMax) {
    return { code: 'too_large', details: { operations: operations.length, limit: LIMITS.recordOperationsMax } };
  }
  if (seq < 1 || attempt < 1) return SEQ_STARTS_AT_1;
  let bytes = 0;
  for (const { kind, key, value, ttlMs } of operations) {
    if (kind === 'expire') return { code: 'invalid_argument', details: { reason: 'only a primary expires' } };
    if (!(ttlMs >= 0 && ttlMs <= LIMITS.ttlMsMax)) {
      return { code: 'invalid_argument', details: { ttlMs, limit: LIMITS.ttlMsMax } };
    }
    if (key.length > LIMITS.keyBytesMax)
      return { code: 'too_large', details: { keyBytes: key.length, limit: LIMITS.keyBytesMax } };
    if (value.length > LIMITS.valueBytesMax) {
      return { code: 'too_large', details: { valueBytes: value.length, limit: LIMITS.valueBytesMax } };
    }
    bytes += key.length + value.length;
  }
  const limit = LIMITS.recordBytesMax + LIMITS.valueBytesMax + LIMITS.keyBytesMax;
  return bytes > limit ? { code: 'too_large', details: { bytes, limit } } : undefined;
}
