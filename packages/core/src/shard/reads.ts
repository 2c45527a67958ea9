/** What a primary answers from its entries: keys, sizes and scans. Each is a read: only with a valid lease, in the same turn (L1). */
import type { MapId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { NO_BYTES, type Read, type ReadEntry, type Scan, type ScanEntry, type Size } from '../messages.ts';
import { grantsHaveEnded, mayRead, type Primary } from '../replication/primary.ts';
import type { EntryMap } from '../store/entry-map.ts';
import { blockerOfExpired, mayBeRenewedElsewhere, noteAccess, readClock, visibleEntry } from './expiry.ts';
import type { Place } from './key-queue.ts';
import type { ShardPorts } from './ports.ts';
import { foundEntry, NOT_FOUND, READ_BYTES_MAX, readEntries } from './read-entries.ts';
import type { PendingRequest } from './request.ts';
import { mapOf, type Shard } from './shard.ts';
import { wait } from './waiting.ts';

export function read(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Read): void {
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

export function size(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Size): void {
  if (isUnclear(shard, primary, message.map) || !mayRead(shard, primary, ports)) return wait(primary, request);
  const count = mapOf(shard, message.map).count - shard.expiry.dueCount(message.map);
  const { decidedLsn: lsn, expiry } = shard;
  ports.answer(request, { type: 'sizeAnswer', id: message.id, count, lsn, clockMs: expiry.seenMs });
}

export function scan(shard: Shard, primary: Primary, ports: ShardPorts, request: PendingRequest, message: Scan): void {
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

/** Of a map as a whole: which of its entries are there. */
export function isUnclear(shard: Shard, primary: Primary, map: MapId): boolean {
  const inheritsUndecided = shard.decidedLsn < primary.startLsn;
  return inheritsUndecided || (shard.expiry.dueCount(map) > 0 && mayBeRenewedElsewhere(shard));
}
