/**
 * Requests and locks: reads under the locks of a transaction, writes that wait for them, and deadlocks.
 *
 * A lock alone shows nothing: the record of one who had it before may have no outcome yet. So whoever reads under a lock
 * waits for that too (T4), and therefore locks may end as soon as their transaction's record is in the log (T3).
 */
import { assert } from '../assert.ts';
import { compareBytes } from '../keys/compare-bytes.ts';
import { keyText } from '../keys/key-text.ts';
import { type Lock, type LockMode, mapOfOperation, type Write } from '../messages.ts';
import { mayRead, type Primary } from '../replication/primary.ts';
import type { HeldMode } from './lock-modes.ts';
import type { LockCycle, LockOwner, LockWait, LockWish } from './lock-table.ts';
import type { ShardPorts } from './ports.ts';
import { isUnclear, readNow } from './reads.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';
import { wait, waitForDecision, wake } from './waiting.ts';

type Written = Pick<Write, 'map' | 'operations'>;

const KEY_MODES: Readonly<Record<LockMode, HeldMode>> = { shared: 'S', upgradable: 'U', exclusive: 'X' };
/** Of the map, with a lock on one of its keys. */
const INTENTIONS: Readonly<Record<LockMode, HeldMode>> = { shared: 'IS', upgradable: 'IS', exclusive: 'IX' };

export function lock(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Lock): void {
  const { transactions } = primary;
  const { partition } = shard;
  const { transaction: number, map, keys } = message;
  if (transactions.isFull(request.clientId)) {
    return ports.answerError(request, 'overloaded', { partition, reason: 'too many locks or open transactions' });
  }
  const transaction = transactions.open(request.clientId, number, ports.nowMs());
  if (transaction === undefined) {
    return ports.answerError(request, 'transaction_not_active', { partition, transaction: number });
  }
  const wishes = wishesOf(message);
  if (!acquireAll(shard, primary, ports, { request, owner: transaction.owner, wishes })) return;
  if (keys.length === 0) {
    if (isUndecided(shard, primary, message)) return waitForDecision(primary, request);
    if (isUnclear(shard, primary, map) || !mayRead(shard, primary, ports)) return wait(primary, request);
    const { decidedLsn: lsn, expiry } = shard;
    return ports.answer(request, { type: 'readAnswer', id: message.id, entries: [], lsn, clockMs: expiry.seenMs });
  }
  const looksBack = !ports.mutated('lockIgnoresPending');
  readNow(shard, primary, ports, { request, message, may: mayRead, looksBack });
  if (ports.mutated('freeLocksEarly') && message.mode === 'shared') {
    for (const wish of wishes) wake(primary, transactions.locks.releaseOne(transaction.owner, wish));
  }
}

/** A record that changes something in this map has no outcome yet. */
export function isUndecided(shard: Shard, { changedLsns }: Primary, { map }: Pick<Lock, 'map'>): boolean {
  return (changedLsns[map] ?? 0) > shard.decidedLsn;
}

function wishesOf({ map, keys, mode }: Lock): LockWish[] {
  if (keys.length === 0) return [{ map, key: undefined, mode: KEY_MODES[mode] }];
  return [
    { map, key: undefined, mode: INTENTIONS[mode] },
    ...keys.map((key): LockWish => ({ map, key, mode: KEY_MODES[mode] })),
  ];
}

/**
 * What a write or a commit changes in maps with locks: each place once, in an order that is the same for all. So writes alone
 * make no deadlock: none ever wants more of a place that it holds, nor a place before one that it holds.
 */
export function wishesToWrite(shard: Shard, message: Written): LockWish[] {
  const ofMaps = new Map<Lock['map'], LockWish>();
  const ofKeys: LockWish[] = [];
  for (const operation of message.operations) {
    const map = mapOfOperation(message, operation);
    if (!shard.lockedMaps.has(map)) continue;
    if (operation.kind === 'clear') ofMaps.set(map, { map, key: undefined, mode: 'X' });
    else {
      if (!ofMaps.has(map)) ofMaps.set(map, { map, key: undefined, mode: 'IX' });
      ofKeys.push({ map, key: operation.key, mode: 'X' });
    }
  }
  return [...ofMaps.values(), ...ofKeys].sort(inOrder);
}

function inOrder(a: LockWish, b: LockWish): number {
  if (a.map !== b.map) return a.map - b.map;
  if (a.key === undefined || b.key === undefined) return (a.key === undefined ? 0 : 1) - (b.key === undefined ? 0 : 1);
  return compareBytes(a.key, b.key);
}

/** Outside of transactions (T5). @returns false: it waits for locks of others, and will be tried again. */
export function mayWrite(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message }: { readonly request: PendingRequest; readonly message: Written },
): boolean {
  const { transactions } = primary;
  const { locks } = transactions;
  if (locks.isEmpty || ports.mutated('writesIgnoreLocks')) return true;
  const wishes = wishesToWrite(shard, message);
  let owner = transactions.ownerOfWrite(request);
  if (owner === undefined && wishes.every((wish) => locks.isFree(wish))) return true;
  owner ??= transactions.newOwnerOfWrite(request);
  return acquireAll(shard, primary, ports, { request, owner, wishes });
}

export interface Acquisition {
  readonly request: PendingRequest;
  readonly owner: LockOwner;
  readonly wishes: readonly LockWish[];
}

/** @returns whether all are held now; if not, the request waits for the first that is not, or has been answered. */
export function acquireAll(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, owner, wishes }: Acquisition,
): boolean {
  const { locks } = primary.transactions;
  for (const wish of wishes) {
    if (locks.acquire(owner, wish, { waiter: request, nowMs: ports.nowMs() })) continue;
    ports.count('lock_waits');
    // What it waits for may close more than one cycle.
    for (let cycle = locks.cycleOf(owner); cycle !== undefined; cycle = locks.cycleOf(owner)) {
      breakDeadlock(shard, primary, ports, cycle);
    }
    return false;
  }
  return true;
}

/** The youngest transaction of the cycle ends, and all that it waits for is answered so. */
function breakDeadlock(shard: Shard, primary: Primary, ports: ShardPorts, cycle: LockCycle<PendingRequest>): void {
  const owners = cycle.map(({ owner }) => owner);
  const transactions = owners.filter(({ isWrite }) => !isWrite);
  assert(transactions.length > 0, 'writes alone make no cycle (wishesToWrite)');
  const victim = transactions.reduce((a, b) => (b.order > a.order ? b : a));
  ports.count('deadlocks');
  const details = {
    partition: shard.partition,
    transaction: victim.name,
    cycle: cycle.map((wait) => describeWait(wait, ports)),
  };
  const waiters = primary.transactions.locks.waitersOf(victim);
  const open = primary.transactions.ofOwner(victim);
  if (open !== undefined) wake(primary, primary.transactions.end(open.clientId, open.number));
  for (const waiter of waiters) ports.answerError(waiter, 'deadlock', details);
}

function describeWait({ owner, place, mode }: LockWait<PendingRequest>, ports: ShardPorts): string {
  const of = `map ${ports.mapName(place.map)}`;
  const what = place.key === undefined ? of : `key ${keyText(place.key)} of ${of}`;
  const holders = [...place.holders]
    .filter(([holder]) => holder !== owner)
    .map(([holder, held]) => `${holder.name} (${held})`);
  return `${owner.name} waits for ${what} (${mode}), held by ${holders.join(', ')}`;
}

/** Those who have waited for a lock for too long: each is told who holds it. */
export function expireLockWaits(primary: Primary, ports: ShardPorts): void {
  const { locks } = primary.transactions;
  if (locks.waitCount === 0) return;
  const nowMs = ports.nowMs();
  const { removed, free } = locks.removeWaits(({ waiter, sinceMs }) => nowMs >= lockDeadlineMs(waiter, sinceMs));
  for (const wait of removed) {
    const { waiter } = wait;
    ports.count('lock_timeouts');
    const { message } = waiter;
    // An earlier attempt may be held where it could still be committed (A2).
    const isRetried = (message.type === 'write' || message.type === 'commit') && message.attempt > 1;
    ports.answerError(waiter, isRetried ? 'timeout' : 'lock_timeout', {
      partition: message.partition,
      waitedFor: describeWait(wait, ports),
      waitedMs: Math.round(nowMs - wait.sinceMs),
    });
    wake(primary, primary.transactions.endWrite(waiter));
  }
  wake(primary, free);
}

function lockDeadlineMs({ message, deadlineMs }: PendingRequest, sinceMs: number): number {
  return message.type === 'lock' || message.type === 'commit'
    ? Math.min(deadlineMs, sinceMs + message.waitMs)
    : deadlineMs;
}

/** Transactions whose clients are gone; they have written nothing. */
export function endIdleTransactions(shard: Shard, primary: Primary, ports: ShardPorts): void {
  for (const { clientId, number, owner } of primary.transactions.idle(ports.nowMs())) {
    ports.count('transactions_abandoned');
    ports.note('transaction_abandoned', { partition: shard.partition, client: clientId, transaction: number }, 'warn');
    const waiters = primary.transactions.locks.waitersOf(owner);
    wake(primary, primary.transactions.end(clientId, number));
    for (const waiter of waiters) {
      ports.answerError(waiter, 'transaction_not_active', { partition: shard.partition, transaction: number });
    }
  }
}
