/** What a container shows of transactions and locks: plain values, fit for JSON. */

import { keyText } from '../keys/key-text.ts';
import { LIMITS } from '../limits.ts';
import type { Shard } from '../shard/shard.ts';
import type { Entry } from '../store/entry-map.ts';
import { LOCKS_MAP, mapSetOf, type Topology } from '../topology.ts';

interface Where {
  readonly grid: string;
  readonly mapSet: string;
  /** Within its map set. */
  readonly partition: number;
}

/** One that holds locks, or waits for some: all others are known to their clients alone. */
export interface TransactionStatus extends Where {
  /** Of the client, and its number there. */
  readonly transaction: string;
  readonly ageMs: number;
  /** Since its client spoke of it. */
  readonly silentMs: number;
  readonly locks: number;
  readonly waits: number;
}

export interface LockStatus extends Where {
  readonly map: string;
  /** As JSON; `*`: the map as a whole. */
  readonly key: string;
  /** IS, IX, S, SIX, U or X; `name`: a lock between programs. */
  readonly mode: string;
  /** A transaction, a write that had to wait, or the client that has a lock by name. */
  readonly owner: string;
  readonly state: 'held' | 'waits';
  /** 0: it is held. */
  readonly waitedMs: number;
}

export interface TransactionsStatus {
  readonly transactions: readonly TransactionStatus[];
  /** Those on keys, on whole maps only where they are no mere intentions: at most so many as are listed. */
  readonly locks: readonly LockStatus[];
  /** All there are, listed or not. */
  readonly transactionCount: number;
  readonly lockCount: number;
  readonly lockWaitCount: number;
}

const LISTED_MAX = 1_000;
const isIntention = (mode: string): boolean => mode === 'IS' || mode === 'IX';

export function transactionsStatus(shards: Iterable<Shard>, topology: Topology, nowMs: number): TransactionsStatus {
  const transactions: TransactionStatus[] = [];
  const locks: LockStatus[] = [];
  let [transactionCount, lockCount, lockWaitCount] = [0, 0, 0];
  for (const shard of shards) {
    const { primary, partition: id } = shard;
    if (primary === undefined) continue;
    const { transactions: held } = primary;
    transactionCount += held.openCount;
    lockCount += held.locks.heldCount;
    lockWaitCount += held.locks.waitCount;
    const { grid, policy, firstPartition } = mapSetOf(topology, id);
    const where = { grid, mapSet: policy.name, partition: id - firstPartition };
    for (const { owner, sinceMs, heardMs } of held.list()) {
      if (transactions.length >= LISTED_MAX) break;
      transactions.push({
        ...where,
        transaction: owner.name,
        ageMs: Math.round(nowMs - sinceMs),
        silentMs: Math.round(nowMs - heardMs),
        locks: owner.places.size,
        waits: owner.waits.size,
      });
    }
    for (const [map, entries] of shard.maps) {
      if (topology.maps[map]?.policy.name !== LOCKS_MAP.name) continue;
      lockCount += entries.count - shard.expiry.dueCount(map);
      entries.scan(undefined, (entry) => {
        if (!shard.expiry.isDue(entry)) locks.push({ ...where, ...lockByName(entry) });
        return locks.length < LISTED_MAX;
      });
    }
    for (const { map, key, holders, queue } of held.locks.places()) {
      if (locks.length >= LISTED_MAX) break;
      const what = {
        ...where,
        map: topology.maps[map]?.policy.name ?? `${map}`,
        key: key === undefined ? '*' : keyText(key),
      };
      for (const [owner, mode] of holders) {
        if (key === undefined && isIntention(mode)) continue;
        locks.push({ ...what, mode, owner: owner.name, state: 'held', waitedMs: 0 });
      }
      for (const { owner, mode, sinceMs } of queue) {
        locks.push({ ...what, mode, owner: owner.name, state: 'waits', waitedMs: Math.round(nowMs - sinceMs) });
      }
    }
  }
  return { transactions, locks, transactionCount, lockCount, lockWaitCount };
}

function lockByName({ key, value }: Pick<Entry, 'key' | 'value'>): Omit<LockStatus, keyof Where> {
  const what = { map: LOCKS_MAP.name, key: keyText(key), mode: 'name' };
  return { ...what, owner: ownerOf(value), state: 'held', waitedMs: 0 };
}

/** A client writes its id as JSON, behind the codec's byte. Another program may have written anything. */
function ownerOf(value: Uint8Array): string {
  const text = String.fromCharCode(...value.subarray(1, LIMITS.nameCharsMax));
  return /^"[\w-]+"$/.test(text) ? text.slice(1, -1) : '?';
}
