/**
 * What a primary appends for the lives of entries, on ticks: a ceiling for its clock, renewals of entries that were
 * read, and the removal of entries that are due. One removal at a time, of a bounded number of entries, so that a
 * million of them at once are as many steps and no pause. Replicas never expire anything by themselves.
 *
 * Below minSyncReplicas nothing is appended, so the ceiling stands still, and expiry with it.
 */
import { assert, must } from '../assert.ts';
import { type MapId, NO_MAP } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { type LogRecord, NO_BYTES, type Operation } from '../messages.ts';
import { hasLifetimes, judge, needsCeiling, readClock, renewedExpireAt } from '../shard/expiry.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import type { Entry } from '../store/entry-map.ts';
import type { Due } from '../store/expiry-index.ts';
import { appendRecord, othersInSync, type Primary } from './primary.ts';

export function tickExpiry(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const duty = primary.expiry;
  if (!hasLifetimes(shard, duty)) return;
  readClock(primary, ports);
  judge(shard, primary, ports);
  if (!mayAppend(shard, primary)) return;
  renewTouched(shard, primary, ports);
  removeDue(shard, primary, ports);
  if (needsCeiling(duty)) append(shard, primary, { kind: 'noop', map: NO_MAP, operations: [] });
}

/** At the end of a turn in which entries were read. */
export function renewInTime(shard: Shard, primary: Primary, ports: ShardPorts): void {
  if (primary.expiry.renewAtMs <= ports.nowMs() && mayAppend(shard, primary)) renewTouched(shard, primary, ports);
}

function mayAppend(shard: Shard, primary: Primary): boolean {
  return primary.handOver.state === 'no' && othersInSync(shard).length >= shard.policy.minSyncReplicas;
}

function renewTouched(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const duty = primary.expiry;
  if (ports.nowMs() < duty.renewAtMs) return;
  duty.renewAtMs = Number.POSITIVE_INFINITY;
  readClock(primary, ports);
  const touched = [...duty.touched];
  duty.touched.clear();
  for (const [map, entries] of touched) {
    // Below minSyncReplicas they waited, and some have come to their end: a reader may have been told so (I-TTL).
    const operations: Operation[] = [];
    entries.scan(undefined, (entry) => {
      if (shard.expiry.isDue(entry)) return true;
      return operations.push(meaning('touch', entry, renewedExpireAt(shard, primary, { map, entry }))) > 0;
    });
    for (let from = 0; from < operations.length; from += LIMITS.recordOperationsMax) {
      const part = operations.slice(from, from + LIMITS.recordOperationsMax);
      append(shard, primary, { kind: 'touch', map, operations: part });
    }
  }
}

function removeDue(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const duty = primary.expiry;
  if (!shard.expiry.hasDue || duty.removalLsn > shard.decidedLsn) return;
  const due = shard.expiry.due(LIMITS.recordOperationsMax);
  if (due === undefined) return;
  const operations = dueEntries(shard, due).map((entry): Operation => {
    const operation = meaning('expire', entry, entry.expireAtMs);
    return ports.mutated('expireAnyVersion') ? { ...operation, ifEpoch: 0, ifLsn: 0 } : operation;
  });
  duty.removalLsn = append(shard, primary, { kind: 'expire', map: due.map, operations }).lsn;
}

/** Entries that share a hash come together, so they may be more than the hashes. */
function dueEntries({ maps, expiry }: Shard, { map, hashes }: Due): Entry[] {
  const held = must(maps.get(map), 'what is due is of a map');
  const entries: Entry[] = [];
  for (const hash of hashes) entries.push(...held.entriesOfHash(hash).filter((entry) => expiry.isDue(entry)));
  assert(entries.length >= hashes.size, 'what is due is there');
  return entries.slice(0, LIMITS.recordOperationsMax);
}

/** The very entry, not one that takes its place before the record is decided. */
function meaning(kind: 'touch' | 'expire', { key, epoch, lsn }: Entry, expireAtMs: number): Operation {
  // A view would hold the store's segment for as long as the log holds the record.
  return { kind, key: key.slice(), value: NO_BYTES, ifEpoch: epoch, ifLsn: lsn, ttlMs: 0, expireAtMs, mapOffset: 0 };
}

function append(
  shard: Shard,
  primary: Primary,
  record: { readonly kind: LogRecord['kind']; readonly map: MapId; readonly operations: readonly Operation[] },
): LogRecord {
  return appendRecord(shard, primary, { ...record, clientId: '', seq: 0, ackedBelow: 0, aborted: [] });
}
