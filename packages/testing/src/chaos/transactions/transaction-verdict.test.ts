// Goal: what real clients write down of transactions is read back whole, and a history with an anomaly is refused.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LineFile } from '../line-file.ts';
import { accountsOf } from './places.ts';
import { type BankReadRecord, type ListCall, type ListRecord, readRecords, type TransactionRecord } from './record.ts';
import { FINAL_READER, judgeTransactions, listTransactionsOf } from './transaction-verdict.ts';

const PARTITIONS = 2;
const ACCOUNTS = accountsOf(0, PARTITIONS).map(({ name }) => name);
const [FIRST = '', SECOND = ''] = ACCOUNTS;
const X = 'lists/e1-0.0-p0-0';
const Y = 'lists/e1-1.0-p0-0';

const read = (key: string, ...list: number[]): ListCall => ({ kind: 'read', key, list });
const append = (key: string, value: number): ListCall => ({ kind: 'append', key, value });

function lists(startMs: number, calls: readonly ListCall[], with_: Partial<ListRecord> = {}): ListRecord {
  const ended = { startMs, endMs: startMs + 1, outcome: 'committed' } as const;
  return { type: 'lists', partition: 0, process: `w${startMs}`, ...ended, calls, isLocked: false, ...with_ };
}

/** Each account has what it began with, but for these. */
function bank(startMs: number, changes: Readonly<Record<string, number>>, process = 'w'): BankReadRecord {
  const balances = ACCOUNTS.map((account) => [account, 100 + (changes[account] ?? 0)] as const);
  const ended = { startMs, endMs: startMs + 1, outcome: 'committed' } as const;
  return { type: 'bankRead', partition: 0, process, ...ended, balances };
}

function transfer(startMs: number, outcome: 'committed' | 'rolledBack' | 'unknown'): TransactionRecord {
  const ended = { startMs, endMs: startMs + 1, outcome } as const;
  return { type: 'transfer', partition: 0, process: 'w', ...ended, from: FIRST, to: SECOND, amount: 7 };
}

function rulesOf(...records: TransactionRecord[]): string[] {
  return judgeTransactions(records, PARTITIONS).violations.map(({ rule }) => rule);
}

const TWO_LISTS: [string, number[]][] = [
  [X, [1, 2]],
  [Y, [3]],
];
const LOCKED_ACCOUNTS = ACCOUNTS.filter((name) => name.startsWith('lockedSavings/'));

describe('the verdict', () => {
  test('on a serial history', () => {
    const verdict = judgeTransactions(
      [
        lists(0, [read(X), append(X, 1)]),
        lists(10, [read(X, 1), append(X, 2), append(Y, 3)]),
        lists(20, [append(Y, 4)], { outcome: 'rolledBack', code: 'run again' }),
        lists(30, [append(Y, 5)], { outcome: 'unknown', endMs: Number.POSITIVE_INFINITY, code: 'timeout' }),
        lists(40, [{ kind: 'scan', prefix: 'lists/e1-', found: TWO_LISTS }]),
        lists(50, [read(X, 1, 2)], { process: FINAL_READER }),
        lists(52, [read(Y, 3, 5)], { process: FINAL_READER }),
        transfer(60, 'committed'),
        bank(70, { [FIRST]: -7, [SECOND]: 7 }),
        bank(80, { [FIRST]: -7, [SECOND]: 7 }, FINAL_READER),
      ],
      PARTITIONS,
    );
    expect(verdict.violations).toEqual([]);
    expect(verdict).toMatchObject({ transactions: 7, committed: 5, rolledBack: 1, unknown: 1, anomalies: 0 });
    expect(verdict).toMatchObject({ lists: 2, appends: 3, scans: 1, transfers: 1, sums: 1 });
    expect(verdict.codes).toEqual({ 'run again': 1, timeout: 1 });
  });

  // What nobody reads in the end, nobody can tell.
  test.each([
    [
      'an update is lost',
      [lists(0, [read(X), append(X, 1)]), lists(0, [read(X), append(X, 2)]), lists(9, [read(X, 1, 2)])],
      'lostUpdate',
    ],
    [
      'what was rolled back is read',
      [lists(0, [append(X, 1)], { outcome: 'rolledBack', code: 'run again' }), lists(9, [read(X, 1)])],
      'G1a',
    ],
    [
      'a commit is gone in the end',
      [lists(0, [append(X, 1)]), lists(5, [read(X, 1)]), lists(9, [read(X)], { process: FINAL_READER })],
      'G-single-realtime',
    ],
    [
      'writes are skewed',
      [lists(0, [read(X), append(Y, 1)]), lists(0, [read(Y), append(X, 2)]), lists(9, [read(X, 2), read(Y, 1)])],
      'G2',
    ],
    [
      'a scan misses a key that another transaction has made',
      [lists(0, [append(X, 1)]), lists(5, [{ kind: 'scan', prefix: 'lists/e1-', found: [] }]), lists(9, [read(X, 1)])],
      'G-single-realtime',
    ],
    ['a map has more keys than its size', [lists(0, [{ kind: 'count', map: 'lists', size: 2, keys: 3 }])], 'size'],
    ['locks did not help', [lists(0, [], { isLocked: true, outcome: 'rolledBack', code: 'version_conflict' })], 'T7'],
    ['half of a transfer is seen', [transfer(0, 'committed'), bank(9, { [FIRST]: -7 })], 'bank-sum'],
    ['a transfer is gone in the end', [transfer(0, 'committed'), bank(9, {}, FINAL_READER)], 'bank-final'],
    [
      'a transfer that was rolled back was made',
      [transfer(0, 'rolledBack'), bank(9, { [FIRST]: -7, [SECOND]: 7 }, FINAL_READER)],
      'bank-final',
    ],
  ])('when %s', (_what, records, rule) => {
    expect(rulesOf(...records)).toContain(rule);
  });

  test('knows nothing of another partition', () => {
    const elsewhere = lists(9, [read(X)], { partition: 1 });
    expect(rulesOf(lists(0, [append(X, 1)]), elsewhere)).toEqual([]);
  });

  test('tells which transactions make an anomaly', () => {
    const { stories } = judgeTransactions(
      [lists(0, [append(X, 1)], { outcome: 'rolledBack' }), lists(9, [read(X, 1)])],
      PARTITIONS,
    );
    expect([...stories.values()].flat()).toHaveLength(2);
    expect([...stories.keys()][0]).toContain('G1a');
  });
});

test('a scan tells of every key that was ever seen with its prefix', () => {
  const found: [string, number[]][] = [[X, [1]]];
  const history = listTransactionsOf([
    lists(0, [append(X, 1)]),
    lists(5, [{ kind: 'scan', prefix: 'lists/e1-', found }]),
    lists(9, [append(Y, 2), append('lists/e2-0.0-p0-0', 3)]),
  ]);
  expect(history[1]?.operations).toEqual([
    {
      kind: 'readAll',
      entries: [
        [X, [1]],
        [Y, []],
      ],
    },
  ]);
});

test('records are read as they were written', async () => {
  const unknown = { outcome: 'unknown', endMs: Number.POSITIVE_INFINITY, code: 'timeout' } as const;
  const records = [lists(0, [append(X, 1)], unknown), transfer(5, 'committed'), bank(9, {})];
  const folder = mkdtempSync(join(tmpdir(), 'ostraca-records-'));
  try {
    const file = new LineFile(join(folder, 'one.ndjson'));
    for (const record of records) file.add(record);
    file.close();
    const back: TransactionRecord[] = [];
    await readRecords(join(folder, 'one.ndjson'), (record) => back.push(record));
    expect(back).toEqual(records);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('accounts of both kinds are in their partition', () => {
  expect(LOCKED_ACCOUNTS).toHaveLength(3);
  expect(new Set(ACCOUNTS).size).toBe(6);
});
