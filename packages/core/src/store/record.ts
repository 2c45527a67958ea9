/**
 * How an entry lies in a segment. Immutable once written, aligned to 4 bytes, read and written as words:
 *
 *     word 0   value bytes (24 bits) │ flags (8)
 *          1   key bytes (16)        │ lsn, high 16 bits
 *          2   lsn, low 32 bits
 *          3   epoch
 *        [ 4   expireAtMs, low 32 bits                            only with EXPIRES
 *          5   expireAtMs, high 16 bits │ ttlMs, high 16 bits ]
 *        [ 6   ttlMs, low 32 bits ]                               only with OWN_TTL, which has EXPIRES with it
 *              key, value, up to 3 bytes of nothing
 *
 * So an entry costs 16 bytes, 24 with an end, 28 with a time to live of its own, and 1.5 on average for the alignment.
 */
import { assert } from '../assert.ts';
import { LIMITS } from '../limits.ts';
import type { NewEntry } from './entry-map.ts';

export const UNIT_BYTES = 4;
const HEADER_UNITS = 4;
const EXPIRES = 1;
const OWN_TTL = 2;
const TWO_32 = 0x1_0000_0000;
/** Of an lsn, an end and a time to live: 8,900 years in milliseconds. */
const TWO_48 = 2 ** 48;
/** Below this a loop beats `set`, which costs a call out of compiled code (docs/internals/store.md, Copying). */
const LOOP_BYTES_MAX = 64;

assert(LIMITS.keyBytesMax < 2 ** 16, 'the length of a key fits into its field');
assert(LIMITS.valueBytesMax < 2 ** 24, 'the length of a value fits into its field');
assert(LIMITS.ttlMsMax < TWO_48, 'a time to live fits into its field');

/** `words` and `bytes` are views of one buffer. */
export interface RecordSpace {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

export function unitsOf({
  key,
  value,
  ttlMs,
  expireAtMs,
}: Pick<NewEntry, 'key' | 'value' | 'ttlMs' | 'expireAtMs'>): number {
  return headerUnits(flagsOf(ttlMs, expireAtMs)) + ((key.length + value.length + 3) >>> 2);
}

/** `at` counts words. What does not fit into 32 bits is cut off by `| 0`, and its upper part is written beside it. */
export function writeRecord({ words, bytes }: RecordSpace, at: number, entry: NewEntry): void {
  const { key, value, epoch, lsn, ttlMs, expireAtMs } = entry;
  assert(key.length < 2 ** 16 && value.length < 2 ** 24, 'key and value are within their limits');
  assert(lsn >= 0 && lsn < TWO_48 && epoch >= 0 && epoch < TWO_32, 'a version fits into its fields');
  const flags = flagsOf(ttlMs, expireAtMs);
  words[at] = value.length | (flags << 24);
  words[at + 1] = key.length | ((lsn / TWO_32) << 16);
  words[at + 2] = lsn | 0;
  words[at + 3] = epoch | 0;
  if (flags !== 0) writeLifetime(words, at, entry);
  const keyAt = (at + headerUnits(flags)) << 2;
  copyBytes(key, bytes, keyAt);
  copyBytes(value, bytes, keyAt + key.length);
}

function writeLifetime(words: Int32Array, at: number, { ttlMs, expireAtMs }: NewEntry): void {
  assert(Number.isInteger(expireAtMs) && expireAtMs >= 0 && expireAtMs < TWO_48, 'an end fits into its field');
  assert(Number.isInteger(ttlMs) && ttlMs >= 0 && ttlMs < TWO_48, 'a time to live fits into its field');
  words[at + 4] = expireAtMs | 0;
  words[at + 5] = (expireAtMs / TWO_32) | ((ttlMs / TWO_32) << 16);
  if (ttlMs > 0) words[at + 6] = ttlMs | 0;
}

export function recordUnitsAt(words: Int32Array, at: number): number {
  const flags = (words[at] as number) >>> 24;
  return headerUnits(flags) + ((keyBytesAt(words, at) + valueBytesAt(words, at) + 3) >>> 2);
}

export function keyBytesAt(words: Int32Array, at: number): number {
  return (words[at + 1] as number) & 0xffff;
}

export function valueBytesAt(words: Int32Array, at: number): number {
  return (words[at] as number) & 0xff_ffff;
}

/** Where the key begins, in bytes; the value follows it. */
export function keyStartAt(words: Int32Array, at: number): number {
  return (at + headerUnits((words[at] as number) >>> 24)) << 2;
}

export function lsnAt(words: Int32Array, at: number): number {
  return ((words[at + 1] as number) >>> 16) * TWO_32 + ((words[at + 2] as number) >>> 0);
}

export function epochAt(words: Int32Array, at: number): number {
  return (words[at + 3] as number) >>> 0;
}

/** 0: never. */
export function expireAtMsAt(words: Int32Array, at: number): number {
  if ((words[at] as number) >>> 24 === 0) return 0;
  return ((words[at + 5] as number) & 0xffff) * TWO_32 + ((words[at + 4] as number) >>> 0);
}

/** 0: its map's. */
export function ttlMsAt(words: Int32Array, at: number): number {
  if ((((words[at] as number) >>> 24) & OWN_TTL) === 0) return 0;
  return ((words[at + 5] as number) >>> 16) * TWO_32 + ((words[at + 6] as number) >>> 0);
}

export function isKeyAt({ words, bytes }: RecordSpace, at: number, key: Uint8Array): boolean {
  const { length } = key;
  if (keyBytesAt(words, at) !== length) return false;
  const start = keyStartAt(words, at);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

/** Part of `bytes`, `end` not included. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export function copyRange({ bytes, start, end }: ByteRange, target: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES_MAX) target.set(bytes.subarray(start, end), at);
  else for (let from = start; from < end; from++) target[at + from - start] = bytes[from] as number;
}

function copyBytes(from: Uint8Array, target: Uint8Array, at: number): void {
  const { length } = from;
  if (length > LOOP_BYTES_MAX) target.set(from, at);
  else for (let i = 0; i < length; i++) target[at + i] = from[i] as number;
}

function flagsOf(ttlMs: number, expireAtMs: number): number {
  if (ttlMs > 0) return EXPIRES | OWN_TTL;
  return expireAtMs > 0 ? EXPIRES : 0;
}

function headerUnits(flags: number): number {
  return HEADER_UNITS + ((flags & EXPIRES) << 1) + ((flags & OWN_TTL) >>> 1);
}
