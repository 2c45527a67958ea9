/**
 * Histories of transactions over lists. Lists only grow, and no value is appended to a key twice: then a list that was
 * read tells which appends it comes after, in which order, and which it comes before. Everything here is plain JSON,
 * one transaction a line.
 */
export type ListOperation =
  | { readonly kind: 'append'; readonly key: string; readonly value: number }
  /** The whole list, with what the transaction itself appended before. Empty: the key was absent. */
  | { readonly kind: 'read'; readonly key: string; readonly list: readonly number[] }
  /** A range or a whole map: every key that could have been there, with an empty list where it was absent. */
  | { readonly kind: 'readAll'; readonly entries: readonly (readonly [key: string, list: readonly number[]])[] };

export interface ListTransaction {
  /** Runs one transaction after another. */
  readonly process: string;
  /** When it was begun, and when its outcome was known. One clock, or clocks that differ by less than they tell apart. */
  readonly startMs: number;
  /** Not looked at when the outcome is unknown: it may still commit at any time. */
  readonly endMs: number;
  readonly outcome: 'committed' | 'rolledBack' | 'unknown';
  /** In the order in which they were called; reads without an answer are left out. */
  readonly operations: readonly ListOperation[];
}

export type CycleName = 'G0' | 'G1c' | 'G-single' | 'G2';

export type AnomalyKind =
  /** Each transaction's writes or reads must come before the next one's, round in a circle. */
  | CycleName
  /** The same, with the help of what one process did before. */
  | `${CycleName}-process`
  /** The same, with the help of what had ended before another began. */
  | `${CycleName}-realtime`
  /** Read what was rolled back. */
  | 'G1a'
  /** Read what its writer wrote over in the same transaction. */
  | 'G1b'
  /** Two transactions read the same list, and both appended to it. */
  | 'lostUpdate'
  /** A value twice in a list: not exactly once. */
  | 'duplicateAppend'
  /** Two lists of one key, neither of which begins with the other; or one that has what a transaction appended the other way round. */
  | 'incompatibleOrders'
  /** Not what the transaction itself had read and appended before. */
  | 'internal'
  /** A value that nobody appended. */
  | 'garbage';

export interface Because {
  /** Places in the history. */
  readonly from: number;
  readonly to: number;
  /** In words: why `from` comes before `to`, or what it has to do with it. */
  readonly why: string;
}

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** Places in the history, in the order of the cycle where it is one. */
  readonly transactions: readonly number[];
  readonly because: readonly Because[];
}

export function formatAnomaly({ kind, because }: Anomaly): string {
  return [`${kind}:`, ...because.map(({ why }) => `  - ${why}`)].join('\n');
}

const SHOWN_VALUES = 4;

/** The end of a list says most: `[…, 7, 8, 9, 10]`. */
export function formatList(list: readonly number[]): string {
  if (list.length === 0) return 'absent';
  const shown = list.slice(-SHOWN_VALUES).join(', ');
  return list.length > SHOWN_VALUES ? `[…, ${shown}] (${list.length} values)` : `[${shown}]`;
}

export function formatTransaction(index: number): string {
  return `T${index}`;
}
