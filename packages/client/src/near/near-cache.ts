/**
 * Entries of one map that are kept in the client. The primary pushes what changes, and vouches for it when it is polled.
 *
 *     hit    lookup ─▶ the entry, in the same turn
 *     miss   begin ─▶ nearPoll, if the partition is not subscribed to, and the read itself ─▶ end: put in, or not
 *
 * NC7. A read's answer is put in only if it is at least as new as every change of its key, or of all keys, that was heard of
 *      since the read began: a miss registers itself, and changes raise the lsn that its answer must reach.
 *
 * docs/internals/near-cache.md tells why this holds. Nothing here knows promises or codecs: content is what `end` is given.
 */
import {
  type ConnectionId,
  type Effects,
  type Key,
  type Lsn,
  type MapId,
  type Mutation,
  must,
  type NearChanges,
  type Operation,
  type PartitionId,
  type ReadEntry,
} from '@ostraca/core';
import type { Links } from '../links.ts';
import type { Routes } from '../routes.ts';
import type { Tokens } from '../tokens.ts';
import { type ClockEntry, ClockStore } from './clock-store.ts';
import { idBytes, isForm, type NearId, nearIdOf, nearIdOfBytes } from './near-id.ts';
import {
  mistrust,
  type NearPartition,
  NO_LSN,
  newNearPartition,
  noteWord,
  pollOf,
  restarted,
} from './near-partition.ts';

/** An entry with its place in the Map and the headers of its strings: 206 to 243, measured with 50,000 to 200,000 entries. */
const ENTRY_BYTES = 240;
/** Polls in the time of `maxStale`: some may be lost or late. */
const POLLS_PER_STALE = 4;
/** A partition that nobody reads is polled no more. */
const UNUSED_MS_MAX = 10_000;

export interface NearCacheSettings {
  readonly maxBytes: number;
  readonly maxStaleMs: number;
}

export interface NearCacheParts extends NearCacheSettings {
  readonly effects: Effects;
  readonly links: Links;
  readonly routes: Routes;
  readonly tokens: Tokens;
  readonly mutations: ReadonlySet<Mutation>;
  /** How long ago that was, with what the machine may have slept; `mistrustAll` comes before it answers. */
  readonly ageMs: (at: { readonly freshMs: number }, nowMs: number) => number;
}

export interface NearEntry extends ClockEntry, Pick<ReadEntry, 'found' | 'epoch' | 'lsn' | 'expireAtMs'> {
  /** As `end` was given it. */
  readonly content: unknown;
  readonly at: NearPartition;
  readonly readLsn: Lsn;
}

export interface MapPart {
  readonly partition: PartitionId;
  readonly map: MapId;
}

/** A key that is being read. Several reads of it share one. */
export interface Fill {
  readonly id: NearId;
  readonly at: NearPartition;
  /** An older answer is not put in. */
  minLsn: Lsn;
  readCount: number;
}

export interface Answered {
  readonly entry: ReadEntry;
  /** That the answer reflects. */
  readonly lsn: Lsn;
  readonly content: unknown;
  readonly contentBytes: number;
}

export class NearCache {
  readonly settings: NearCacheSettings;
  readonly #options: NearCacheParts;
  readonly #store: ClockStore<NearId, NearEntry>;
  readonly #partitions = new Map<PartitionId, NearPartition>();
  readonly #fills = new Map<NearId, Fill>();
  #isClosed = false;

  constructor(options: NearCacheParts) {
    const { maxBytes, maxStaleMs } = options;
    this.settings = { maxBytes, maxStaleMs };
    this.#options = options;
    this.#store = new ClockStore(maxBytes);
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  get count(): number {
    return this.#store.count;
  }

  /** @throws {@link GridError} `invalid_argument`, `too_large`: bytes or a tuple that is no key. */
  lookup(key: Key, nowMs: number): NearEntry | undefined {
    const id = nearIdOf(key);
    const entry = this.#store.get(id);
    if (entry === undefined || (typeof key === 'string' && isForm(id)) || !this.#mayServe(entry, nowMs))
      return undefined;
    entry.isUsed = true;
    return entry;
  }

  /** Before a read of a key that `lookup` did not find is submitted, in the same turn; undefined: not to be kept. */
  begin(key: Key, { partition, map }: MapPart, nowMs: number): Fill | undefined {
    const at = this.#isClosed ? undefined : this.#partitionOf(partition, map);
    if (at === undefined) return undefined;
    at.usedMs = nowMs;
    this.#keepSubscribed(at, nowMs);
    const id = nearIdOf(key);
    const held = this.#fills.get(id);
    if (held !== undefined && held.at === at) {
      held.readCount += 1;
      return held;
    }
    const fill: Fill = { id, at, minLsn: 0, readCount: 1 };
    this.#fills.set(id, fill);
    return fill;
  }

  /** `answered` undefined: the read failed. */
  end(fill: Fill, answered: Answered | undefined): void {
    fill.readCount -= 1;
    if (fill.readCount === 0 && this.#fills.get(fill.id) === fill) this.#fills.delete(fill.id);
    if (answered === undefined || this.#isClosed) return;
    const { id, at } = fill;
    const { entry, lsn: readLsn, content, contentBytes } = answered;
    const isTooOld = readLsn < at.startLsn || readLsn < fill.minLsn;
    if (isTooOld && !this.#options.mutations.has('nearFillsLate')) return;
    if ((this.#store.get(id)?.readLsn ?? 0) > readLsn && this.#store.get(id)?.at === at) return;
    const { found, epoch, lsn, expireAtMs } = entry;
    const bytes = ENTRY_BYTES + idBytes(id) + contentBytes;
    // In this order: what a hit looks at lies together.
    this.#store.put(id, { at, readLsn, expireAtMs, isUsed: false, found, content, epoch, lsn, bytes });
  }

  /** The end of a write of this client; `lsn` undefined: it was refused for what it found, or nobody knows. */
  onWritten(operations: readonly Operation[], { partition, map }: MapPart, lsn: Lsn | undefined): void {
    const at = this.#partitions.get(partition);
    if (at === undefined || at.map !== map) return;
    for (const { kind, key } of operations) {
      if (kind === 'clear') this.#restart(at, lsn ?? 0);
      else this.#invalidate(nearIdOfBytes(key), lsn ?? NO_LSN);
    }
  }

  /** This client has seen something of the partition of which nobody told the lsn. */
  mistrust({ partition, map }: MapPart): void {
    const at = this.#partitions.get(partition);
    if (at !== undefined && at.map === map) mistrust(at);
  }

  /** The machine slept: what was vouched for before says nothing now. */
  mistrustAll(): void {
    for (const at of this.#partitions.values()) mistrust(at);
  }

  onChanges(connection: ConnectionId, changes: NearChanges): void {
    const { partition, map, epoch, fromLsn, toLsn, allKeys, keys } = changes;
    let at = this.#partitions.get(partition);
    if (at === undefined || at.map !== map || at.connection !== connection || at.epoch !== epoch) return;
    if (at.upToLsn === undefined) at.startLsn = toLsn;
    else if (fromLsn !== at.upToLsn + 1) {
      if (!this.#options.mutations.has('nearIgnoresGap')) at = this.#restart(at, toLsn);
    } else if (allKeys) at = this.#restart(at, toLsn);
    for (const key of keys) this.#invalidate(nearIdOfBytes(key), toLsn);
    noteWord(at, changes);
  }

  onLinkLost(connection: ConnectionId): void {
    for (const at of this.#partitions.values()) if (at.connection === connection) at.connection = undefined;
  }

  onTick(nowMs: number): void {
    for (const at of this.#partitions.values()) {
      if (nowMs - at.usedMs > UNUSED_MS_MAX) continue;
      const route = this.#options.routes.routeOf(at.partition);
      const current =
        route === undefined || route.lineage === at.lineage ? at : this.#partitionOf(at.partition, at.map);
      if (current !== undefined) this.#keepSubscribed(current, nowMs);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#store.clear();
    this.#partitions.clear();
    this.#fills.clear();
  }

  #mayServe({ at, readLsn, expireAtMs }: NearEntry, nowMs: number): boolean {
    at.usedMs = nowMs;
    if (readLsn < at.startLsn || this.#options.ageMs(at, nowMs) > this.settings.maxStaleMs) return false;
    const token = this.#options.tokens.of(at.partition);
    if (token !== undefined && !this.#options.mutations.has('nearIgnoresToken')) {
      if (token.lineage !== at.lineage || token.lsn > (at.upToLsn ?? 0)) return false;
      if (expireAtMs > 0 && expireAtMs <= token.clockMs) return false;
    }
    return expireAtMs === 0 || expireAtMs > at.clockMs;
  }

  /** Of the present lineage. Undefined: the partition was never placed. */
  #partitionOf(partition: PartitionId, map: MapId): NearPartition | undefined {
    const route = this.#options.routes.routeOf(partition);
    if (route === undefined || route.lineage === '') return undefined;
    const held = this.#partitions.get(partition);
    if (held !== undefined && held.lineage === route.lineage && held.map === map) return held;
    if (held !== undefined) held.startLsn = NO_LSN;
    const at = newNearPartition(route, map);
    at.usedMs = held?.usedMs ?? at.usedMs;
    this.#partitions.set(partition, at);
    return at;
  }

  #keepSubscribed(at: NearPartition, nowMs: number): void {
    const { routes, links, effects } = this.#options;
    const route = routes.routeOf(at.partition);
    if (route === undefined || route.address === '' || route.lineage !== at.lineage) return;
    const { connection, state } = links.at(route.address);
    if (connection === undefined || state !== 'open') return;
    const isHere = at.connection === connection && at.epoch === route.epoch;
    if (isHere && nowMs - at.polledMs < this.settings.maxStaleMs / POLLS_PER_STALE) return;
    at.connection = connection;
    at.epoch = route.epoch;
    at.polledMs = nowMs;
    effects.send(connection, pollOf(at, route, nowMs));
  }

  /** What the read of a key found before `lsn` is out of date. */
  #invalidate(id: NearId | undefined, lsn: Lsn): void {
    if (id === undefined) return;
    const entry = this.#store.get(id);
    if (entry !== undefined && entry.readLsn < lsn) this.#store.delete(id);
    const fill = this.#fills.get(id);
    if (fill === undefined) return;
    fill.minLsn = Math.max(fill.minLsn, lsn);
    // Reads that begin from now on are not of it.
    if (lsn === NO_LSN) this.#fills.delete(id);
  }

  /** All that was read before is out of date. */
  #restart(held: NearPartition, lsn: Lsn): NearPartition {
    const at = restarted(must(this.#partitions.get(held.partition), 'a partition that is known'), lsn);
    this.#partitions.set(at.partition, at);
    return at;
  }
}
