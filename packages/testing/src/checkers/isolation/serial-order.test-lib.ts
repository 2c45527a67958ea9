/** The obvious checker: tries all orders of all transactions, until one explains every read. For six of them or so. */
import { must } from '@ostraca/core';
import type { ListTransaction } from './list-append.ts';

type Lists = ReadonlyMap<string, readonly number[]>;

export function hasSerialOrder(history: readonly ListTransaction[], { isStrict }: { isStrict: boolean }): boolean {
  const search = (lists: Lists, left: readonly ListTransaction[]): boolean => {
    // What is unknown may never have happened, what was rolled back has not.
    if (left.every(({ outcome }) => outcome !== 'committed')) return true;
    return left.some((transaction) => {
      if (isStrict && left.some((other) => hasEnded(other, transaction.startMs))) return false;
      const after = run(transaction, lists);
      const others = left.filter((other) => other !== transaction);
      return after !== undefined && search(after, others);
    });
  };
  return search(
    new Map(),
    history.filter(({ outcome }) => outcome !== 'rolledBack'),
  );
}

function hasEnded({ outcome, endMs }: ListTransaction, beforeMs: number): boolean {
  return outcome === 'committed' && endMs < beforeMs;
}

/** Undefined: a read would have answered something else. */
function run({ operations }: ListTransaction, before: Lists): Lists | undefined {
  const lists = new Map(before);
  const answers = (key: string, list: readonly number[]): boolean => {
    const found = lists.get(key) ?? [];
    return found.length === list.length && found.every((value, index) => value === list[index]);
  };
  for (const operation of operations) {
    if (operation.kind === 'append') {
      lists.set(operation.key, [...(lists.get(operation.key) ?? []), operation.value]);
    } else {
      const entries = operation.kind === 'read' ? [[operation.key, operation.list] as const] : operation.entries;
      if (!entries.every(([key, list]) => answers(must(key, 'key'), list))) return undefined;
    }
  }
  return lists;
}
