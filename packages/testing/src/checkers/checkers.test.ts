import { asPartitionId, KEEP_ALL, type PartitionConfig, type Rid } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { ConfigurationChecker } from './configurations.ts';
import { checkCounters } from './counters.ts';
import { type Action, History, type Operation, type Result, type Version } from './history.ts';
import { searchLinearization } from './linearizability.ts';
import { checkRegisters } from './registers.ts';
import { checkReplicas, DecidedLog, type ShardState } from './replicas.ts';
import { checkWitness } from './witness.ts';

const at = (lsn: number, epoch = 1): Version => ({ epoch, lsn });
const applied = (lsn: number, epoch = 1): Result => ({ kind: 'applied', version: at(lsn, epoch) });
const saw = (value: string, lsn: number, epoch = 1): Result => ({
  kind: 'observed',
  seen: { kind: 'entry', value, version: at(lsn, epoch) },
});
const absent: Result = { kind: 'observed', seen: { kind: 'absent' } };
const rolledBack: Result = { kind: 'not_applied', code: 'replication_voted_to_rollback' };
const unknown: Result = { kind: 'unknown', code: 'timeout' };
const set = (value: string): Action => ({ kind: 'set', value });
const get: Action = { kind: 'get' };
const remove: Action = { kind: 'delete' };

/** An operation on key `k`; an unknown one never returns. */
function op(invokedMs: number, returnedMs: number, action: Action, result: Result): Operation {
  const end = result.kind === 'unknown' ? Number.POSITIVE_INFINITY : returnedMs;
  return { process: 'p', key: 'k', action, result, invokedMs, returnedMs: end };
}

const rulesOf = (operations: Operation[]): string[] => checkWitness(operations).map(({ rule }) => rule);

describe('witness', () => {
  it('passes a plain history, with an unknown write that is seen and one that is not', () => {
    const history = [
      op(0, 1, set('a'), applied(1)),
      op(2, 3, get, saw('a', 1)),
      op(4, 5, set('b'), unknown),
      op(6, 7, set('c'), unknown),
      op(8, 9, get, saw('b', 3)),
      op(10, 11, remove, applied(5)),
      op(12, 13, get, absent),
    ];
    expect(rulesOf(history)).toEqual([]);
    expect(searchLinearization(history)).toBe('linearizable');
  });

  it('rejects an acknowledged write that is missing', () => {
    expect(rulesOf([op(0, 1, set('a'), applied(1)), op(2, 3, get, absent)])).toEqual(['I-ACK']);
    const older = [op(0, 1, set('a'), applied(1)), op(2, 3, set('b'), applied(2)), op(4, 5, get, saw('a', 1))];
    expect(rulesOf(older)).toEqual(['I-ACK']);
  });

  it('rejects an absence that only an older delete could explain', () => {
    const history = [
      op(0, 1, set('a'), applied(1)),
      op(2, 3, remove, applied(2)),
      op(4, 5, set('b'), applied(3)),
      op(6, 7, get, absent),
    ];
    expect(rulesOf(history)).toEqual(['I-ACK']);
    expect(rulesOf([...history, op(1, 9, remove, unknown)])).toEqual([]);
  });

  it('rejects a rolled-back write that appears', () => {
    expect(rulesOf([op(0, 1, set('a'), rolledBack), op(2, 3, get, saw('a', 1))])).toEqual(['I-ABORT']);
  });

  it('rejects a value under two versions, two values under one version, and a value of nobody', () => {
    const twice = [op(0, 1, set('a'), applied(1)), op(2, 3, get, saw('a', 2))];
    expect(rulesOf(twice)).toEqual(['I-ONCE']);
    const shared = [op(0, 9, set('a'), applied(1)), op(0, 9, set('b'), applied(1))];
    expect(rulesOf(shared)).toEqual(['I-VER']);
    expect(rulesOf([op(2, 3, get, saw('x', 2))])).toEqual(['I-VER']);
  });

  it('rejects versions against real time, and a value from the future', () => {
    const back = [op(0, 1, set('a'), applied(5)), op(2, 3, set('b'), applied(4))];
    expect(rulesOf(back)).toEqual(['I-LIN']);
    expect(rulesOf([op(0, 1, get, saw('a', 1)), op(2, 3, set('a'), applied(1))])).toContain('I-LIN');
    const concurrent = [op(0, 9, set('a'), applied(5)), op(2, 3, set('b'), applied(4))];
    expect(rulesOf(concurrent)).toEqual([]);
  });
});

describe('search', () => {
  const insert = (value: string): Action => ({ kind: 'insert', value });
  const present: Result = { kind: 'observed', seen: { kind: 'present' } };

  it('rejects a duplicate_key where no key can have been', () => {
    expect(searchLinearization([op(0, 1, insert('a'), present)])).toBe('not linearizable');
    const afterDelete = [op(0, 1, set('a'), applied(1)), op(2, 3, remove, applied(2)), op(4, 5, insert('b'), present)];
    expect(searchLinearization(afterDelete)).toBe('not linearizable');
    expect(searchLinearization([...afterDelete, op(0, 1, set('c'), unknown)])).toBe('linearizable');
  });

  it('rejects two reads in turn of which the second is older', () => {
    const history = [
      op(0, 1, set('a'), applied(1)),
      op(2, 20, set('b'), applied(2)),
      op(4, 5, get, saw('b', 2)),
      op(6, 7, get, saw('a', 1)),
    ];
    expect(searchLinearization(history)).toBe('not linearizable');
  });

  it('rejects two swaps from one value, and a conflict with the very version that was there', () => {
    const swap = (value: string): Action => ({ kind: 'swap', value, expected: at(1), expectedValue: 'a' });
    const twice = [op(0, 1, set('a'), applied(1)), op(2, 9, swap('b'), applied(2)), op(2, 9, swap('c'), applied(3))];
    expect(searchLinearization(twice)).toBe('not linearizable');
    const conflict: Result = { kind: 'observed', seen: { kind: 'other' } };
    const groundless = [op(0, 1, set('a'), applied(1)), op(2, 3, swap('b'), conflict)];
    expect(searchLinearization(groundless)).toBe('not linearizable');
  });

  it('is asked for short histories by checkRegisters, which tells the whole story', () => {
    const history = new History();
    history.add(op(0, 1, insert('a'), present));
    const { violations, searchedCount } = checkRegisters(history);
    expect(searchedCount).toBe(1);
    expect(violations.map(({ rule }) => rule)).toEqual(['I-LIN']);
    expect(violations[0]?.what).toContain('insert(k, a)');
  });
});

describe('counters', () => {
  const step = (to: number, from: number, fromLsn: number, id: string): Action => ({
    kind: 'swap',
    value: `${to}/${id}`,
    expected: at(fromLsn),
    expectedValue: `${from}/x`,
  });

  function rules(operations: Operation[], value: string | undefined): string[] {
    const history = new History();
    for (const operation of operations) history.add(operation);
    return checkCounters(history, [{ key: 'k', value }]).map(({ rule }) => rule);
  }

  const start = op(0, 1, { kind: 'insert', value: '0/x' }, applied(1));

  it('passes steps, also unknown ones that took effect or did not', () => {
    const steps = [start, op(2, 3, step(1, 0, 1, 'a'), applied(2)), op(4, 5, step(2, 1, 2, 'b'), unknown)];
    expect(rules(steps, '1/a')).toEqual([]);
    expect(rules(steps, '2/b')).toEqual([]);
  });

  it('rejects lost and doubled steps, two from one version, and a counter that is gone', () => {
    const steps = [start, op(2, 3, step(1, 0, 1, 'a'), applied(2)), op(4, 5, step(2, 1, 2, 'b'), applied(3))];
    expect(rules(steps, '1/a')).toEqual(['I-ACK']);
    expect(rules(steps, '3/b')).toEqual(['I-ONCE']);
    expect(rules(steps, undefined)).toEqual(['I-ACK']);
    const forked = [start, op(2, 3, step(1, 0, 1, 'a'), applied(2)), op(2, 3, step(1, 0, 1, 'b'), applied(3))];
    expect(rules(forked, '2/b')).toEqual(['I-LIN']);
  });
});

describe('replicas', () => {
  const shard = (container: string, decidedLsn: number, entries: [string, string][]): ShardState => ({
    partition: 0,
    container,
    decidedLsn,
    entries: new Map(entries),
  });

  it('compares states at one lsn only', () => {
    expect(checkReplicas([shard('c1', 5, [['a', '1']]), shard('c2', 4, [])])).toEqual([]);
    expect(checkReplicas([shard('c1', 5, [['a', '1']]), shard('c2', 5, [['a', '1']])])).toEqual([]);
  });

  it('rejects a missing entry, another value, and an entry too many', () => {
    for (const entries of [
      [],
      [['a', '2']],
      [
        ['a', '1'],
        ['b', '1'],
      ],
    ] as [string, string][][]) {
      expect(checkReplicas([shard('c1', 5, [['a', '1']]), shard('c2', 5, entries)])).toHaveLength(1);
    }
  });

  it('rejects two records decided at one lsn', () => {
    const log = new DecidedLog();
    log.observe({ partition: 0, lineage: 'l', by: 'c1' }, 7, '1 x/1');
    log.observe({ partition: 0, lineage: 'l', by: 'c2' }, 7, '1 x/1');
    log.observe({ partition: 0, lineage: 'other', by: 'c2' }, 7, '2 y/1');
    expect(log.violations).toEqual([]);
    log.observe({ partition: 0, lineage: 'l', by: 'c3' }, 7, '1 x/1 rolled back');
    expect(log.violations.map(({ rule }) => rule)).toEqual(['I-AGREE']);
  });
});

describe('configurations', () => {
  const rid = (container: string): Rid => ({ container, incarnation: `${container}-1`, shardInc: 1 });
  const config = (epoch: number, version: number, primary: string, sync: string[]): PartitionConfig => ({
    partition: asPartitionId(0),
    epoch,
    version,
    lineage: 'l',
    primary: rid(primary),
    sync: sync.map(rid),
    elr: [],
    joining: [],
    async: [],
    leaving: [],
    keepLsn: KEEP_ALL,
    waitGrants: false,
    lost: false,
  });
  const rules = (...configs: PartitionConfig[]): string[] => {
    const checker = new ConfigurationChecker();
    for (const one of configs) checker.observe(one);
    return checker.violations.map(({ rule }) => rule);
  };

  it('passes one chain, told many times', () => {
    const first = config(1, 1, 'c1', ['c1']);
    expect(rules(first, config(1, 2, 'c1', ['c1', 'c2']), first, config(2, 3, 'c2', ['c2']))).toEqual([]);
  });

  it('rejects two configurations of one version, two primaries of one epoch, a primary outside its set', () => {
    expect(rules(config(1, 1, 'c1', ['c1']), config(1, 1, 'c1', ['c1', 'c2']))).toEqual(['I-CFG']);
    expect(rules(config(1, 1, 'c1', ['c1']), config(1, 2, 'c2', ['c2']))).toEqual(['I-EPOCH']);
    expect(rules(config(1, 1, 'c1', ['c2']))).toEqual(['I-CFG']);
  });
});
