/**
 * The end of a transaction: everything that it has read is still so (T1), the maps that it has gone through are as they were
 * (T2), and all that it writes becomes one log record.
 *
 * Both are judged in one turn, against decided entries, when no record without an outcome concerns what was read; the
 * record comes right after. Whatever is appended later is decided later, on every copy, so its lsn is the moment at which the
 * whole transaction happens. A primary that has been replaced may judge by an old state, but its record is never decided;
 * only an answer without a record (a conflict, or nothing to write) needs a lease.
 *
 * Locks make conflicts rare, not impossible: what has expired was not stopped by them (T7). So reads under locks are
 * judged too.
 */
import type { ErrorDetails } from '../errors.ts';
import type { MapId } from '../ids.ts';
import { type Commit, mapOfOperation, type Operation } from '../messages.ts';
import { mayRead, type Primary } from '../replication/primary.ts';
import type { RememberedRefusal } from '../replication/sessions.ts';
import { admit, noteAdmitted } from './admission.ts';
import { visibleEntry } from './expiry.ts';
import { acquireAll, isUndecided, mayWrite, wishesToWrite } from './locking.ts';
import { answerFromMemory, notApplied } from './outcomes.ts';
import type { ShardPorts } from './ports.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';
import { wait, waitForDecision, wake } from './waiting.ts';
import {
  decideAlone,
  keepOperations,
  logOperations,
  looksAtEntry,
  refusalOf,
  refuseWithoutReplicas,
} from './writes.ts';

interface Committing {
  readonly request: PendingRequest;
  readonly message: Commit;
}

export function commit(shard: Shard, primary: Primary, ports: ShardPorts, { request, message }: Committing): void {
  if (answerFromMemory(shard, primary, ports, { request, message })) return;
  const isLogged = message.operations.length > 0;
  const overtaken = whyOvertaken(shard, primary, ports, { request, message });
  if (overtaken !== undefined) return refuse(shard, primary, ports, { request, message, ...overtaken });
  if (isLogged && refuseWithoutReplicas(shard, primary, ports, { request, message })) return;
  if (isLogged && !holdsLocks(shard, primary, ports, { request, message })) return;
  if (waitsForOthers(shard, primary, ports, { request, message })) return;
  const refusal = conflictOf(shard, primary, ports, message) ?? refusalOf(shard, primary, message);
  if (refusal === 'unclear') return wait(primary, request);
  if (refusal !== undefined || !isLogged) {
    if (!mayRead(shard, primary, ports)) return wait(primary, request);
    if (refusal !== undefined) {
      return refuse(shard, primary, ports, { request, message, refusal, details: { partition: shard.partition } });
    }
    endTransaction(primary, request, message.transaction);
    const { id } = message;
    return ports.answer(request, { type: 'writeAnswer', id, epoch: 0, lsn: 0, applied: false });
  }
  append(shard, primary, ports, { request, message });
}

/** Its epoch is over (T6), or its client was silent for too long, or it was chosen to break a deadlock. */
function whyOvertaken(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message }: Committing,
): { refusal: RememberedRefusal; details: ErrorDetails } | undefined {
  const { partition, epoch } = shard;
  const { beganEpoch, transaction } = message;
  if (beganEpoch !== 0 && beganEpoch !== epoch && !ports.mutated('commitInAnyEpoch')) {
    return { refusal: 'transaction_failed_over', details: { partition, beganEpoch, epoch } };
  }
  if (transaction === 0 || primary.transactions.find(request.clientId, transaction) !== undefined) return undefined;
  if (beganEpoch !== epoch) return undefined;
  return { refusal: 'transaction_not_active', details: { partition, transaction } };
}

function holdsLocks(shard: Shard, primary: Primary, ports: ShardPorts, { request, message }: Committing): boolean {
  const open = primary.transactions.find(request.clientId, message.transaction);
  if (open === undefined) return mayWrite(shard, primary, ports, { request, message });
  return acquireAll(shard, primary, ports, { request, owner: open.owner, wishes: wishesToWrite(shard, message) });
}

function waitsForOthers(shard: Shard, primary: Primary, ports: ShardPorts, { request, message }: Committing): boolean {
  const late = ports.mutated('validateLate');
  for (const { map, key } of late ? [] : message.reads) {
    const blocker = primary.keys.blockerOfWrite(map, key, true);
    if (blocker === undefined) continue;
    primary.keys.wait(blocker, request);
    return true;
  }
  for (const operation of message.operations) {
    const map = mapOfOperation(message, operation);
    const blocker = primary.keys.blockerOfWrite(map, operation.key, looksAtEntry(shard, map, operation));
    if (blocker === undefined) continue;
    primary.keys.wait(blocker, request);
    return true;
  }
  if (!message.ranges.some((range) => isUndecided(shard, primary, range))) return false;
  waitForDecision(primary, request);
  return true;
}

function conflictOf(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { reads, ranges }: Commit,
): 'version_conflict' | 'unclear' | undefined {
  for (const { map, key, epoch, lsn } of reads) {
    const entry = visibleEntry(shard, primary, { map, key });
    if (entry === 'unclear') return 'unclear';
    const isSame = entry === undefined ? lsn === 0 : entry.lsn === lsn && entry.epoch === epoch;
    if (!isSame && !ports.mutated('readsUnchecked')) return 'version_conflict';
  }
  if (ports.mutated('rangesUnchecked')) return undefined;
  for (const { map, lsn, clockMs } of ranges) {
    // A late answer of an older epoch: what that changed afterwards is not known here.
    if (lsn < primary.startLsn) return 'version_conflict';
    if ((primary.changedLsns[map] ?? 0) > lsn || shard.expiry.lastDueMs(map) > clockMs) return 'version_conflict';
  }
  return undefined;
}

interface Refused extends Committing {
  readonly refusal: RememberedRefusal;
  readonly details: ErrorDetails;
}

function refuse(shard: Shard, primary: Primary, ports: ShardPorts, { request, message, ...why }: Refused): void {
  if (notApplied(shard, primary, ports, { request, message, ...why })) {
    endTransaction(primary, request, message.transaction);
  }
}

/** Its locks end, and not before (T3). */
function endTransaction(primary: Primary, { clientId }: PendingRequest, transaction: number): void {
  if (transaction !== 0) wake(primary, primary.transactions.end(clientId, transaction));
}

function append(shard: Shard, primary: Primary, ports: ShardPorts, { request, message }: Committing): void {
  const operations = keepOperations(shard, primary, ports, message);
  const addedByMap: { readonly map: MapId; readonly operations: Operation[]; addedBytes: number }[] = [];
  for (const operation of operations) {
    const map = mapOfOperation(message, operation);
    const known = addedByMap.find((one) => one.map === map);
    if (known === undefined) addedByMap.push({ map, operations: [operation], addedBytes: 0 });
    else known.operations.push(operation);
  }
  for (const one of addedByMap) {
    const admission = admit(shard, primary, ports, { map: one.map, operations: one.operations, reads: message.reads });
    if (admission.is === 'wait') return wait(primary, request);
    if (admission.is === 'refused') {
      endTransaction(primary, request, message.transaction);
      return ports.answerError(request, admission.code, admission.details);
    }
    one.addedBytes = admission.addedBytes;
  }
  // What gave way to it may be of a map that it has gone through: then it is judged again.
  if (message.ranges.some((range) => isUndecided(shard, primary, range))) return waitForDecision(primary, request);
  const lsn = logOperations(shard, primary, { request, message, operations });
  for (const one of addedByMap) noteAdmitted(primary, ports, { ...one, lsn });
  endTransaction(primary, request, message.transaction);
  decideAlone(shard, ports);
}
