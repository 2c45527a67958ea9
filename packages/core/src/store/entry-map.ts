/**
 * The decided entries of one map in one partition, always in the order of their key hash, so that a cursor is a hash: it
 * means the same on every replica, and stays true across growth, cleaning, deletion and fail-over.
 *
 *     key ─▶ hash ─▶ index: directory ─▶ page ─▶ reference ─▶ heap: segment ─▶ record (header, key, value)
 *            index-hash.ts  hash-index.ts                          segment-heap.ts       record.ts
 *
 * All of it lies in typed arrays outside the JavaScript heap: an entry is no object. docs/internals/store.md tells why
 * each part is as it is.
 */
import { assert, must } from '../assert.ts';
import type { Epoch, Lsn } from '../ids.ts';
import { NO_BYTES, type ReadEntry } from '../messages.ts';
import { NewReadEntry } from '../new-messages.ts';
import { Cleaner } from './cleaner.ts';
import { entryDigest } from './entry-digest.ts';
import { EvictionHand } from './eviction-hand.ts';
import { HashIndex } from './hash-index.ts';
import { indexHash } from './index-hash.ts';
import type { IndexPage } from './index-page.ts';
import {
  copyRange,
  epochAt,
  expireAtMsAt,
  isKeyAt,
  keyBytesAt,
  keyStartAt,
  lsnAt,
  recordUnitsAt,
  ttlMsAt,
  UNIT_BYTES,
  unitsOf,
  valueBytesAt,
  writeRecord,
} from './record.ts';
import { CALLERS, placeOf, SEGMENT_SIZES, type Segment, SegmentHeap, type SegmentSizes } from './segment-heap.ts';
import { type EvictedFirst, type Usage, usageOf } from './usage.ts';

export interface Entry {
  readonly hash: number;
  /** Like `value` a view that stays true (I-VIEW), and holds its segment in memory. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of the record that wrote it: (epoch, lsn) is the entry's version. */
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  /** Its own time to live; 0: its map's. */
  readonly ttlMs: number;
  /** By the partition clock; 0: never. It stays in the map until it is removed. */
  readonly expireAtMs: number;
}

export type NewEntry = Omit<Entry, 'hash'>;
export type Lifetime = Pick<Entry, 'ttlMs' | 'expireAtMs'>;

export const FOREVER: Lifetime = { ttlMs: 0, expireAtMs: 0 };

/** Whoever wants to know which entries end when. */
export interface EntryEnds {
  /** An entry was put, replaced or deleted. 0: there was or is none, or one that never ends. Not both. */
  move(hash: number, fromMs: number, toMs: number): void;
  clear(): void;
}

/** What an entry is charged for its part of the index: a pair and a mark in a page that is filled as most are. */
const INDEX_BYTES = 12;

export interface EntryMapOptions {
  readonly ends?: EntryEnds;
  /** Notes how its entries are used, for `coldest`. Default: does not. */
  readonly evict?: EvictedFirst;
  /** For tests. */
  readonly segmentSizes?: SegmentSizes;
  /** 32 bits. For tests of keys that share a hash. */
  readonly hashOf?: (key: Uint8Array, seed: number) => number;
}

export interface EntryMemory {
  /** Of records that live, headers included. */
  readonly liveBytes: number;
  /** Of records that were overwritten or removed, in segments that are still there. */
  readonly garbageBytes: number;
  /** Of all segments. */
  readonly allocatedBytes: number;
  readonly segmentCount: number;
  readonly indexBytes: number;
  /** All that was written since the last `clear`, and what of it the cleaner wrote. */
  readonly writtenBytes: number;
  readonly relocatedBytes: number;
  /** Live part of the full segments, 0 to 1; 1 without any. */
  readonly utilisation: number;
}

export class EntryMap {
  readonly #seed: number;
  readonly #ends: EntryEnds | undefined;
  readonly #sizes: SegmentSizes;
  readonly #hash: (key: Uint8Array, seed: number) => number;
  readonly #index: HashIndex;
  readonly #usage: Usage | undefined;
  readonly #hand: EvictionHand | undefined;
  #heap: SegmentHeap;
  #cleaner: Cleaner;
  #bytes = 0;
  #digest = 0;
  /** Puts and deletions: a visit must make none. */
  #changeCount = 0;

  /** `seed` is the grid's; see index-hash.ts. */
  constructor(seed: number, options: EntryMapOptions = {}) {
    const { ends, evict, segmentSizes = SEGMENT_SIZES, hashOf = indexHash } = options;
    this.#seed = seed;
    this.#ends = ends;
    this.#usage = evict === undefined ? undefined : usageOf(evict, seed);
    this.#hand = this.#usage === undefined ? undefined : new EvictionHand(this.#usage);
    this.#index = new HashIndex(evict !== undefined);
    this.#sizes = segmentSizes;
    this.#hash = hashOf;
    this.#heap = new SegmentHeap(segmentSizes);
    this.#cleaner = this.#newCleaner();
  }

  get count(): number {
    return this.#index.count;
  }

  /** Of keys and values, without any overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of segments, whatever they hold, and index. */
  get allocatedBytes(): number {
    return this.#heap.allocatedUnits * UNIT_BYTES + this.#index.bytes;
  }

  /** What counts against a limit of the map: a function of its entries alone, so the same on every copy at one lsn. */
  get chargedBytes(): number {
    return this.#heap.liveUnits * UNIT_BYTES + this.count * INDEX_BYTES;
  }

  /** XOR over all entries (entry-digest.ts). */
  get digest(): number {
    return this.#digest;
  }

  get memory(): EntryMemory {
    const heap = this.#heap;
    let usedUnits = heap.closedUnits;
    for (const segment of heap.segments) if (segment?.closedAt === 0) usedUnits += segment.usedUnits;
    return {
      liveBytes: heap.liveUnits * UNIT_BYTES,
      garbageBytes: (usedUnits - heap.liveUnits) * UNIT_BYTES,
      allocatedBytes: heap.allocatedUnits * UNIT_BYTES,
      segmentCount: heap.segmentCount,
      indexBytes: this.#index.bytes,
      writtenBytes: heap.writtenUnits * UNIT_BYTES,
      relocatedBytes: this.#cleaner.relocatedBytes,
      utilisation: heap.closedUnits === 0 ? 1 : heap.closedLiveUnits / heap.closedUnits,
    };
  }

  get(key: Uint8Array): Entry | undefined {
    const hash = this.#hashOf(key);
    const page = this.#index.pageOf(hash);
    const place = this.#placeOf(page, hash, key);
    return place < 0 ? undefined : this.#entryAt(hash >>> 0, page.referenceAt(place));
  }

  /**
   * The hot path of a reader, without an object: 0 if the key is not there, else a reference for the methods below, good
   * until the next `put`, `delete` or `clear`. It may be negative. It is a use of the entry.
   */
  find(key: Uint8Array): number {
    const hash = this.#hashOf(key);
    const page = this.#index.pageOf(hash);
    const place = this.#placeOf(page, hash, key);
    if (place < 0) return 0;
    if (this.#usage !== undefined) page.setMark(place, this.#usage.used(page.markAt(place)));
    return page.referenceAt(place);
  }

  versionLsn(reference: number): Lsn {
    return lsnAt(this.#heap.segmentOf(reference).words, placeOf(reference));
  }

  versionEpoch(reference: number): Epoch {
    return epochAt(this.#heap.segmentOf(reference).words, placeOf(reference));
  }

  /** 0: never. */
  expireAtMs(reference: number): number {
    return expireAtMsAt(this.#heap.segmentOf(reference).words, placeOf(reference));
  }

  /** Its own; 0: its map's. */
  ttlMs(reference: number): number {
    return ttlMsAt(this.#heap.segmentOf(reference).words, placeOf(reference));
  }

  /** What its entry is charged; 0: there is none. No use of it. */
  chargeOfKey(key: Uint8Array): number {
    const hash = this.#hashOf(key);
    const page = this.#index.pageOf(hash);
    const place = this.#placeOf(page, hash, key);
    return place < 0 ? 0 : this.chargeAt(page.referenceAt(place));
  }

  chargeAt(reference: number): number {
    return recordUnitsAt(this.#heap.segmentOf(reference).words, placeOf(reference)) * UNIT_BYTES + INDEX_BYTES;
  }

  valueBytes(reference: number): number {
    return valueBytesAt(this.#heap.segmentOf(reference).words, placeOf(reference));
  }

  /** Into `target` from `at` on. @returns where it ends there. */
  copyValue(reference: number, target: Uint8Array, at: number): number {
    const { words, bytes } = this.#heap.segmentOf(reference);
    const place = placeOf(reference);
    const start = keyStartAt(words, place) + keyBytesAt(words, place);
    const end = start + valueBytesAt(words, place);
    copyRange({ bytes, start, end }, target, at);
    return at + end - start;
  }

  /** What a read is answered with: of its two views it makes one, or none. */
  found(reference: number, withoutValue: boolean): ReadEntry {
    const { words, buffer } = this.#heap.segmentOf(reference);
    const at = placeOf(reference);
    const start = keyStartAt(words, at) + keyBytesAt(words, at);
    return new NewReadEntry({
      found: true,
      value: withoutValue ? NO_BYTES : new Uint8Array(buffer, start, valueBytesAt(words, at)),
      epoch: epochAt(words, at),
      lsn: lsnAt(words, at),
      expireAtMs: expireAtMsAt(words, at),
    });
  }

  /** What `get` gives. */
  entry(reference: number): Entry {
    const segment = this.#heap.segmentOf(reference);
    return this.#entryAt(this.#hashOf(keyView(segment, placeOf(reference))) >>> 0, reference);
  }

  /** Copies key and value. The old entry's views stay true. */
  put(entry: NewEntry): void {
    const { key, value } = entry;
    const units = unitsOf(entry);
    this.#cleaner.beforeWriteOf(units);
    const hash = this.#hashOf(key);
    const page = this.#index.pageOf(hash);
    const place = this.#placeOf(page, hash, key);
    const reference = this.#heap.allocate(units, CALLERS);
    writeRecord(this.#heap.segmentOf(reference), placeOf(reference), entry);
    this.#digest ^= entryDigest(hash, entry);
    this.#changeCount++;
    let oldExpireAtMs = 0;
    if (place < 0) {
      this.#index.insert(hash, reference, this.#usage?.fresh(this.count + 1));
      this.#bytes += key.length + value.length;
    } else {
      const old = page.referenceAt(place);
      oldExpireAtMs = this.expireAtMs(old);
      this.#bytes += value.length - this.valueBytes(old);
      page.setReference(place, reference);
      if (this.#usage !== undefined) page.setMark(place, this.#usage.used(page.markAt(place)));
      this.#forget(hash, old);
    }
    this.#tellEnds(hash, oldExpireAtMs, entry.expireAtMs);
  }

  delete(key: Uint8Array): boolean {
    const hash = this.#hashOf(key);
    const page = this.#index.pageOf(hash);
    const place = this.#placeOf(page, hash, key);
    if (place < 0) return false;
    const old = page.referenceAt(place);
    const expireAtMs = this.expireAtMs(old);
    this.#changeCount++;
    this.#bytes -= key.length + this.valueBytes(old);
    this.#index.removeAt(page, place);
    this.#cleaner.afterRemovalOf(this.#forget(hash, old));
    this.#tellEnds(hash, expireAtMs, 0);
    return true;
  }

  clear(): void {
    this.#changeCount++;
    this.#index.clear();
    this.#heap = new SegmentHeap(this.#sizes);
    this.#cleaner = this.#newCleaner();
    this.#bytes = 0;
    this.#digest = 0;
    this.#ends?.clear();
    this.#hand?.restart();
  }

  /**
   * Visits entries in the order of their hash, after all those of `afterHash` (undefined: from the start), until
   * `visit` answers false. The entries of one hash are never parted: it is asked again only at the next hash. A visit
   * changes nothing here.
   *
   * @returns whether it came to the end.
   */
  scan(afterHash: number | undefined, visit: (entry: Entry) => boolean): boolean {
    const changeCount = this.#changeCount;
    let goOn = true;
    let lastHash = -1;
    return this.#index.scan(afterHash, (hash, reference) => {
      if (!goOn && hash !== lastHash) return false;
      lastHash = hash;
      goOn = visit(this.#entryAt(hash, reference)) && goOn;
      assert(this.#changeCount === changeCount, 'a visit changes nothing');
      return true;
    });
  }

  /**
   * References of entries that may go, the coldest first, out of those that come next in the order of the hash: sixteen
   * for each one `wanted`. Only where `evict` was given; changes no entry.
   */
  coldest(wanted: number): Iterable<number> {
    return must(this.#hand, 'a map that evicts').coldest(this.#index, wanted);
  }

  /** The entries that share one hash: mostly one. */
  entriesOfHash(hash: number): Entry[] {
    const page = this.#index.pageOf(hash);
    const entries: Entry[] = [];
    for (let place = page.seek(hash); page.isAt(place, hash); place++) {
      entries.push(this.#entryAt(hash >>> 0, page.referenceAt(place)));
    }
    return entries;
  }

  #hashOf(key: Uint8Array): number {
    return this.#hash(key, this.#seed) | 0;
  }

  #newCleaner(): Cleaner {
    return new Cleaner({ heap: this.#heap, index: this.#index, hashOf: (key) => this.#hashOf(key) });
  }

  /** -1: it is not there. */
  #placeOf(page: IndexPage, hash: number, key: Uint8Array): number {
    for (let place = page.seek(hash); page.isAt(place, hash); place++) {
      const reference = page.referenceAt(place);
      if (isKeyAt(this.#heap.segmentOf(reference), placeOf(reference), key)) return place;
    }
    return -1;
  }

  #entryAt(hash: number, reference: number): Entry {
    const { words, bytes } = this.#heap.segmentOf(reference);
    const at = placeOf(reference);
    const keyStart = keyStartAt(words, at);
    const valueStart = keyStart + keyBytesAt(words, at);
    return {
      hash,
      key: bytes.subarray(keyStart, valueStart),
      value: bytes.subarray(valueStart, valueStart + valueBytesAt(words, at)),
      epoch: epochAt(words, at),
      lsn: lsnAt(words, at),
      ttlMs: ttlMsAt(words, at),
      expireAtMs: expireAtMsAt(words, at),
    };
  }

  /** The index has forgotten it already. @returns its units, garbage now. */
  #forget(hash: number, reference: number): number {
    const { words } = this.#heap.segmentOf(reference);
    const at = placeOf(reference);
    const version = { epoch: epochAt(words, at), lsn: lsnAt(words, at), expireAtMs: expireAtMsAt(words, at) };
    this.#digest ^= entryDigest(hash, version);
    const units = recordUnitsAt(words, at);
    this.#heap.release(reference, units);
    return units;
  }

  #tellEnds(hash: number, fromMs: number, toMs: number): void {
    if (fromMs !== 0 || toMs !== 0) this.#ends?.move(hash, fromMs, toMs);
  }
}

/** What `chargedBytes` grows by with this entry. */
export function chargeOf(entry: Pick<NewEntry, 'key' | 'value' | 'ttlMs' | 'expireAtMs'>): number {
  return unitsOf(entry) * UNIT_BYTES + INDEX_BYTES;
}

function keyView({ words, bytes }: Segment, at: number): Uint8Array {
  const start = keyStartAt(words, at);
  return bytes.subarray(start, start + keyBytesAt(words, at));
}
