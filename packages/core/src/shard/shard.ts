/**
 * A shard: one copy of one partition, whatever its role. Holds decided entries only (I-DIRTY): a record changes the
 * maps when `decidedLsn` passes it, never before. All of it is volatile; its identity is its Rid.
 */
import { assert } from '../assert.ts';
import type { PartitionConfig } from '../catalog/config.ts';
import type { ConnectionId, Epoch, Lsn, MapId, PartitionId, Rid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { type LogRecord, mapOfOperation, type Operation } from '../messages.ts';
import type { MapLimit, MapSetPolicy, TimeToLive } from '../policy.ts';
import { Log } from '../replication/log.ts';
import type { Primary } from '../replication/primary.ts';
import { Sessions } from '../replication/sessions.ts';
import { StateDigests, stateDigestOf } from '../replication/state-digest.ts';
import { EntryMap, type NewEntry } from '../store/entry-map.ts';
import { ExpiryIndex } from '../store/expiry-index.ts';
import { keyHash } from '../store/key-hash.ts';

/** What a replica knows of the primary that opened it. */
export interface Opened {
  /** Only this connection's messages count: an older one may still deliver. */
  readonly connection: ConnectionId;
  readonly epoch: Epoch;
}

/** What a checkpoint ends with is known when its last message is here: until then MAX and nothing. */
export interface Loading {
  endLsn: Lsn;
  /** Of the primary's state at `endLsn`. */
  end: { readonly stateDigest: number; readonly count: number } | undefined;
  receivedBytes: number;
  /** Credit that its primary has not been given back: there was no room. */
  owedBytes: number;
}

export interface Shard {
  readonly partition: PartitionId;
  readonly rid: Rid;
  readonly policy: MapSetPolicy;
  /** Of the index, the same on every replica. */
  readonly hashSeed: number;
  /** Of those of its maps that have one. */
  readonly timesToLive: ReadonlyMap<MapId, TimeToLive>;
  readonly mapLimits: ReadonlyMap<MapId, MapLimit>;
  /** Of the strategy PESSIMISTIC: who changes them respects locks. */
  readonly lockedMaps: ReadonlySet<MapId>;
  /** The newest epoch heard of: nothing from an older one is obeyed. */
  epoch: Epoch;
  /** The newest configuration heard of. */
  config: PartitionConfig;
  log: Log;
  /** Every record up to here has an outcome, and the maps reflect it. At most `log.lastLsn`. */
  decidedLsn: Lsn;
  readonly maps: Map<MapId, EntryMap>;
  /** Entries of `maps` with a time to live. */
  readonly expiry: ExpiryIndex;
  /** The highest of all decided records. */
  ceilingMs: number;
  sessions: Sessions;
  /** Of this very state, as it was at some lsns. */
  readonly digests: StateDigests;
  /** In `epoch`, or undefined. */
  opened: Opened | undefined;
  /** A checkpoint is coming in; consistent once `decidedLsn` reaches its `endLsn`. */
  loading: Loading | undefined;
  primary: Primary | undefined;
}

export interface NewShard {
  readonly rid: Rid;
  readonly policy: MapSetPolicy;
  readonly config: PartitionConfig;
  readonly hashSeed: number;
  /** Default: none. */
  readonly timesToLive?: ReadonlyMap<MapId, TimeToLive>;
  /** Default: none. */
  readonly mapLimits?: ReadonlyMap<MapId, MapLimit>;
  /** Default: none. */
  readonly lockedMaps?: ReadonlySet<MapId>;
  /** Default LIMITS.digestEveryLsns. */
  readonly digestEveryLsns?: number;
}

export function newShard(identity: NewShard): Shard {
  const { rid, policy, config, hashSeed, timesToLive = new Map(), mapLimits = new Map() } = identity;
  const { lockedMaps = new Set() } = identity;
  return {
    partition: config.partition,
    rid,
    policy,
    hashSeed,
    timesToLive,
    mapLimits,
    lockedMaps,
    epoch: config.epoch,
    config,
    log: new Log(0, 0),
    decidedLsn: 0,
    maps: new Map(),
    expiry: new ExpiryIndex(),
    ceilingMs: 0,
    sessions: new Sessions(),
    digests: new StateDigests(identity.digestEveryLsns ?? LIMITS.digestEveryLsns),
    opened: undefined,
    loading: undefined,
    primary: undefined,
  };
}

export function mapOf(shard: Shard, map: MapId): EntryMap {
  let entries = shard.maps.get(map);
  if (entries === undefined) {
    const evict = shard.mapLimits.get(map)?.evict ?? 'NONE';
    const ends = shard.expiry.endsOf(map);
    entries = new EntryMap(shard.hashSeed, evict === 'NONE' ? { ends } : { ends, evict });
    shard.maps.set(map, entries);
  }
  return entries;
}

/** Gives the next record its outcome. The only place where a shard's maps change, but for a checkpoint coming in. */
export function decideNext(shard: Shard, committed: boolean, isSkipped = false): LogRecord {
  const record = shard.log.at(shard.decidedLsn + 1);
  assert(!(committed && shard.log.placeholders.has(record.lsn)), 'a committed record is held, not refused');
  shard.decidedLsn = record.lsn;
  shard.ceilingMs = Math.max(shard.ceilingMs, record.ceilingMs);
  if (committed && !isSkipped) applyOperations(shard, record);
  shard.sessions.end(record, committed);
  shard.log.packNext(record.lsn);
  // While a checkpoint comes in, the state is of no one lsn.
  if (record.lsn % shard.digests.everyLsns === 0 && shard.loading === undefined) {
    shard.digests.note(record.lsn, stateDigestOf(shard));
  }
  return record;
}

function applyOperations(shard: Shard, record: LogRecord): void {
  if (record.operations.length === 0) return;
  const { epoch, lsn } = record;
  for (const operation of record.operations) {
    const { kind, key, value, ttlMs, expireAtMs } = operation;
    const map = mapOfOperation(record, operation);
    switch (kind) {
      case 'clear':
        clearMap(shard, map);
        break;
      case 'delete':
        removeEntry(shard, map, key);
        break;
      case 'expire':
        expireEntry(shard, map, operation);
        break;
      case 'touch':
        touchEntry(shard, map, operation);
        break;
      default:
        putEntry(shard, map, { key, value, epoch, lsn, ttlMs, expireAtMs });
    }
  }
}

export function putEntry(shard: Shard, map: MapId, entry: NewEntry): void {
  mapOf(shard, map).put(entry);
}

export function clearMap(shard: Shard, map: MapId): void {
  mapOf(shard, map).clear();
}

export function removeEntry(shard: Shard, map: MapId, key: Uint8Array): void {
  mapOf(shard, map).delete(key);
}

/** Only the very entry that was due: it may have been written or renewed while the record was on its way. */
function expireEntry(shard: Shard, map: MapId, { key, ifEpoch, ifLsn, expireAtMs }: Operation): void {
  const entry = mapOf(shard, map).get(key);
  if (entry === undefined) return;
  const isMeant = entry.lsn === ifLsn && entry.epoch === ifEpoch && entry.expireAtMs === expireAtMs;
  if (isMeant || ifLsn === 0) removeEntry(shard, map, key);
}

/** The version stays: what it names has not changed. */
function touchEntry(shard: Shard, map: MapId, { key, ifEpoch, ifLsn, expireAtMs }: Operation): void {
  const entry = mapOf(shard, map).get(key);
  if (entry === undefined || entry.expireAtMs === 0 || entry.expireAtMs >= expireAtMs) return;
  if (ifLsn > 0 && (entry.lsn !== ifLsn || entry.epoch !== ifEpoch)) return;
  putEntry(shard, map, { ...entry, expireAtMs });
}

/**
 * Never further than `end` and the log's end: an abort recorded later than a record must be seen before it. Stops
 * before a committed record of which it has only the placeholder: that shard has no state to go on with. `skips` is
 * for the simulator: a fault of memory.
 *
 * @returns whether it came to the end.
 */
export function applyUpTo(
  shard: Shard,
  end: Lsn,
  { onDecided, skips }: { onDecided: (record: LogRecord) => void; skips: (lsn: Lsn) => boolean },
): boolean {
  const to = Math.min(end, shard.log.lastLsn);
  while (shard.decidedLsn < to) {
    const lsn = shard.decidedLsn + 1;
    const committed = shard.log.abortRecordOf(lsn) === undefined;
    if (committed && shard.log.placeholders.has(lsn)) return false;
    onDecided(decideNext(shard, committed, skips(lsn)));
  }
  return true;
}

/** Fingerprint of all decided entries with their versions and ends; equal on two replicas at one lsn, in any order of writes. */
export function digestOf(shard: Shard): { digest: string; count: number } {
  let a = 0;
  let b = 0;
  let count = 0;
  for (const [map, entries] of shard.maps) {
    entries.scan(undefined, (entry) => {
      const version =
        Math.imul(entry.lsn, 0x9e3779b1) ^ Math.imul(entry.epoch, 0x85ebca77) ^ Math.imul(map + 1, 0xc2b2ae3d);
      const lives = (entry.expireAtMs % 0x1_0000_0000) ^ Math.floor(entry.expireAtMs / 0x1_0000_0000);
      const value = keyHash(entry.value, version ^ Math.imul(lives, 0x9e3779b1));
      a = (a + keyHash(entry.key, value)) >>> 0;
      b = (b ^ keyHash(entry.key, Math.imul(value, 0x27d4eb2f) ^ 0x165667b1)) >>> 0;
      count++;
      return true;
    });
  }
  return { digest: hex32(a) + hex32(b), count };
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}

export function entryCount(shard: Shard): number {
  let count = 0;
  for (const entries of shard.maps.values()) count += entries.count;
  return count;
}
