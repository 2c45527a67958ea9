/**
 * What a client writes down of its transactions, a line each. An attempt that the library has made again is a
 * transaction of its own that was rolled back.
 */
import type { ListOperation } from '../../checkers/isolation/list-append.ts';
import { readLines } from '../line-file.ts';

/** What was called for lists: what the isolation checker takes, but for reads of a whole map. */
export type ListCall =
  | Exclude<ListOperation, { readonly kind: 'readAll' }>
  /** All keys of the map that begin so. `found`: those that were there. */
  | {
      readonly kind: 'scan';
      readonly prefix: string;
      readonly found: readonly (readonly [key: string, list: readonly number[]])[];
    }
  /** What `size()` said of a map, and how many keys it then gave. */
  | { readonly kind: 'count'; readonly map: string; readonly size: number; readonly keys: number };

interface Ended {
  readonly partition: number;
  readonly process: string;
  readonly startMs: number;
  /** Infinity (null in a file) as long as its effect may still come. */
  readonly endMs: number;
  readonly outcome: 'committed' | 'rolledBack' | 'unknown';
  /** Why it was not committed, where an error said so. */
  readonly code?: string;
}

export interface ListRecord extends Ended {
  readonly type: 'lists';
  readonly calls: readonly ListCall[];
  /** It has touched nothing but maps with locks. */
  readonly isLocked: boolean;
  /** A plain append, without a transaction. */
  readonly isAlone?: true;
}

export interface TransferRecord extends Ended {
  readonly type: 'transfer';
  readonly from: string;
  readonly to: string;
  /** 0: there was too little, and nothing was written. */
  readonly amount: number;
}

export interface BankReadRecord extends Ended {
  readonly type: 'bankRead';
  readonly balances: readonly (readonly [account: string, balance: number])[];
}

export type TransactionRecord = ListRecord | TransferRecord | BankReadRecord;

export async function readRecords(path: string, add: (record: TransactionRecord) => void): Promise<void> {
  await readLines(path, (line) => {
    const record = line as Omit<TransactionRecord, 'endMs'> & { readonly endMs: number | null };
    add({ ...record, endMs: record.endMs ?? Number.POSITIVE_INFINITY } as TransactionRecord);
  });
}
