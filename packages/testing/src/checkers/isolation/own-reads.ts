import { formatList, type ListTransaction } from './list-append.ts';

/** One list that a transaction read. */
export interface OwnRead {
  readonly key: string;
  readonly list: readonly number[];
  /**
   * How many values, from the beginning, are not from the reader's own earlier appends. Undefined when the read tells
   * nothing new of the others: the transaction has read the key before, or contradicts itself.
   */
  readonly others: number | undefined;
}

export interface OwnReads {
  readonly reads: readonly OwnRead[];
  /** Where a read disagrees with the transaction's own earlier reads and appends, in words. */
  readonly contradictions: readonly string[];
}

interface Known {
  /** As last read; undefined before the first read. */
  list: readonly number[] | undefined;
  /** Appended since. */
  appended: number[];
}

/** A transaction alone: reads repeat, and see its own appends. */
export function ownReads({ operations }: ListTransaction): OwnReads {
  const knownOf = new Map<string, Known>();
  const reads: OwnRead[] = [];
  const contradictions: string[] = [];
  const known = (key: string): Known => {
    let found = knownOf.get(key);
    if (found === undefined) {
      found = { list: undefined, appended: [] };
      knownOf.set(key, found);
    }
    return found;
  };
  const read = (key: string, list: readonly number[]): void => {
    const before = known(key);
    const others = list.length - before.appended.length;
    const agrees = endsWith(list, before.appended) && (before.list === undefined || begins(list, before.list, others));
    if (!agrees) contradictions.push(`read ${key} as ${formatList(list)} ${formatKnown(before)}`);
    reads.push({ key, list, others: agrees && before.list === undefined ? others : undefined });
    knownOf.set(key, { list, appended: [] });
  };
  for (const operation of operations) {
    if (operation.kind === 'append') known(operation.key).appended.push(operation.value);
    else if (operation.kind === 'read') read(operation.key, operation.list);
    else for (const [key, list] of operation.entries) read(key, list);
  }
  return { reads, contradictions };
}

function endsWith(list: readonly number[], end: readonly number[]): boolean {
  const start = list.length - end.length;
  return start >= 0 && end.every((value, index) => list[start + index] === value);
}

function begins(list: readonly number[], beginning: readonly number[], length: number): boolean {
  return beginning.length === length && beginning.every((value, index) => list[index] === value);
}

function formatKnown({ list, appended }: Known): string {
  const parts = [];
  if (list !== undefined) parts.push(`it had read ${formatList(list)}`);
  if (appended.length > 0) parts.push(`it had appended ${appended.join(', ')}`);
  return `after ${parts.join(' and ')}`;
}
