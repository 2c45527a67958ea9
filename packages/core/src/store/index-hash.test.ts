import { expect, test } from 'vitest';
import { encodeKey } from '../keys/encode-key.ts';
import { newRandom } from '../random.ts';
import { mix32 } from './entry-digest.ts';
import { indexHash } from './index-hash.ts';
import { keyHash } from './key-hash.ts';

/** HalfSipHash-c-d of 32 bits as its authors write it, word by word of a DataView; `key` is two words. */
function reference(bytes: Uint8Array, key: readonly [number, number], [c, d]: readonly [number, number]): number {
  const v = new Uint32Array([key[0], key[1], 0x6c796765 ^ key[0], 0x74656462 ^ key[1]]);
  const at = (i: number) => v[i] as number;
  const rotate = (i: number, by: number) => {
    v[i] = (at(i) << by) | (at(i) >>> (32 - by));
  };
  const mixInto = (i: number, j: number, by: number) => {
    v[i] = at(i) + at(j);
    rotate(j, by);
    v[j] = at(j) ^ at(i);
  };
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      mixInto(0, 1, 5);
      rotate(0, 16);
      mixInto(2, 3, 8);
      mixInto(0, 3, 7);
      mixInto(2, 1, 13);
      rotate(2, 16);
    }
  };
  const padded = new Uint8Array((bytes.length & ~3) + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const view = new DataView(padded.buffer);
  for (let word = 0; word < padded.length; word += 4) {
    v[3] = at(3) ^ view.getUint32(word, true);
    rounds(c);
    v[0] = at(0) ^ view.getUint32(word, true);
  }
  v[2] = at(2) ^ 0xff;
  rounds(d);
  return (at(1) ^ at(3)) >>> 0;
}

const upTo = (length: number) => Uint8Array.from({ length }, (_, i) => i);

test('the hash is HalfSipHash-1-3', () => {
  // The authors' vectors are of 2-4, for the key 00 01 … 07 and texts 00 01 … of length 0, 1, 2.
  const key = [0x03020100, 0x07060504] as const;
  expect([0, 1, 2].map((length) => reference(upTo(length), key, [2, 4]))).toEqual([0x5b9f35a9, 0xb85a4727, 0x03a662fa]);
  for (const seed of [0, 1, 0xdeadbeef]) {
    for (let length = 0; length < 40; length++) {
      const expected = reference(upTo(length), [seed, mix32(seed ^ 0x3c6ef372) >>> 0], [1, 3]);
      expect(indexHash(upTo(length), seed) >>> 0).toBe(expected);
    }
  }
});

const inverse = (odd: number) => [1, 2, 3, 4, 5].reduce((x) => Math.imul(x, 2 - Math.imul(odd, x)), odd);

/** A word of a key that MurmurHash3 turns into `mixed` before it uses it. */
function wordOf(mixed: number): number {
  const word = Math.imul(mixed, inverse(0x1b873593));
  return Math.imul((word >>> 15) | (word << 17), inverse(0xcc9e2d51));
}

test('keys that share a hash of MurmurHash3 under every seed are spread here', () => {
  const keys = Array.from({ length: 1_024 }, (_, number) => {
    const words = Array.from({ length: 10 }, (_, bit) => {
      return (number >>> bit) & 1 ? [wordOf(1), wordOf(2)] : [wordOf(1 ^ 0x40000), wordOf(2 ^ 0x80000000)];
    });
    return new Uint8Array(Int32Array.from(words.flat()).buffer);
  });
  const countOf = (hash: (key: Uint8Array, seed: number) => number, seed: number) => {
    return new Set(keys.map((key) => hash(key, seed))).size;
  };
  for (const seed of [0, 1, 0x9e3779b9]) {
    expect(countOf(keyHash, seed)).toBe(1);
    expect(countOf(indexHash, seed)).toBeGreaterThan(1_020);
  }
});

/** Keys as applications make them, and some that weak hashes fall for. */
const KINDS: Record<string, (number: number) => Uint8Array> = {
  counters: (number) => encodeKey(number),
  'texts with a counter': (number) => encodeKey(`user:${number}`),
  'counters of equal length': (number) => encodeKey(String(number).padStart(13, '0')),
  tuples: (number) => encodeKey(['orders', number % 100, Math.floor(number / 100)]),
  'two bits of 256': (number) => {
    const key = new Uint8Array(32);
    for (const bit of [number % 256, (number + 1 + Math.floor(number / 256)) % 256])
      key[bit >>> 3] = (key[bit >>> 3] as number) ^ (1 << (bit & 7));
    return key;
  },
  'multiples of 2^16': (number) => encodeKey(number * 65_536),
  'long with an end': (number) => encodeKey(`${'x'.repeat(100)}${number}`),
};
const COUNT = 32_000;
const PAGES = 4_096;

for (const [name, keyOf] of Object.entries(KINDS)) {
  test(`hashes of ${name} are spread over pages and over the places in them`, () => {
    for (const seed of [0, 1, 0x9e3779b9]) {
      const byFirstBits = new Uint32Array(PAGES);
      const byLaterBits = new Uint32Array(PAGES);
      for (let number = 0; number < COUNT; number++) {
        const hash = indexHash(keyOf(number), seed);
        byFirstBits[hash >>> 20] = (byFirstBits[hash >>> 20] as number) + 1;
        byLaterBits[(hash >>> 8) & 4_095] = (byLaterBits[(hash >>> 8) & 4_095] as number) + 1;
      }
      // Chi-square of 4,095 degrees of freedom: 4,095 give or take 90; six times that is one case in 10^9.
      for (const counts of [byFirstBits, byLaterBits]) {
        expect(Math.abs(chiSquare(counts, COUNT) - (PAGES - 1))).toBeLessThan(6 * Math.sqrt(2 * PAGES));
      }
    }
  });
}

test('each bit of a key changes each bit of its hash in half of the cases', () => {
  const random = newRandom(1);
  const samples = 2_000;
  for (const length of [1, 4, 7, 13, 16]) {
    const flips = new Uint32Array(length * 8 * 32);
    for (let sample = 0; sample < samples; sample++) {
      const key = Uint8Array.from({ length }, () => random.below(256));
      const hash = indexHash(key, 7);
      for (let bit = 0; bit < length * 8; bit++) {
        key[bit >>> 3] = (key[bit >>> 3] as number) ^ (1 << (bit & 7));
        const changed = indexHash(key, 7) ^ hash;
        key[bit >>> 3] = (key[bit >>> 3] as number) ^ (1 << (bit & 7));
        for (let out = 0; out < 32; out++)
          flips[bit * 32 + out] = (flips[bit * 32 + out] as number) + ((changed >>> out) & 1);
      }
    }
    // Of one byte there are but 256 keys: their shares differ more than by chance of the sample.
    const tolerance = length === 1 ? 0.2 : 0.08;
    expect(Math.max(...flips.map((flipped) => Math.abs(flipped - samples / 2)))).toBeLessThan(tolerance * samples);
  }
});

function chiSquare(counts: Uint32Array, total: number): number {
  const expected = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
