import { asPartitionId, KEEP_ALL, type PartitionConfig, type Rid } from '@ostraca/core';
import { expect, test } from 'vitest';
import { Readmissions } from './readmissions.ts';

const rid = (container: string): Rid => ({ container, incarnation: container, shardInc: 1 });
const config = (version: number, members: string, epoch = 1): PartitionConfig => ({
  ...{ partition: asPartitionId(0), epoch, version, lineage: 'l', primary: rid('p'), elr: [], joining: [], async: [] },
  ...{ sync: members.split('').map(rid), leaving: [], keepLsn: KEEP_ALL, waitGrants: false, lost: false },
});

/** `['pab', 0]`: from then on these are in sync. */
function rulesOf(minSyncReplicas: number, ...steps: [string, number, epoch?: number][]): string[] {
  const checker = new Readmissions(minSyncReplicas);
  steps.forEach(([members, atMs, epoch], index) => {
    checker.observe(config(index + 1, members, epoch), atMs);
  });
  return checker.violations.map(({ rule }) => rule);
}

test('back after a second, then after two', () => {
  expect(rulesOf(1, ['pab', 0], ['pa', 10], ['pab', 1_010], ['pa', 1_100], ['pab', 3_100])).toEqual([]);
});

test('back too soon, the first time or the second', () => {
  expect(rulesOf(1, ['pab', 0], ['pa', 10], ['pab', 500])).toEqual(['flapping']);
  expect(rulesOf(1, ['pab', 0], ['pa', 10], ['pab', 1_010], ['pa', 1_100], ['pab', 2_200])).toEqual(['flapping']);
});

test('below the minimum anybody may come back at once', () => {
  expect(rulesOf(2, ['pab', 0], ['pa', 10], ['pab', 20])).toEqual([]);
});

test('a minute in sync is forgiven, and the next primary begins to count anew', () => {
  expect(rulesOf(0, ['pa', 0], ['p', 10], ['pa', 1_010], ['p', 61_100], ['pa', 62_100])).toEqual([]);
  expect(rulesOf(0, ['pa', 0], ['p', 10], ['p', 20, 2], ['pa', 30, 2])).toEqual([]);
});
