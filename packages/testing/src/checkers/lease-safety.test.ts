import { expect, test } from 'vitest';
import { LeaseSafety, type PrimaryStep } from './lease-safety.ts';

const step = (epoch: number, atMs: number, how: PrimaryStep['how'] = 'reads', partition = 0): PrimaryStep => {
  return { partition, epoch, how, by: `c${epoch}`, atMs };
};

function violationsOf(...steps: PrimaryStep[]): string[] {
  const checker = new LeaseSafety();
  for (const one of steps) checker.observe(one);
  return checker.violations.map(({ rule }) => rule);
}

test('one primary after the other', () => {
  expect(violationsOf(step(1, 1), step(1, 2, 'decides'), step(2, 3, 'decides'), step(2, 4))).toEqual([]);
});

test('a deposed primary passes its lease check after another has read', () => {
  expect(violationsOf(step(1, 1), step(2, 2), step(1, 3))).toEqual(['I-LEASE']);
});

test('a deposed primary passes its lease check after another has decided', () => {
  expect(violationsOf(step(1, 1), step(3, 2, 'decides'), step(2, 3))).toEqual(['I-LEASE']);
});

test('a late decision of an old epoch is no breach: it rests on acknowledgements', () => {
  expect(violationsOf(step(2, 2, 'decides'), step(1, 3, 'decides'))).toEqual([]);
});

test('partitions have nothing to do with each other', () => {
  expect(violationsOf(step(2, 1), step(1, 2, 'reads', 1))).toEqual([]);
});
