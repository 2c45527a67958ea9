/**
 * What a primary knows of the lives of its entries: until when they live, and whether one that lies in the store is
 * still there for readers.
 *
 * I-TTL: who saw an entry expired never sees that value again. A primary judges by its partition clock, but never
 * beyond the ceiling of a decided record, and its successor begins at the highest ceiling of its log. What lies between
 * that and the ceiling that the successor has decided is unclear until the inherited records have their outcome.
 */
import { KEEP_ALL } from '../catalog/config.ts';
import type { MapId } from '../ids.ts';
import { type LogRecord, NO_BYTES, type Operation } from '../messages.ts';
import type { TimeToLive } from '../policy.ts';
import type { Primary } from '../replication/primary.ts';
import { type Entry, EntryMap, FOREVER, type Lifetime } from '../store/entry-map.ts';
import type { Place } from './key-queue.ts';
import { PartitionClock } from './partition-clock.ts';
import type { ShardPorts } from './ports.ts';
import type { PendingRequest } from './request.ts';
import { mapOf, type Shard } from './shard.ts';

/** A ceiling is so far ahead of the clock when it is appended, and a new one comes when so much of it is left. */
const CEILING_AHEAD_MS = 1_000;
const CEILING_LEFT_MS = 500;
/** A renewal waits for others at most so long, and at most an eighth of its time to live. */
const RENEWAL_WAIT_MS = 1_000;
/** More entries than this are not noted at a time: while nothing can be appended they would fill the memory. */
const TOUCHED_MAX = 65_536;
/** An entry that is read is renewed when it gains so much of its time to live, which it was given beforehand. */
const TOUCH_SHARE = 1 / 8;

/** The primary's, for one epoch. */
export interface ExpiryDuty {
  clock: PartitionClock;
  /** The highest of the log at promotion, decided or not. */
  readonly startCeilingMs: number;
  /** The highest that was appended. */
  ceilingMs: number;
  /** The last record that gave an entry a time to live. */
  lifetimeLsn: number;
  /** Of the removal that is under way; at most one is. */
  removalLsn: number;
  /** Entries that were read and have not been renewed yet, without their values. */
  readonly touched: Map<MapId, EntryMap>;
  /** When they are, by the monotonic clock. */
  renewAtMs: number;
}

export function newExpiryDuty(shard: Shard): ExpiryDuty {
  let { ceilingMs } = shard;
  let lifetimeLsn = 0;
  for (let lsn = shard.decidedLsn + 1; lsn <= shard.log.lastLsn; lsn++) {
    const record = shard.log.at(lsn);
    ceilingMs = Math.max(ceilingMs, record.ceilingMs);
    if (givesLifetime(record)) lifetimeLsn = lsn;
  }
  return {
    clock: new PartitionClock(ceilingMs),
    startCeilingMs: ceilingMs,
    ceilingMs,
    lifetimeLsn,
    removalLsn: 0,
    touched: new Map(),
    renewAtMs: Number.POSITIVE_INFINITY,
  };
}

/** Right after promotion. While no entry has a time to live nobody was judged, and the wall clock may be followed. */
export function startClock(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const duty = primary.expiry;
  const { startCeilingMs } = duty;
  const isFree = !hasLifetimes(shard, duty);
  const startMs = isFree ? Math.max(startCeilingMs, ports.wallMs()) : startCeilingMs;
  duty.clock = new PartitionClock(ports.mutated('expireByOwnClock') ? ports.wallMs() : startMs);
  readClock(primary, ports);
  judge(shard, primary, ports);
}

/** What is due by now, on ticks and when the inherited records have their outcome; readers go by the last time. */
export function judge(shard: Shard, { expiry }: Primary, ports: ShardPorts): void {
  const ceilingMs = ports.mutated('judgeBeyondCeiling') ? expiry.ceilingMs : shard.ceilingMs;
  shard.expiry.advanceTo(Math.min(expiry.clock.nowMs, ceilingMs));
}

export function readClock({ expiry }: Primary, ports: ShardPorts): number {
  return expiry.clock.advance(ports.nowMs(), ports.wallMs());
}

/** Also while the first of them is on its way. */
export function hasLifetimes(shard: Shard, duty: ExpiryDuty): boolean {
  return shard.expiry.count > 0 || duty.lifetimeLsn > shard.decidedLsn;
}

const NO_STAMP = { clockMs: 0, ceilingMs: 0 } as const;

/** What a record says of the clock when it is appended. */
export function stampOf(
  shard: Shard,
  duty: ExpiryDuty,
  record: Pick<LogRecord, 'operations'> & { readonly lsn: number },
): Pick<LogRecord, 'clockMs' | 'ceilingMs'> {
  if (givesLifetime(record)) duty.lifetimeLsn = record.lsn;
  if (!hasLifetimes(shard, duty)) return NO_STAMP;
  const clockMs = duty.clock.nowMs;
  if (!needsCeiling(duty)) return { clockMs, ceilingMs: 0 };
  duty.ceilingMs = clockMs + CEILING_AHEAD_MS;
  return { clockMs, ceilingMs: duty.ceilingMs };
}

export function needsCeiling({ ceilingMs, clock }: ExpiryDuty): boolean {
  return ceilingMs - clock.nowMs < CEILING_LEFT_MS;
}

function givesLifetime({ operations }: Pick<LogRecord, 'operations'>): boolean {
  for (const { expireAtMs } of operations) if (expireAtMs > 0) return true;
  return false;
}

/**
 * An eligible replica of which nobody knows how much it holds may be promoted next, with the log of its time as primary: a
 * renewal or an update in it would bring back what is judged expired here.
 */
export function mayBeRenewedElsewhere({ config }: Shard): boolean {
  return config.elr.some(({ keepLsn }) => keepLsn === KEEP_ALL);
}

/**
 * A decided entry as readers may see it. `unclear`: ask again when the inherited records have their outcome, and no
 * eligible replica can have another.
 */
export function visibleEntry(
  shard: Shard,
  primary: Primary,
  at: { readonly map: MapId; readonly key: Uint8Array },
): Entry | undefined | 'unclear' {
  const entry = mapOf(shard, at.map).get(at.key);
  if (entry === undefined || entry.expireAtMs === 0) return entry;
  if (shard.expiry.isDue(entry)) return mayBeRenewedElsewhere(shard) ? 'unclear' : undefined;
  const isJudgedElsewhere = shard.decidedLsn < primary.startLsn && entry.expireAtMs <= primary.expiry.startCeilingMs;
  return isJudgedElsewhere ? 'unclear' : entry;
}

/** The outcome of a write to it is open, and it may have found the key before that expired: the reader waits for it. */
export function blockerOfExpired(
  shard: Shard,
  primary: Primary,
  at: { readonly map: MapId; readonly key: Uint8Array },
): Place<PendingRequest> | undefined {
  if (shard.expiry.dueCount(at.map) === 0) return undefined;
  const entry = mapOf(shard, at.map).get(at.key);
  if (entry === undefined || !shard.expiry.isDue(entry)) return undefined;
  return primary.keys.blockerOfWrite(at.map, at.key, true);
}

/** Until when an operation lets its entry live. `touch` and a write under CREATION_TIME look at the entry. */
export function lifetimeOf(
  shard: Shard,
  primary: Primary,
  { map, operation }: { readonly map: MapId; readonly operation: Operation },
): Lifetime {
  const { kind, key, ttlMs } = operation;
  if (kind === 'clear' || kind === 'delete' || kind === 'expire') return FOREVER;
  const policy = shard.timesToLive.get(map);
  if (kind === 'touch') {
    const held = visibleEntry(shard, primary, { map, key });
    if (held === undefined || held === 'unclear') return FOREVER;
    return { ttlMs: 0, expireAtMs: expireAtOf(primary, policy, held.ttlMs) };
  }
  if (policy?.type === 'CREATION_TIME' && ttlMs === 0) {
    const held = visibleEntry(shard, primary, { map, key });
    if (held !== undefined && held !== 'unclear') return { ttlMs: held.ttlMs, expireAtMs: held.expireAtMs };
  }
  return { ttlMs, expireAtMs: expireAtOf(primary, policy, ttlMs) };
}

/** Whether a plain set must know what is there: under CREATION_TIME an entry keeps the end that it has. */
export function keepsLifetime(shard: Shard, map: MapId, { kind, ttlMs }: Operation): boolean {
  return kind === 'set' && ttlMs === 0 && shard.timesToLive.get(map)?.type === 'CREATION_TIME';
}

/** By the clock as it was read last; whole milliseconds, never early. 0: for ever. */
function expireAtOf({ expiry }: Primary, policy: TimeToLive | undefined, ownTtlMs: number): number {
  const ttlMs = ownTtlMs > 0 ? ownTtlMs : (policy?.afterMs ?? 0);
  if (ttlMs === 0) return 0;
  const graceMs = policy?.type === 'LAST_ACCESS_TIME' ? ttlMs * TOUCH_SHARE : 0;
  return Math.ceil(expiry.clock.nowMs + ttlMs + graceMs);
}

/**
 * A visible entry was read. Under LAST_ACCESS_TIME it is renewed, but not before it gains an eighth of its time to
 * live: it was given that much in advance, so a read that renews nothing costs it nothing.
 */
export function noteAccess(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { map, entry }: { readonly map: MapId; readonly entry: Entry },
): void {
  const policy = shard.timesToLive.get(map);
  if (policy?.type !== 'LAST_ACCESS_TIME' || entry.expireAtMs === 0) return;
  const { expiry } = primary;
  const renewedMs = expireAtOf(primary, policy, entry.ttlMs);
  const shareMs = (entry.ttlMs > 0 ? entry.ttlMs : policy.afterMs) * TOUCH_SHARE;
  if (renewedMs - entry.expireAtMs < shareMs) return;
  let touched = expiry.touched.get(map);
  if (touched === undefined) {
    touched = new EntryMap(shard.hashSeed);
    expiry.touched.set(map, touched);
  }
  if (touched.count < TOUCHED_MAX) touched.put({ ...entry, value: NO_BYTES });
  // Together with others, but well before its end.
  const leftMs = entry.expireAtMs - expiry.clock.nowMs - 2 * shareMs;
  const waitMs = Math.min(Math.max(leftMs, 0), shareMs, RENEWAL_WAIT_MS);
  expiry.renewAtMs = Math.min(expiry.renewAtMs, ports.nowMs() + waitMs);
}

/** When an entry that was read is renewed to. */
export function renewedExpireAt(shard: Shard, primary: Primary, at: { map: MapId; entry: Entry }): number {
  return expireAtOf(primary, shard.timesToLive.get(at.map), at.entry.ttlMs);
}
