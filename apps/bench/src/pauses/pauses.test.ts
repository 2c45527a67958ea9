// Goal: counts within bounds add up to all counts, and each is in its own.
import { expect, test } from 'vitest';
import { countsWithin } from './pauses.ts';

test('percentiles become counts', () => {
  const pauses = {
    count: 1_000,
    maxMs: 120,
    percentiles: [
      [0, 0.1],
      [50, 0.5],
      [90, 1.5],
      [99, 15],
      [100, 120],
    ] as const,
  };
  const counts = countsWithin(pauses, [1, 2, 20, 100]);
  expect(counts).toEqual([500, 400, 90, 0, 10]);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(pauses.count);
});

test('of nothing there is nothing', () => {
  expect(countsWithin({ count: 0, maxMs: 0, percentiles: [[100, 0]] }, [1])).toEqual([0, 0]);
});
