// Goal: everybody who has the seed asks for the same keys, of the size that the goals name, spread over all of them.
import { expect, test } from 'vitest';
import { DRAWS, drawIndexes, KeySequence, keyOf, ValuePool } from './key-sequence.ts';

test('keys have 13 bytes, all of them different', () => {
  expect(keyOf(0)).toBe('key:000000000');
  expect(keyOf(39_999_999)).toBe('key:039999999');
  expect(Buffer.byteLength(keyOf(39_999_999))).toBe(13);
});

test('a sequence repeats by its seed, and starts over at its end', () => {
  const options = { keys: 100, distribution: 'uniform', seed: 5 } as const;
  const first = new KeySequence(options);
  const again = new KeySequence(options);
  const drawn = Array.from({ length: 50 }, () => first.next());
  expect(Array.from({ length: 50 }, () => again.next())).toEqual(drawn);
  for (let draw = 50; draw < DRAWS; draw++) first.next();
  expect(first.next()).toBe(drawn[0]);
  expect(keyOf(first.index)).toBe(drawn[0]);
});

test('uniform keys come about equally often', () => {
  const counts = countsOf(drawIndexes({ keys: 64, distribution: 'uniform', seed: 1 }), 64);
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
});

test('zipfian keys are popular, and the popular ones are not neighbours', () => {
  const counts = countsOf(drawIndexes({ keys: 10_000, distribution: 'zipfian', seed: 1 }), 10_000);
  const byCount = [...counts.keys()].sort((a, b) => (counts[b] as number) - (counts[a] as number));
  expect(counts[byCount[0] as number] as number).toBeGreaterThan(50 * (DRAWS / 10_000));
  const [first = 0, second = 0, third = 0] = byCount;
  expect(Math.max(Math.abs(first - second), Math.abs(second - third))).toBeGreaterThan(10);
});

test('values have their size, differ, and belong to their key', () => {
  const values = new ValuePool(100, 1);
  expect(values.of(3)).toHaveLength(100);
  expect(values.of(3)).not.toEqual(values.of(4));
  expect(values.of(3)).toBe(values.of(3 + 64));
});

function countsOf(indexes: Uint32Array, keys: number): number[] {
  const counts: number[] = new Array(keys).fill(0);
  for (const index of indexes) counts[index] = (counts[index] as number) + 1;
  return counts;
}
