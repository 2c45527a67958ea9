import { asPartitionId, KEEP_ALL, type PartitionConfig, type Rid } from '@ostraca/core';
import { expect, test } from 'vitest';
import { type Action, History, type Operation, type Result } from './history.ts';
import { erasOf, Losses } from './losses.ts';
import { checkRegisters } from './registers.ts';

const applied = (lsn: number, epoch: number): Result => ({ kind: 'applied', version: { epoch, lsn } });
const saw = (value: string, lsn: number, epoch: number): Result => {
  return { kind: 'observed', seen: { kind: 'entry', value, version: { epoch, lsn } } };
};
const absent: Result = { kind: 'observed', seen: { kind: 'absent' } };
const set = (value: string): Action => ({ kind: 'set', value });
const get: Action = { kind: 'get' };

function op(invokedMs: number, returnedMs: number, action: Action, result: Result): Operation {
  return { process: 'p', key: 'k', action, result, invokedMs, returnedMs };
}

function rulesOf(operations: readonly Operation[], lossesMs: readonly number[]): string[] {
  const history = new History();
  for (const operation of operations) history.add(operation);
  return checkRegisters(history, () => lossesMs).violations.map(({ rule }) => rule);
}

const rid = (container: string): Rid => ({ container, incarnation: container, shardInc: 1 });
const config: PartitionConfig = {
  ...{ partition: asPartitionId(0), epoch: 1, version: 1, lineage: 'l', primary: rid('a'), sync: [rid('a')] },
  ...{ elr: [{ rid: rid('b'), keepLsn: KEEP_ALL }], joining: [], async: [], leaving: [], keepLsn: KEEP_ALL },
  ...{ waitGrants: false, lost: true },
};

test('what was acknowledged may be gone after a loss, and only after one', () => {
  const story = [op(0, 1, set('a'), applied(1, 1)), op(2, 3, set('b'), applied(2, 1)), op(8, 9, get, saw('a', 1, 1))];
  expect(rulesOf(story, [])).toContain('I-ACK');
  expect(rulesOf(story, [5])).toEqual([]);
  const emptied = [op(0, 1, set('a'), applied(1, 1)), op(8, 9, get, absent)];
  expect(rulesOf(emptied, [])).toContain('I-ACK');
  expect(rulesOf(emptied, [5])).toEqual([]);
});

test('within an era everything holds', () => {
  const before = [op(0, 1, set('a'), applied(2, 1)), op(2, 3, get, absent), op(8, 9, set('b'), applied(1, 2))];
  expect(rulesOf(before, [5])).toContain('I-ACK');
  const after = [op(0, 1, set('a'), applied(2, 1)), op(6, 7, set('b'), applied(3, 2)), op(8, 9, get, saw('a', 2, 1))];
  expect(rulesOf(after, [5])).toContain('I-ACK');
});

test('what was rolled back does not come back with a loss, nor what nobody wrote', () => {
  const rolledBack: Result = { kind: 'not_applied', code: 'replication_voted_to_rollback' };
  expect(rulesOf([op(0, 1, set('a'), rolledBack), op(8, 9, get, saw('a', 1, 1))], [5])).toContain('I-ABORT');
  expect(rulesOf([op(8, 9, get, saw('x', 1, 1))], [5])).toContain('I-VER');
});

test('a write across the loss may have taken effect twice, once in each history', () => {
  const write = op(3, 9, set('a'), applied(4, 2));
  expect(rulesOf([op(4, 4.5, get, saw('a', 3, 1)), write, op(10, 11, get, saw('a', 4, 2))], [5])).toEqual([]);
  expect(erasOf([write], [5]).map(([one]) => one?.result.kind)).toEqual(['unknown', 'unknown']);
});

test('a loss needs that all are gone; an operator gives up who is missing, so one at least must be', () => {
  const isGone = (...names: string[]) => {
    return ({ container }: Rid): boolean => names.includes(container);
  };
  const losses = new Losses();
  losses.observe({ partition: 0, atMs: 1, kind: 'startEmpty' }, config, isGone('a', 'b'));
  losses.observe({ partition: 0, atMs: 2, kind: 'rebuilt' }, config, isGone('b'));
  expect(losses.violations).toEqual([]);
  losses.observe({ partition: 0, atMs: 3, kind: 'promoteAsync' }, config, isGone('a'));
  losses.observe({ partition: 0, atMs: 4, kind: 'rebuilt' }, config, isGone());
  expect(losses.violations.map(({ what }) => what)).toEqual([
    'partition 0 went on with a loss (promoteAsync) over b, of its configuration (1, 1)',
    'partition 0 went on with a loss (rebuilt) over a, b, of its configuration (1, 1)',
  ]);
  expect(losses.timesOf(0)).toEqual([1, 2, 3, 4]);
});
