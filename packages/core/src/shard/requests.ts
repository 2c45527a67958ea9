/**
 * What a primary does with the requests of clients. Whatever depends on the entries and is not decided by votes (a
 * read, a failed condition, a delete that finds nothing) is a read: only with a valid lease, in the same turn (L1).
 * A write asks the sessions first (A2), so that a retry gets its first attempt's answer.
 */
import { NO_MAP } from '../ids.ts';
import { appendRecord, mayRead, othersInSync, type Primary, tryDecide } from '../replication/primary.ts';
import { commit } from './commit.ts';
import { mayBeRenewedElsewhere } from './expiry.ts';
import { expireLockWaits, lock } from './locking.ts';
import type { ShardPorts } from './ports.ts';
import { read, scan, size } from './reads.ts';
import type { PendingRequest } from './request.ts';
import { resolveOrAbort } from './resolve.ts';
import type { Shard } from './shard.ts';
import { wait, wake } from './waiting.ts';
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
