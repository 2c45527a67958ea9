/** Why one transaction comes before another, in words. */
import { must, unreachable } from '@ostraca/core';
import { EDGE, type Edge } from './graph.ts';
import { formatList, formatTransaction, type ListTransaction } from './list-append.ts';
import type { Orders } from './orders.ts';

export function wordsOf(step: Edge, transactions: readonly ListTransaction[], orders: Orders): string {
  const [from, to] = [formatTransaction(step.from), formatTransaction(step.to)];
  switch (step.kind) {
    case EDGE.process:
      return `process ${must(transactions[step.from], 'transaction').process} ran ${from} before ${to}`;
    case EDGE.realtime: {
      const { endMs } = must(transactions[step.from], 'transaction');
      const { startMs } = must(transactions[step.to], 'transaction');
      return `${from} had ended at ${endMs} ms before ${to} began at ${startMs} ms`;
    }
    case EDGE.ww:
    case EDGE.wr:
    case EDGE.rw:
    case EDGE.afterRw:
      return dependencyWords(step, orders);
    default:
      return unreachable(step.kind);
  }
}

function dependencyWords(step: Edge, orders: Orders): string {
  const [from, to] = [formatTransaction(step.from), formatTransaction(step.to)];
  const order = must(orders.keys[step.key], 'key');
  const { value } = order.at(step.append);
  if (step.kind === EDGE.wr) return `${from} appended ${value} to ${order.key}, which ${to} read`;
  if (step.kind === EDGE.ww) {
    return `${from} appended ${order.at(step.append - 1).value} to ${order.key} before ${to} appended ${value}`;
  }
  // What was missed comes next, or was never read at all.
  const version = Math.min(step.append, order.seenCount);
  return `${from} read ${order.key} as ${formatList(order.valuesOf(version))}, without ${value}, which ${to} appended`;
}
