/**
 * Entries that go because their map is full. The primary alone chooses them, and says so by a record like any other: a
 * replica evicts nothing by itself, so all copies hold the same, and what a reader missed stays away after a fail-over.
 *
 * An evicted entry is still there for readers until the record is decided, unlike one that has expired. So the record
 * locks its keys: an `update` that found the entry comes after it and waits to learn whether it is still there. For the
 * same reason no key with an undecided record is chosen, and none of the write that needs the room.
 */
import type { Lsn } from '../ids.ts';
import { NO_BYTES, type Operation } from '../messages.ts';
import type { NewWrite } from '../shard/admission.ts';
import type { ShardPorts } from '../shard/ports.ts';
import { mapOf, removeEntry, type Shard } from '../shard/shard.ts';
import type { Entry } from '../store/entry-map.ts';
import { WANTED_MAX } from '../store/eviction-hand.ts';
import { appendRecord, type Primary } from './primary.ts';

export interface Evicted {
  readonly lsn: Lsn;
  readonly bytes: number;
}

/**
 * Appends one record that evicts entries of at least `bytes` together, or as many as one record takes.
 *
 * @returns undefined: none can go now.
 */
export function evictSome(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { write, bytes }: { readonly write: NewWrite; readonly bytes: number },
): Evicted | undefined {
  const { map } = write;
  const entries = mapOf(shard, map);
  if (entries.count === 0) return undefined;
  const wanted = Math.max(1, Math.ceil((bytes * entries.count) / entries.chargedBytes));
  const operations: Operation[] = [];
  let evictedBytes = 0;
  let last = 0;
  for (const reference of entries.coldest(wanted)) {
    if (evictedBytes >= bytes || operations.length === WANTED_MAX) break;
    // Few entries may have been passed twice.
    if (reference === last) continue;
    last = reference;
    const entry = entries.entry(reference);
    if (!mayGo(shard, primary, { write, entry })) continue;
    operations.push(meaning(entry));
    evictedBytes += entries.chargeAt(reference);
  }
  if (operations.length === 0) return undefined;
  ports.count('entries_evicted', operations.length);
  if (ports.mutated('evictWithoutRecord')) {
    for (const { key } of operations) removeEntry(shard, map, key);
    return { lsn: shard.decidedLsn, bytes: 0 };
  }
  const fields = { map, operations, clientId: '', seq: 0, ackedBelow: 0, aborted: [] };
  const { lsn } = appendRecord(shard, primary, {
    kind: ports.mutated('evictUnlocked') ? 'expire' : 'evict',
    ...fields,
  });
  return { lsn, bytes: evictedBytes };
}

function mayGo(
  shard: Shard,
  primary: Primary,
  { write, entry }: { readonly write: NewWrite; readonly entry: Entry },
): boolean {
  if (primary.keys.blockerOfWrite(write.map, entry.key, true) !== undefined) return false;
  // It goes already, and would be counted twice.
  if (primary.expiry.removalLsn > shard.decidedLsn && shard.expiry.isDue(entry)) return false;
  if (primary.transactions.locks.isHeld(write.map, entry.key)) return false;
  if (write.reads?.some(({ map, key }) => map === write.map && isSame(key, entry.key))) return false;
  return !write.operations.some(({ key }) => isSame(key, entry.key));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false;
  return true;
}

/** The very entry. Its key is copied: a view would hold the store's segment for as long as the log holds the record. */
function meaning({ key, epoch, lsn, expireAtMs }: Entry): Operation {
  return {
    kind: 'expire',
    key: key.slice(),
    value: NO_BYTES,
    ifEpoch: epoch,
    ifLsn: lsn,
    ttlMs: 0,
    expireAtMs,
    mapOffset: 0,
  };
}
