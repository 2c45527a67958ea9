// Goal: medians and spreads are what the report says they are, whatever the order of the rounds.
import { expect, test } from 'vitest';
import { median, spread } from './statistics.ts';

test('the median is the middle one, or between the two in the middle', () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 30, 20])).toBe(25);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test('numbers are sorted as numbers', () => {
  expect(median([9, 100, 11])).toBe(11);
});

test('the spread goes from the slowest to the fastest', () => {
  expect(spread([90, 110, 100])).toBeCloseTo(0.2);
  expect(spread([5])).toBe(0);
});

test('rounds stay in their order', () => {
  const rounds = [3, 1, 2];
  median(rounds);
  expect(rounds).toEqual([3, 1, 2]);
});
