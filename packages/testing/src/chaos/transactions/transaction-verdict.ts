/** The transactions of a run before the checkers of isolation, each partition by itself: nothing is promised beyond one. */
import type { Violation } from '../../checkers/history.ts';
import { type BankRead, type BankTransfer, checkBank } from '../../checkers/isolation/bank.ts';
import { checkListAppend } from '../../checkers/isolation/check.ts';
import { formatAnomaly, type ListOperation, type ListTransaction } from '../../checkers/isolation/list-append.ts';
import { ACCOUNT_BALANCE, accountsOf, LOCKED_SAVINGS, placeNamed } from './places.ts';
import type { ListCall, ListRecord, TransactionRecord } from './record.ts';

/** Reads at the end, when all is over, have this name. */
export const FINAL_READER = 'checker';

export interface TransactionVerdict {
  readonly violations: readonly Violation[];
  /** By partition and anomaly, the transactions of which it is made. */
  readonly stories: ReadonlyMap<string, readonly string[]>;
  /** Attempts of transactions: plain appends and final reads are not counted. */
  readonly transactions: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly unknown: number;
  /** Of lists only. */
  readonly anomalies: number;
  readonly lists: number;
  readonly appends: number;
  readonly plainAppends: number;
  /** Reads of a whole map, by committed transactions. */
  readonly scans: number;
  readonly transfers: number;
  /** Reads of a whole bank by committed transactions: so often a sum was compared. */
  readonly sums: number;
  /** Why attempts were rolled back or are unknown. */
  readonly codes: Readonly<Record<string, number>>;
}

/** @param onProgress - Part of the partitions that are judged. */
export function judgeTransactions(
  records: readonly TransactionRecord[],
  partitions: number,
  onProgress: (part: number) => void = () => {},
): TransactionVerdict {
  const violations: Violation[] = [];
  const stories = new Map<string, string[]>();
  let anomalies = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const own = records.filter((record) => record.partition === partition);
    const lists = own.filter((record) => record.type === 'lists');
    for (const [index, anomaly] of checkListAppend(listTransactionsOf(lists)).entries()) {
      anomalies += 1;
      violations.push({ rule: anomaly.kind, what: `partition ${partition}: ${formatAnomaly(anomaly)}` });
      const story = anomaly.transactions.map((place) => `T${place} ${JSON.stringify(lists[place])}`);
      stories.set(`partition-${partition}-${index}-${anomaly.kind}`, story);
    }
    violations.push(
      ...lists.flatMap(checkCounts),
      ...own.flatMap(checkLocked),
      ...judgeBank(own, partition, partitions),
    );
    onProgress((partition + 1) / partitions);
  }
  return { violations, stories, anomalies, ...figuresOf(records) };
}

/** A scan found what was there; that the others of its keys were absent says something too. */
export function listTransactionsOf(records: readonly ListRecord[]): ListTransaction[] {
  const keys = new Set<string>();
  for (const { calls } of records) for (const call of calls) for (const key of keysOf(call)) keys.add(key);
  const byPrefix = new Map<string, string[]>();
  const keysWith = (prefix: string): readonly string[] => {
    let found = byPrefix.get(prefix);
    if (found === undefined) {
      found = [...keys].filter((key) => key.startsWith(prefix));
      byPrefix.set(prefix, found);
    }
    return found;
  };
  const operationsOf = (call: ListCall): ListOperation[] => {
    if (call.kind === 'count') return [];
    if (call.kind !== 'scan') return [call];
    const found = new Map(call.found);
    return [{ kind: 'readAll', entries: keysWith(call.prefix).map((key) => [key, found.get(key) ?? []]) }];
  };
  return records.map(({ process, startMs, endMs, outcome, calls }) => {
    return { process, startMs, endMs, outcome, operations: calls.flatMap(operationsOf) };
  });
}

function keysOf(call: ListCall): readonly string[] {
  if (call.kind === 'scan') return call.found.map(([key]) => key);
  return call.kind === 'count' ? [] : [call.key];
}

function checkCounts({ process, startMs, outcome, calls }: ListRecord): Violation[] {
  if (outcome !== 'committed') return [];
  return calls.flatMap((call) => {
    if (call.kind !== 'count' || call.size === call.keys) return [];
    const what = `${process} at ${startMs} ms found ${call.keys} keys in ${call.map}, whose size() was ${call.size}`;
    return [{ rule: 'size', what }];
  });
}

/** Whoever holds a lock on all that it has read is never told that it has changed. */
function checkLocked(record: TransactionRecord): Violation[] {
  if (record.code !== 'version_conflict') return [];
  const { process, startMs } = record;
  const isLocked =
    (record.type === 'lists' && record.isLocked) ||
    (record.type === 'transfer' && [record.from, record.to].every((name) => placeNamed(name).map === LOCKED_SAVINGS));
  return isLocked ? [{ rule: 'T7', what: `${process} at ${startMs} ms met a conflict, though it had locks` }] : [];
}

function judgeBank(records: readonly TransactionRecord[], partition: number, partitions: number): Violation[] {
  const transfers: BankTransfer[] = [];
  const reads: BankRead[] = [];
  let final: BankRead | undefined;
  for (const record of records) {
    if (record.type === 'transfer') transfers.push(record);
    if (record.type !== 'bankRead' || record.outcome !== 'committed') continue;
    if (record.process === FINAL_READER) final = record;
    else reads.push(record);
  }
  const initial = new Map(accountsOf(partition, partitions).map(({ name }) => [name, ACCOUNT_BALANCE]));
  return checkBank({ initial, transfers, reads, final });
}

function figuresOf(
  records: readonly TransactionRecord[],
): Omit<TransactionVerdict, 'violations' | 'stories' | 'anomalies'> {
  const codes: Record<string, number> = {};
  const outcomes = { committed: 0, rolledBack: 0, unknown: 0 };
  const keys = new Set<string>();
  const counts = { appends: 0, plainAppends: 0, scans: 0, transfers: 0, sums: 0 };
  for (const record of records) {
    if (record.process === FINAL_READER) continue;
    const isCommitted = record.outcome === 'committed';
    if (record.type === 'lists') countLists(record, keys, counts);
    else if (record.type === 'transfer') counts.transfers += isCommitted && record.amount > 0 ? 1 : 0;
    else counts.sums += isCommitted ? 1 : 0;
    if (record.type === 'lists' && record.isAlone === true) continue;
    outcomes[record.outcome] += 1;
    if (record.code !== undefined) codes[record.code] = (codes[record.code] ?? 0) + 1;
  }
  const transactions = outcomes.committed + outcomes.rolledBack + outcomes.unknown;
  return { transactions, ...outcomes, ...counts, lists: keys.size, codes };
}

type Counts = { appends: number; plainAppends: number; scans: number };

function countLists({ calls, outcome, isAlone }: ListRecord, keys: Set<string>, counts: Counts): void {
  for (const call of calls) {
    if (call.kind === 'append') keys.add(call.key);
    if (outcome !== 'committed') continue;
    if (call.kind === 'scan') counts.scans += 1;
    if (call.kind !== 'append') continue;
    counts.appends += 1;
    if (isAlone === true) counts.plainAppends += 1;
  }
}

/** Names of all lists that anybody has used, to be read once more in the end. */
export function listsOf(
  records: readonly TransactionRecord[],
): { readonly name: string; readonly partition: number }[] {
  const lists = new Map<string, number>();
  for (const record of records) {
    if (record.type !== 'lists') continue;
    for (const call of record.calls) for (const key of keysOf(call)) lists.set(key, record.partition);
  }
  return [...lists].map(([name, partition]) => ({ name, partition }));
}
