/**
 * Random operations on the store and on its oracle: the same answers, the same content in the same order, whatever grows
 * or is cleaned meanwhile. A run is its seed.
 *
 * It goes by moods of a few thousand operations: it grows, stays level, shrinks, writes a few keys only, or is cleared.
 * Beside that a cursor walks over the store in pieces, and entries that were read long ago are looked at again (I-VIEW).
 */
import {
  asMapId,
  type Entry,
  EntryMap,
  type EntryMemory,
  ExpiryIndex,
  FOREVER,
  indexHash,
  type NewEntry,
  newRandom,
  type Random,
} from '@ostraca/core';
import { MapStore, nameOf } from './map-store.ts';
import { Walk } from './walk.ts';

export interface StoreRunOptions {
  readonly seed: number;
  readonly operations: number;
  /** Default 20,000. */
  readonly keyCountMax?: number;
  /** Default 64 KiB. Small ones are cleaned all the time. */
  readonly segmentBytesMax?: number;
  /** Bits of the hash that are kept: with few of them many keys share one. Default 32. */
  readonly hashBits?: number;
  readonly onProgress?: (operations: number, store: EntryMap) => void;
}

export interface StoreRunReport {
  readonly operations: number;
  readonly countMax: number;
  readonly comparedEntries: number;
  readonly walks: number;
  readonly clears: number;
  readonly writtenBytes: number;
  readonly relocatedBytes: number;
}

const MOODS = {
  grow: { put: 80, delete: 5, keyShare: 1 },
  level: { put: 50, delete: 20, keyShare: 1 },
  shrink: { put: 10, delete: 80, keyShare: 1 },
  hot: { put: 80, delete: 2, keyShare: 0.01 },
} as const;
const MOOD_NAMES = ['grow', 'grow', 'level', 'shrink', 'hot'] as const;
const MOOD_OPERATIONS_MAX = 10_000;
const MAP = asMapId(0);
const COMPARED_EACH_TIME = 2_000;
const HELD_MAX = 64;
const HELD_OPERATIONS = 1_000;
const SEED_OF_HASH = 7;

export function runStore(options: StoreRunOptions): StoreRunReport {
  return new StoreRun(options).run();
}

class StoreRun {
  readonly #options: Required<Omit<StoreRunOptions, 'onProgress'>> & Pick<StoreRunOptions, 'onProgress'>;
  readonly #random: Random;
  readonly #expiry = new ExpiryIndex();
  readonly #store: EntryMap;
  readonly #oracle: MapStore;
  #walk: Walk;
  /** Views with copies of what they showed. */
  #held: { readonly entry: Entry; readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  #lsn = 0;
  #totals = { countMax: 0, comparedEntries: 0, walks: 0, clears: 0, writtenBytes: 0, relocatedBytes: 0 };

  constructor(options: StoreRunOptions) {
    this.#options = { keyCountMax: 20_000, segmentBytesMax: 65_536, hashBits: 32, ...options };
    this.#random = newRandom(options.seed);
    const { segmentBytesMax, hashBits } = this.#options;
    const kept = hashBits === 32 ? -1 : ~(-1 >>> hashBits);
    const hashOf = (key: Uint8Array): number => (indexHash(key, SEED_OF_HASH) & kept) >>> 0;
    this.#store = new EntryMap(SEED_OF_HASH, {
      ends: this.#expiry.endsOf(MAP),
      segmentSizes: { bytesMin: Math.min(1_024, segmentBytesMax), bytesMax: segmentBytesMax },
      hashOf,
    });
    this.#oracle = new MapStore(hashOf);
    this.#walk = new Walk(this.#store, this.#oracle);
  }

  run(): StoreRunReport {
    const { operations, keyCountMax, onProgress } = this.#options;
    let done = 0;
    while (done < operations) {
      const mood = MOODS[MOOD_NAMES[this.#random.below(MOOD_NAMES.length)] ?? 'level'];
      const until = Math.min(operations, done + 1 + this.#random.below(MOOD_OPERATIONS_MAX));
      const keyCount = Math.max(1, Math.floor(keyCountMax * mood.keyShare));
      for (; done < until; done++) this.#operate(mood, keyCount, done);
      this.#totals.countMax = Math.max(this.#totals.countMax, this.#store.count);
      // As often that it costs about as much as the operations.
      if (this.#random.below(this.#store.count) < COMPARED_EACH_TIME) this.#compare();
      if (this.#random.below(40) === 0) this.#clear();
      onProgress?.(done, this.#store);
    }
    this.#addWritten(this.#store.memory);
    return { operations: done, ...this.#totals };
  }

  #operate(mood: (typeof MOODS)[keyof typeof MOODS], keyCount: number, number: number): void {
    const key = this.#keyOf(this.#random.below(keyCount));
    const kind = this.#random.below(100);
    if (kind < mood.put) this.#put(key);
    else if (kind < mood.put + mood.delete) {
      equal(this.#store.delete(key), this.#oracle.delete(key), 'delete');
      this.#walk.gone(nameOf(key));
    } else this.#get(key);
    equal(this.#store.count, this.#oracle.count, 'count');
    if (number % 16 === 0 && this.#walk.step(this.#random)) {
      this.#totals.walks++;
      this.#walk = new Walk(this.#store, this.#oracle);
    }
    if (number % HELD_OPERATIONS === 0) this.#lookAtHeld();
  }

  #put(key: Uint8Array): void {
    this.#lsn += 1 + (this.#random.below(100) === 0 ? this.#random.below(2 ** 30) : 0);
    const value = this.#valueOf();
    const lifetime = this.#lifetime();
    const entry: NewEntry = { key, value, epoch: 1 + this.#random.below(2 ** 31), lsn: this.#lsn, ...lifetime };
    this.#store.put(entry);
    this.#oracle.put(entry);
    // The store and its oracle copy: what was given is the caller's again.
    value.fill(0xee);
    this.#get(key);
    key.fill(0xee);
  }

  #get(key: Uint8Array): void {
    const expected = this.#oracle.get(key);
    const found = this.#store.get(key);
    sameEntry(found, expected);
    const reference = this.#store.find(key);
    equal(reference !== 0, expected !== undefined, 'find');
    if (expected === undefined || found === undefined) return;
    const store = this.#store;
    equal(store.versionLsn(reference), expected.lsn, 'lsn');
    equal(store.versionEpoch(reference), expected.epoch, 'epoch');
    equal(store.expireAtMs(reference), expected.expireAtMs, 'expireAtMs');
    equal(store.ttlMs(reference), expected.ttlMs, 'ttlMs');
    equal(store.valueBytes(reference), expected.value.length, 'valueBytes');
    const copy = new Uint8Array(expected.value.length + 3);
    equal(store.copyValue(reference, copy, 3), copy.length, 'copyValue');
    sameBytes(copy.subarray(3), expected.value, 'copied value');
    if (this.#held.length >= HELD_MAX || this.#random.below(50) > 0) return;
    this.#held.push({ entry: found, key: found.key.slice(), value: found.value.slice() });
  }

  #clear(): void {
    this.#addWritten(this.#store.memory);
    this.#store.clear();
    this.#oracle.clear();
    this.#walk = new Walk(this.#store, this.#oracle);
    this.#totals.clears++;
    this.#compare();
  }

  #compare(): void {
    const expected = this.#oracle.sorted();
    const found: Entry[] = [];
    this.#store.scan(undefined, (entry) => found.push(entry) > 0);
    for (let i = 1; i < found.length; i++) {
      if ((found[i - 1] as Entry).hash > (found[i] as Entry).hash)
        throw new Error('a scan is in the order of the hash');
    }
    found.sort((a, b) => a.hash - b.hash || Buffer.compare(a.key, b.key));
    equal(found.length, expected.length, 'entries of a scan');
    found.forEach((entry, index) => {
      sameEntry(entry, expected[index]);
    });
    equal(this.#store.bytes, this.#oracle.bytes, 'bytes');
    equal(this.#expiry.count, expected.filter(({ expireAtMs }) => expireAtMs > 0).length, 'entries with an end');
    this.#compareFresh(expected);
    this.#checkMemory();
    this.#totals.comparedEntries += found.length;
  }

  /** The digest says what is there, not how it came to be. */
  #compareFresh(entries: readonly Entry[]): void {
    if (entries.length > 2_000 && this.#random.below(8) > 0) return;
    const fresh = new EntryMap(SEED_OF_HASH, { hashOf: (key) => this.#oracle.get(key)?.hash ?? 0 });
    for (const entry of entries) fresh.put(entry);
    equal(this.#store.digest, fresh.digest, 'digest');
  }

  #checkMemory(): void {
    const { liveBytes, garbageBytes, allocatedBytes } = this.#store.memory;
    if (garbageBytes < 0 || liveBytes + garbageBytes > allocatedBytes)
      throw new Error('live and garbage are allocated');
    if (liveBytes < this.#store.bytes + 16 * this.#store.count) throw new Error('what lives is in the segments');
    // Garbage of full segments, and what is open or being cleaned.
    const { segmentBytesMax } = this.#options;
    const most = liveBytes * 0.3 + 8 * segmentBytesMax + 64 * 1_024;
    if (garbageBytes > most) throw new Error(`garbage ${garbageBytes} runs ahead of ${liveBytes} live`);
  }

  #lookAtHeld(): void {
    for (const { entry, key, value } of this.#held) {
      sameBytes(entry.key, key, 'a key that is held');
      sameBytes(entry.value, value, 'a value that is held');
    }
    if (this.#random.below(4) === 0) this.#held = [];
  }

  #keyOf(number: number): Uint8Array {
    // All lengths, and one key over the length up to which copies are made by a loop.
    const text = number % 97 === 0 ? `${'long-'.repeat(40)}${number}` : `${'k'.repeat(number % 11)}${number}`;
    return Uint8Array.from(Buffer.from(text, 'latin1'));
  }

  #valueOf(): Uint8Array {
    const kind = this.#random.below(1_000);
    const bytesMax = kind === 0 ? 2 * this.#options.segmentBytesMax : kind < 20 ? 4_096 : kind < 700 ? 120 : 40;
    const value = new Uint8Array(this.#random.below(bytesMax + 1));
    const step = 1 + this.#random.below(255);
    for (let i = 0; i < value.length; i++) value[i] = (this.#lsn + i * step) & 0xff;
    return value;
  }

  #lifetime(): Pick<NewEntry, 'ttlMs' | 'expireAtMs'> {
    const kind = this.#random.below(10);
    if (kind < 6) return FOREVER;
    const expireAtMs = 1 + this.#random.below(kind === 6 ? 5_000 : 2 ** 31) * (kind === 7 ? 65_536 : 1);
    return { expireAtMs, ttlMs: kind < 8 ? 0 : 1 + this.#random.below(2 ** 31) * (kind === 8 ? 1_000 : 1) };
  }

  #addWritten({ writtenBytes, relocatedBytes }: EntryMemory): void {
    this.#totals.writtenBytes += writtenBytes;
    this.#totals.relocatedBytes += relocatedBytes;
  }
}

function sameEntry(found: Entry | undefined, expected: Entry | undefined): void {
  equal(found === undefined, expected === undefined, 'whether it is there');
  if (found === undefined || expected === undefined) return;
  equal(found.hash, expected.hash, 'hash');
  equal(found.lsn, expected.lsn, 'lsn');
  equal(found.epoch, expected.epoch, 'epoch');
  equal(found.ttlMs, expected.ttlMs, 'ttlMs');
  equal(found.expireAtMs, expected.expireAtMs, 'expireAtMs');
  sameBytes(found.key, expected.key, 'key');
  sameBytes(found.value, expected.value, 'value');
}

function sameBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(found, expected) !== 0) throw new Error(`${what}: ${found.length} other bytes than in the oracle`);
}

function equal<T extends number | boolean>(found: T, expected: T, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${found}, the oracle says ${expected}`);
}
