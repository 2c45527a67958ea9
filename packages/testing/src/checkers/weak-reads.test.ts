import { describe, expect, test } from 'vitest';
import type { Operation } from './history.ts';
import { checkConnections, checkWeakReads, type WeakRead } from './weak-reads.ts';

const entry = (lsn: number) => ({ kind: 'entry', value: `v${lsn}`, version: { epoch: 1, lsn } }) as const;

function set(lsn: number, fromMs: number, toMs: number, process = 'a'): Operation {
  const result = { kind: 'applied', version: { epoch: 1, lsn } } as const;
  return { process, key: 'k', action: { kind: 'set', value: `v${lsn}` }, result, invokedMs: fromMs, returnedMs: toMs };
}

function deletion(lsn: number, fromMs: number, toMs: number): Operation {
  return { ...set(lsn, fromMs, toMs), action: { kind: 'delete' } };
}

function get(lsn: number, fromMs: number, toMs: number, process = 'b'): Operation {
  const result = { kind: 'observed', seen: entry(lsn) } as const;
  return { process, key: 'k', action: { kind: 'get' }, result, invokedMs: fromMs, returnedMs: toMs };
}

function weak(fields: Partial<WeakRead>): WeakRead {
  const at = { client: 'b', connection: 'c1', partition: 0, key: 'k', lsn: 1, invokedMs: 1_000, returnedMs: 1_001 };
  return { ...at, mode: 'eventual', maxStalenessMs: 0, seen: entry(1), ...fields };
}

const rules = (operations: Operation[], ...reads: WeakRead[]) =>
  checkWeakReads(operations, reads).map(({ rule }) => rule);

describe('eventual', () => {
  test('may be as old as it likes', () => {
    expect(rules([set(1, 0, 1), set(2, 2, 3), get(2, 4, 5)], weak({}))).toEqual([]);
    expect(rules([set(1, 0, 1)], weak({ seen: { kind: 'absent' } }))).toEqual([]);
  });

  test('is never a value that was rolled back', () => {
    const rolledBack: Operation = { ...set(1, 0, 1), result: { kind: 'not_applied', code: 'no' } };
    expect(rules([rolledBack], weak({}))).toEqual(['I-DIRTY']);
  });

  test('is never undecided: whoever reads the primary afterwards knows it', () => {
    const open: Operation = { ...set(2, 900, Number.POSITIVE_INFINITY), result: { kind: 'unknown', code: 'timeout' } };
    const read = weak({ seen: entry(2) });
    expect(rules([set(1, 0, 1), open, get(2, 1_002, 1_003)], read)).toEqual([]);
    expect(rules([set(1, 0, 1), open, get(1, 1_002, 1_003)], read)).toEqual(['I-ACK']);
  });

  test('is never a value that nobody wrote, or only later', () => {
    expect(rules([set(2, 0, 1)], weak({ seen: entry(7) }))).toEqual(['I-VER']);
    expect(rules([set(1, 1_100, 1_200)], weak({}))).toContain('I-LIN');
  });
});

describe('bounded', () => {
  const bounded = (fields: Partial<WeakRead>) => weak({ mode: 'bounded', maxStalenessMs: 100, ...fields });

  test('may miss what ended within the bound', () => {
    expect(rules([set(1, 0, 1), set(2, 850, 950)], bounded({}))).toEqual([]);
  });

  test('may not miss what ended before it', () => {
    expect(rules([set(1, 0, 1), set(2, 850, 880)], bounded({}))).toEqual(['I-ACK']);
    expect(rules([set(1, 0, 1)], bounded({ seen: { kind: 'absent' } }))).toEqual(['I-ACK']);
    expect(rules([set(1, 0, 1), deletion(2, 2, 3)], bounded({ seen: { kind: 'absent' } }))).toEqual([]);
  });

  test('nor what somebody was told before it', () => {
    const open: Operation = { ...set(2, 2, Number.POSITIVE_INFINITY), result: { kind: 'unknown', code: 'timeout' } };
    expect(rules([set(1, 0, 1), open, get(2, 700, 800)], bounded({}))).toEqual(['I-ACK']);
  });
});

describe('session', () => {
  const session = (fields: Partial<WeakRead>) => weak({ mode: 'session', ...fields });

  test('may miss what others did', () => {
    expect(rules([set(1, 0, 1, 'a'), set(2, 2, 3, 'a')], session({}))).toEqual([]);
  });

  test('may not miss what its client wrote', () => {
    expect(rules([set(1, 0, 1, 'a'), set(2, 2, 3, 'b')], session({}))).toEqual(['I-SESSION']);
    expect(rules([set(1, 0, 1, 'b')], session({ seen: { kind: 'absent' } }))).toEqual(['I-SESSION']);
    expect(rules([set(1, 0, 1, 'b'), deletion(2, 2, 3)], session({ seen: { kind: 'absent' } }))).toEqual([]);
  });

  test('nor what it read, from the primary or from a replica', () => {
    const writes = [set(1, 0, 1), set(2, 2, 3)];
    expect(rules([...writes, get(2, 4, 5, 'b')], session({}))).toEqual(['I-SESSION']);
    const before = session({ seen: entry(2), invokedMs: 500, returnedMs: 501 });
    expect(rules(writes, before, session({}))).toEqual(['I-SESSION']);
    expect(rules(writes, { ...before, client: 'c' }, session({}))).toEqual([]);
  });
});

describe('near', () => {
  const near = (fields: Partial<WeakRead>) => weak({ mode: 'near', maxStalenessMs: 100, ...fields });

  test('may miss what others did within the bound, and not before it', () => {
    expect(rules([set(1, 0, 1), set(2, 850, 950)], near({}))).toEqual([]);
    expect(rules([set(1, 0, 1), set(2, 850, 880)], near({}))).toEqual(['I-ACK']);
  });

  test('may not miss what its client wrote or read, however lately', () => {
    expect(rules([set(1, 0, 1), set(2, 850, 950, 'b')], near({}))).toEqual(['I-NEAR']);
    expect(rules([set(1, 0, 1), set(2, 850, 950), get(2, 960, 970, 'b')], near({}))).toEqual(['I-NEAR']);
    const before = near({ seen: entry(2), invokedMs: 970, returnedMs: 971 });
    expect(rules([set(1, 0, 1), set(2, 850, 950)], before, near({}))).toEqual(['I-NEAR']);
  });
});

test('over one connection a copy never goes back', () => {
  const at = (lsn: number, connection = 'c1') => weak({ lsn, connection });
  expect(checkConnections([at(3), at(3), at(5)])).toEqual([]);
  expect(checkConnections([at(3), at(2, 'c2'), at(4)])).toEqual([]);
  expect(checkConnections([at(3), at(0), at(2)]).map(({ rule }) => rule)).toEqual(['I-SESSION']);
});
