/**
 * Writes outside of transactions, and what commits share with them: conditions against decided entries, and the operations
 * as they stand in the record.
 */
import type { Lsn, MapId } from '../ids.ts';
import { compareBytes } from '../keys/compare-bytes.ts';
import { type Commit, mapOfOperation, type Operation, type RequestMessage, type Write } from '../messages.ts';
import { NewOperation } from '../new-messages.ts';
import { appendRecord, mayRead, othersInSyncCount, type Primary, tryDecide } from '../replication/primary.ts';
import type { RememberedRefusal } from '../replication/sessions.ts';
import { FOREVER } from '../store/entry-map.ts';
import { admit, noteAdmitted } from './admission.ts';
import { keepsLifetime, lifetimeOf, readClock, visibleEntry } from './expiry.ts';
import { mayWrite } from './locking.ts';
import { answerFromMemory, attach, notApplied } from './outcomes.ts';
import type { ShardPorts } from './ports.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';
import { wait, waitForDecision } from './waiting.ts';

interface Writing {
  readonly request: PendingRequest;
  readonly message: Write;
}

export function write(shard: Shard, primary: Primary, ports: ShardPorts, { request, message }: Writing): void {
  if (answerFromMemory(shard, primary, ports, { request, message })) return;
  if (refuseWithoutReplicas(shard, primary, ports, { request, message })) return;
  if (shard.lockedMaps.has(message.map) && !mayWrite(shard, primary, ports, { request, message })) return;
  if (isBehindOthers(shard, primary, message)) return waitForDecision(primary, request);
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
    notApplied(shard, primary, ports, { request, message, refusal, details });
    return;
  }
  const operations = keepOperations(shard, primary, ports, message);
  const admission = admit(shard, primary, ports, { map: message.map, operations });
  if (admission.is === 'wait') return wait(primary, request);
  // Not remembered: a retry may find room.
  if (admission.is === 'refused') return ports.answerError(request, admission.code, admission.details);
  const lsn = logOperations(shard, primary, { request, message, operations });
  noteAdmitted(primary, ports, { map: message.map, operations, addedBytes: admission.addedBytes, lsn });
  decideAlone(shard, ports);
}

export interface Logged {
  readonly request: PendingRequest;
  readonly message: Write | Commit;
  /** As they stand in the record. */
  readonly operations: readonly Operation[];
}

/** Nothing stands against it any more: it is answered when its record is decided. */
export function logOperations(shard: Shard, primary: Primary, { request, message, operations }: Logged): Lsn {
  const { clientId } = request;
  const { seq, ackedBelow, map } = message;
  const { lsn } = appendRecord(shard, primary, {
    kind: 'write',
    clientId,
    seq,
    ackedBelow,
    map,
    operations,
    aborted: [],
  });
  attach(primary, lsn, request);
  return lsn;
}

/** Where nobody votes there is no vote to wait for. */
export function decideAlone(shard: Shard, ports: ShardPorts): void {
  if (shard.policy.minSyncReplicas === 0 && othersInSyncCount(shard) === 0) tryDecide(shard, ports);
}

/** Nothing is logged without them. @returns whether it was answered, or waits for an answer that it may be given. */
export function refuseWithoutReplicas(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message }: { readonly request: PendingRequest; readonly message: Write | Commit },
): boolean {
  const inSync = othersInSyncCount(shard);
  const required = shard.policy.minSyncReplicas;
  if (inSync >= required) return false;
  const details = { partition: shard.partition, inSync, required };
  if (awaitsFirstReplicas(shard)) {
    ports.answerError(request, 'unavailable', { ...details, reason: 'its first replicas are still joining' });
  } else notApplied(shard, primary, ports, { request, message, refusal: 'too_few_sync_replicas', details });
  return true;
}

/** A lock by name that somebody has, or for which somebody waits who came before: all of them wait in one list, in their order. */
function isBehindOthers(shard: Shard, primary: Primary, { map, operations }: Write): boolean {
  for (const { kind, key } of operations) {
    if (kind !== 'acquire') continue;
    if (primary.waiting.some(({ message }) => isForLock(message, { map, key }))) return true;
    if (primary.keys.blockerOfWrite(map, key, true) !== undefined) return true;
    if (visibleEntry(shard, primary, { map, key }) !== undefined) return true;
  }
  return false;
}

function isForLock(message: RequestMessage, { map, key }: { readonly map: MapId; readonly key: Uint8Array }): boolean {
  if (message.type !== 'write' || message.map !== map) return false;
  return message.operations.some((one) => one.kind === 'acquire' && compareBytes(one.key, key) === 0);
}

/**
 * The first configuration is {P} alone, and each version adds one at least: this one never had enough, so nothing is
 * lost yet. A client that waits for a first placement waits for this too.
 */
function awaitsFirstReplicas({ config, policy }: Shard): boolean {
  return config.epoch === 1 && config.version <= policy.minSyncReplicas;
}

/** Conditions are settled here, and the end of its life. */
export function keepOperations(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  message: Pick<Write, 'map' | 'operations'>,
): readonly Operation[] {
  const { operations } = message;
  let mayExpire = false;
  let isKept = true;
  for (const operation of operations) {
    const { kind, ttlMs, ifEpoch, ifLsn, expireAtMs } = operation;
    mayExpire ||= ttlMs > 0 || kind === 'touch' || shard.timesToLive.has(mapOfOperation(message, operation));
    isKept &&= ifEpoch === 0 && ifLsn === 0 && expireAtMs === 0 && kind !== 'acquire';
  }
  // Most have neither: they stand in the record as they came.
  if (isKept && !mayExpire) return operations;
  if (mayExpire) readClock(primary, ports);
  return operations.map((operation) => {
    const map = mapOfOperation(message, operation);
    const { ttlMs, expireAtMs } = mayExpire ? lifetimeOf(shard, primary, { map, operation }) : FOREVER;
    const { key, value, mapOffset } = operation;
    const kind = operation.kind === 'acquire' ? 'insert' : operation.kind;
    return new NewOperation({ kind, key, value, ifEpoch: 0, ifLsn: 0, ttlMs, expireAtMs, mapOffset });
  });
}

export function looksAtEntry(shard: Shard, map: MapId, operation: Operation): boolean {
  const { kind, ifLsn } = operation;
  if (kind === 'set') return ifLsn > 0 || keepsLifetime(shard, map, operation);
  return kind !== 'clear';
}

/** Against decided entries: why the write has no effect, or undefined. */
export function refusalOf(
  shard: Shard,
  primary: Primary,
  message: Write | Commit,
): RememberedRefusal | 'unclear' | undefined {
  const { operations } = message;
  for (const operation of operations) {
    const map = mapOfOperation(message, operation);
    if (!looksAtEntry(shard, map, operation)) continue;
    const { kind, key, ifEpoch, ifLsn } = operation;
    const entry = visibleEntry(shard, primary, { map, key });
    if (entry === 'unclear') return 'unclear';
    if (ifLsn > 0 && (entry === undefined || entry.lsn !== ifLsn || entry.epoch !== ifEpoch)) return 'version_conflict';
    if (kind === 'insert' && entry !== undefined) return 'duplicate_key';
    if (kind === 'update' && entry === undefined) return 'key_not_found';
    const isRemoval = kind === 'delete' || kind === 'touch';
    if (isRemoval && entry === undefined && operations.length === 1 && message.type === 'write') return 'absent';
  }
  return undefined;
}
