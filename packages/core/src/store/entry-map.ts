/**
 * The decided entries of one map in one partition, always in the order of their key hash.
 *
 * The hashes 0 .. 2^32-1 are cut into 2^bits equal ranges, each a sorted run of entries:
 *
 *     bits = 2    run 0: 00......   run 1: 01......   run 2: 10......   run 3: 11......
 *
 * A look-up takes the run by the hash's first bits and searches a few entries. When there are more than four
 * entries a run, every run is split in two, which keeps the order. So a cursor is a hash: it means the same on every
 * replica, and stays true across growth, deletion and fail-over. Nobody outside sees the runs: entries can move out
 * of the JavaScript heap without changing a caller.
 */
import { assert } from '../assert.ts';
import type { Epoch, Lsn } from '../ids.ts';
import { entryDigest } from './entry-digest.ts';
import { keyHash } from './key-hash.ts';

export interface Entry {
  readonly hash: number;
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

const ENTRIES_PER_RUN = 4;
const BITS_MAX = 26;

export class EntryMap {
  readonly #seed: number;
  #bits = 0;
  #runs: Entry[][] = [[]];
  #count = 0;
  #bytes = 0;
  #digest = 0;

  /** `seed` is the grid's; see key-hash.ts. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count;
  }

  /** Of keys and values, without any overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  /** XOR over all entries (entry-digest.ts). */
  get digest(): number {
    return this.#digest;
  }

  get(key: Uint8Array): Entry | undefined {
    const hash = keyHash(key, this.#seed);
    const run = this.#runOf(hash);
    const index = find(run, hash, key);
    return index < 0 ? undefined : run[index];
  }

  /** Keeps `key` and `value` themselves: they must not be views of a frame. @returns what it holds now. */
  put({ key, value, epoch, lsn, ttlMs, expireAtMs }: NewEntry): Entry {
    const hash = keyHash(key, this.#seed);
    const run = this.#runOf(hash);
    const index = find(run, hash, key);
    const entry: Entry = { hash, key, value, epoch, lsn, ttlMs, expireAtMs };
    this.#digest ^= entryDigest(entry);
    if (index >= 0) {
      const old = run[index] as Entry;
      this.#digest ^= entryDigest(old);
      this.#bytes += value.length - old.value.length;
      run[index] = entry;
      return entry;
    }
    run.splice(~index, 0, entry);
    this.#count++;
    this.#bytes += key.length + value.length;
    if (this.#count > this.#runs.length * ENTRIES_PER_RUN && this.#bits < BITS_MAX) this.#split();
    return entry;
  }

  delete(key: Uint8Array): boolean {
    const hash = keyHash(key, this.#seed);
    const run = this.#runOf(hash);
    const index = find(run, hash, key);
    if (index < 0) return false;
    const [old] = run.splice(index, 1) as [Entry];
    this.#count--;
    this.#digest ^= entryDigest(old);
    this.#bytes -= old.key.length + old.value.length;
    return true;
  }

  clear(): void {
    this.#bits = 0;
    this.#runs = [[]];
    this.#count = 0;
    this.#bytes = 0;
    this.#digest = 0;
  }

  /**
   * Visits entries in the order of their hash, after all those of `afterHash` (undefined: from the start), until
   * `visit` answers false. The entries of one hash are never parted: it is asked again only at the next hash.
   *
   * @returns whether it came to the end.
   */
  scan(afterHash: number | undefined, visit: (entry: Entry) => boolean): boolean {
    let runIndex = afterHash === undefined || this.#bits === 0 ? 0 : afterHash >>> (32 - this.#bits);
    let goOn = true;
    let lastHash = -1;
    for (; runIndex < this.#runs.length; runIndex++) {
      for (const entry of this.#runs[runIndex] as Entry[]) {
        if (afterHash !== undefined && entry.hash <= afterHash) continue;
        if (!goOn && entry.hash !== lastHash) return false;
        lastHash = entry.hash;
        goOn = visit(entry) && goOn;
      }
    }
    return true;
  }

  #runOf(hash: number): Entry[] {
    const run = this.#runs[this.#bits === 0 ? 0 : hash >>> (32 - this.#bits)];
    assert(run !== undefined, 'every hash has its run');
    return run;
  }

  #split(): void {
    const bits = this.#bits + 1;
    const runs: Entry[][] = [];
    for (const run of this.#runs) {
      const low: Entry[] = [];
      const high: Entry[] = [];
      for (const entry of run) ((entry.hash >>> (32 - bits)) & 1 ? high : low).push(entry);
      runs.push(low, high);
    }
    this.#runs = runs;
    this.#bits = bits;
  }
}

/** The entry's place, or the complement of the place where it belongs: by hash, then by the key's bytes. */
function find(run: readonly Entry[], hash: number, key: Uint8Array): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = run[middle] as Entry;
    const order = entry.hash !== hash ? (entry.hash < hash ? -1 : 1) : orderOfBytes(entry.key, key);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return ~low;
}

function orderOfBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
