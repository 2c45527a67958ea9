/** When all is over: everything that transactions have used is read once more, and the histories are judged. */
import { type Grid, GridError } from '@ostraca/client';
import type { Violation } from '../../checkers/history.ts';
import { LineFile } from '../line-file.ts';
import { monotonicMs } from '../monotonic.ts';
import { BankCaller } from './bank-caller.ts';
import { placeNamed } from './places.ts';
import { readRecords, type TransactionRecord } from './record.ts';
import { FINAL_READER, judgeTransactions, listsOf, type TransactionVerdict } from './transaction-verdict.ts';

export interface TransactionEndingOptions {
  readonly grid: Grid;
  readonly partitions: number;
  /** What the clients have written. */
  readonly files: readonly string[];
  /** For what is read now. */
  readonly finalFile: string;
  readonly onProgress: (text: string) => void;
}

const READERS = 64;
const READ_MS = 30_000;

/** Before anybody transfers anything. */
export async function openBanks(grid: Grid, partitions: number): Promise<void> {
  const bank = new BankCaller({ grid, partitions, remember: () => {} });
  await Promise.all(Array.from({ length: partitions }, (_, partition) => bank.open(partition)));
}

export async function endTransactions(options: TransactionEndingOptions): Promise<TransactionVerdict> {
  const { partitions, files, onProgress } = options;
  const records: TransactionRecord[] = [];
  for (const file of files) await readRecords(file, (record) => records.push(record));
  const missing = await readFinals(options, records);
  const verdict = judgeTransactions(records, partitions, (part) =>
    onProgress(`judging transactions, ${(part * 100).toFixed(0)} %`),
  );
  return { ...verdict, violations: [...missing, ...verdict.violations] };
}

/** Adds to the records. */
async function readFinals(options: TransactionEndingOptions, records: TransactionRecord[]): Promise<Violation[]> {
  const { grid, partitions, finalFile } = options;
  const lists = listsOf(records);
  const file = new LineFile(finalFile);
  const remember = (record: TransactionRecord): void => {
    records.push(record);
    file.add(record);
  };
  const count = lists.length;
  let unread = 0;
  // A partition that is lost would cost the whole time-out for each of its keys.
  const silent = new Set<number>();
  const work = async (): Promise<void> => {
    for (let list = lists.pop(); list !== undefined; list = lists.pop()) {
      const isRead = !silent.has(list.partition) && (await readList(grid, list, remember));
      if (isRead) continue;
      silent.add(list.partition);
      unread += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, work));
  const bank = new BankCaller({ grid, partitions, remember });
  const terms = { isExplicit: false, lockTimeoutMs: READ_MS, deadlineMs: READ_MS };
  await Promise.all(
    Array.from({ length: partitions }, (_, partition) => bank.read({ process: FINAL_READER, partition }, terms)),
  );
  file.close();
  const isBankRead = (partition: number): boolean =>
    records.some((record) => {
      const isFinal = record.type === 'bankRead' && record.process === FINAL_READER;
      return isFinal && record.partition === partition && record.outcome === 'committed';
    });
  const closed = Array.from({ length: partitions }, (_, partition) => partition).filter((one) => !isBankRead(one));
  return [
    ...(unread > 0 ? [{ rule: 'I-LIVE', what: `${unread} of ${count} lists could not be read in the end` }] : []),
    ...closed.map((one) => ({ rule: 'I-LIVE', what: `the bank of partition ${one} could not be read in the end` })),
  ];
}

async function readList(
  grid: Grid,
  { name, partition }: { readonly name: string; readonly partition: number },
  remember: (record: TransactionRecord) => void,
): Promise<boolean> {
  const { map, key } = placeNamed(name);
  const startMs = monotonicMs();
  try {
    const list = (await grid.map<string, number[]>(map).get(key, { deadlineMs: READ_MS })) ?? [];
    const ended = { startMs, endMs: monotonicMs(), outcome: 'committed' } as const;
    const calls = [{ kind: 'read', key: name, list }] as const;
    remember({ type: 'lists', partition, process: FINAL_READER, ...ended, calls, isLocked: false, isAlone: true });
    return true;
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    return false;
  }
}
