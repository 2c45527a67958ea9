// Goal: keys are as popular as the exponent 0.99 says; a flatter or steeper draw would measure something easier.
import { newRandom } from '@ostraca/core';
import { expect, test } from 'vitest';
import { newZipf, ZIPF_EXPONENT, zeta } from './zipf.ts';

const DRAWS = 200_000;

function countsOf(count: number, seed = 1): number[] {
  const zipf = newZipf(count, newRandom(seed));
  const counts: number[] = new Array(count).fill(0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const rank = zipf();
    counts[rank] = (counts[rank] as number) + 1;
  }
  return counts;
}

test('the most popular keys get their share', () => {
  const counts = countsOf(1_000);
  const share = (rank: number): number => (counts[rank - 1] as number) / DRAWS;
  for (const rank of [1, 2]) expect(share(rank)).toBeCloseTo(1 / rank ** ZIPF_EXPONENT / zeta(1_000), 2);
  // The method is approximate from the third on; over a range it holds.
  const firstHundred = counts.slice(0, 100).reduce((sum, count) => sum + count, 0) / DRAWS;
  expect(firstHundred).toBeCloseTo(zeta(100) / zeta(1_000), 1);
});

test('every rank is a whole number within the range, and even the last ones come', () => {
  const counts = countsOf(100);
  expect(counts).toHaveLength(100);
  expect(counts.every((count) => count > 0)).toBe(true);
});

test.each([1, 2, 3])('%d keys are enough', (count) => {
  expect(countsOf(count)).toHaveLength(count);
});

test('a seed is a sequence', () => {
  expect(countsOf(50, 3)).toEqual(countsOf(50, 3));
  expect(countsOf(50, 3)).not.toEqual(countsOf(50, 4));
});
