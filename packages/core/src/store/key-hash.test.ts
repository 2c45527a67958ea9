import { expect, test } from 'vitest';
import { encodeKey } from '../keys/encode-key.ts';
import { newRandom } from '../random.ts';
import { keyHash } from './key-hash.ts';

const bytes = (text: string) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)));

test('the hash equals published vectors of MurmurHash3 x86 32', () => {
  expect(keyHash(bytes(''), 0)).toBe(0);
  expect(keyHash(bytes(''), 1)).toBe(0x514e28b7);
  expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65, 0x87), 0)).toBe(0xf55b516b);
  expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65), 0)).toBe(0x7e4a8634);
  expect(keyHash(Uint8Array.of(0x21, 0x43), 0)).toBe(0xa0f7b07a);
  expect(keyHash(Uint8Array.of(0x21), 0)).toBe(0x72661cf4);
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
  'long with an end': (number) => bytes(`${'x'.repeat(100)}${number}`),
};
const COUNT = 32_000;
const PAGES = 4_096;

for (const [name, keyOf] of Object.entries(KINDS)) {
  test(`hashes of ${name} are spread over pages and over the places in them`, () => {
    for (const seed of [0, 1, 0x9e3779b9]) {
      const byFirstBits = new Uint32Array(PAGES);
      const byLaterBits = new Uint32Array(PAGES);
      for (let number = 0; number < COUNT; number++) {
        const hash = keyHash(keyOf(number), seed);
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
      const hash = keyHash(key, 7);
      for (let bit = 0; bit < length * 8; bit++) {
        key[bit >>> 3] = (key[bit >>> 3] as number) ^ (1 << (bit & 7));
        const changed = keyHash(key, 7) ^ hash;
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
