/**
 * The hash of the store's index: keyed per grid, so that nobody who does not know the key can make keys that share a
 * hash, and the same on every replica, so that a cursor means the same everywhere. HalfSipHash-1-3 (J.-P. Aumasson and
 * D. J. Bernstein, SipHash: a fast short-input PRF, 2012; the variant of 32-bit words, as in the hash tables of Linux).
 *
 * MurmurHash3, which says in which partition a key lies, will not do, however it is seeded: two blocks that differ in
 * bit 18 before its first step and in bit 31 before its second come out alike for every seed (the same authors, 2012),
 * so a few dozen bytes make a thousand keys of one hash.
 */
import { mix32 } from './entry-digest.ts';

const FINAL_ROUNDS = 3;

/** 32 bits, signed: V8 holds them without an object. `seed` has 32 bits too, and both halves of the key come from it. */
export function indexHash(key: Uint8Array, seed: number): number {
  const { length } = key;
  const wordCount = length >>> 2;
  const k1 = mix32(seed ^ 0x3c6ef372);
  let v0 = seed | 0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ seed;
  let v3 = 0x74656462 ^ k1;
  for (let round = 0; round <= wordCount + FINAL_ROUNDS; round++) {
    let word = 0;
    if (round < wordCount) word = wordAt(key, round << 2);
    else if (round === wordCount) word = lastWord(key);
    else if (round === wordCount + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}

function wordAt(key: Uint8Array, at: number): number {
  return (
    (key[at] as number) |
    ((key[at + 1] as number) << 8) |
    ((key[at + 2] as number) << 16) |
    ((key[at + 3] as number) << 24)
  );
}

/** Up to three bytes, and the length. */
function lastWord(key: Uint8Array): number {
  const { length } = key;
  let word = length << 24;
  for (let at = length & ~3, shift = 0; at < length; at++, shift += 8) word |= (key[at] as number) << shift;
  return word;
}
