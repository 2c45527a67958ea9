// Goal: what real clients write down is judged as what simulated ones do: read back whole, and wrong ones refused.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { History, type Operation } from '../checkers/history.ts';
import { DELETED } from './caller.ts';
import { HistoryFile, readHistory } from './history-file.ts';
import { finalsOf, judge } from './verdict.ts';

const key = 'registers/k';

function operation(from: Partial<Operation> & Pick<Operation, 'action' | 'result'>, startMs: number): Operation {
  const returnedMs = from.result.kind === 'unknown' && from.result !== DELETED ? Number.POSITIVE_INFINITY : startMs + 1;
  return { process: 'client1', key, invokedMs: startMs, returnedMs, ...from };
}

const set = (value: string, lsn: number, startMs: number): Operation =>
  operation({ action: { kind: 'set', value }, result: { kind: 'applied', version: { epoch: 1, lsn } } }, startMs);
const see = (value: string, lsn: number, startMs: number): Operation => {
  const seen = { kind: 'entry', value, version: { epoch: 1, lsn } } as const;
  return operation({ action: { kind: 'get' }, result: { kind: 'observed', seen } }, startMs);
};
const miss = (startMs: number): Operation =>
  operation({ action: { kind: 'get' }, result: { kind: 'observed', seen: { kind: 'absent' } } }, startMs);
const remove = (startMs: number): Operation => operation({ action: { kind: 'delete' }, result: DELETED }, startMs);
const refused = (value: string, startMs: number): Operation =>
  operation({ action: { kind: 'set', value }, result: { kind: 'not_applied', code: 'unavailable' } }, startMs);

function rulesOf(operations: readonly Operation[]): string[] {
  const history = new History();
  for (const one of operations) history.add(one);
  return judge(history, []).violations.map(({ rule }) => rule);
}

describe('a history', () => {
  test('is read as it was written', async () => {
    const operations: Operation[] = [
      set('a', 1, 0),
      see('a', 1, 2),
      remove(4),
      miss(6),
      refused('b', 8),
      operation({ action: { kind: 'insert', value: 'c' }, result: { kind: 'unknown', code: 'timeout' } }, 10),
      operation(
        { action: { kind: 'insert', value: 'd' }, result: { kind: 'observed', seen: { kind: 'present' } } },
        12,
      ),
      operation(
        {
          action: { kind: 'swap', value: 'e', expected: { epoch: 1, lsn: 9 }, expectedValue: 'c' },
          result: { kind: 'observed', seen: { kind: 'other' } },
        },
        14,
      ),
    ];
    const folder = mkdtempSync(join(tmpdir(), 'ostraca-history-'));
    try {
      const file = new HistoryFile(join(folder, 'one.ndjson'));
      for (const one of operations) file.add(one);
      file.close();
      const read: Operation[] = [];
      await readHistory(join(folder, 'one.ndjson'), (one) => read.push(one));
      expect(read).toEqual(operations);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('that is well', () => {
    expect(rulesOf([set('a', 1, 0), see('a', 1, 2), remove(4), miss(6), set('b', 3, 8), see('b', 3, 10)])).toEqual([]);
  });

  test.each([
    ['an acknowledged write is gone', [set('a', 1, 0), miss(4)], 'I-ACK'],
    ['a deleted entry is back', [set('a', 1, 0), remove(2), see('a', 1, 6)], 'I-LIN'],
    ['a stale read', [set('a', 1, 0), set('b', 2, 2), see('a', 1, 6)], 'I-ACK'],
    ['a refused write is seen', [set('a', 1, 0), refused('b', 2), see('b', 2, 6)], 'I-ABORT'],
    ['a value under two versions', [set('a', 1, 0), see('a', 2, 4)], 'I-ONCE'],
  ])('with %s', (_name, operations, rule) => {
    expect(rulesOf(operations)).toContain(rule);
  });

  test('with a counter below its steps', () => {
    const history = new History();
    const at = { key: 'counters/n' };
    const step = (height: number, lsn: number): Operation => ({
      ...operation(
        {
          action: {
            kind: 'swap',
            value: `${height}/s${lsn}`,
            expected: { epoch: 1, lsn: lsn - 1 },
            expectedValue: `${height - 1}/s${lsn - 1}`,
          },
          result: { kind: 'applied', version: { epoch: 1, lsn } },
        },
        lsn * 10,
      ),
      ...at,
    });
    const insert = operation(
      { action: { kind: 'insert', value: '0/s1' }, result: { kind: 'applied', version: { epoch: 1, lsn: 1 } } },
      10,
    );
    history.add({ ...insert, ...at });
    history.add(step(1, 2));
    history.add(step(2, 3));
    history.add({ ...see('1/s2', 2, 25), ...at, process: 'checker' });
    const { violations, stories } = judge(history, finalsOf(history, 'checker'));
    expect(violations.map(({ rule }) => rule)).toContain('I-ACK');
    expect(stories.get('counters/n')).toHaveLength(4);
  });
});
