/**
 * Is there one order of all transactions that explains every read, and that respects real time? For registers that is
 * hard; for lists that only grow it is a search for cycles, in time about linear (Kingsbury and Alvaro, "Elle:
 * inferring isolation anomalies from experimental observations", VLDB 2020). Names of anomalies are those of Adya,
 * "Weak consistency" (1999).
 *
 * What was rolled back is never read (`orders.ts`); what was read gives edges between transactions (`dependencies.ts`),
 * and so do time and processes (`time-order.ts`); a cycle of edges is an anomaly (`cycles.ts`). Every anomaly that is
 * told is one: nothing is guessed. What nobody reads cannot be judged, so a history should end with a read of all keys.
 */
import { assert } from '@ostraca/core';
import type { Violation } from '../history.ts';
import { AnomalyBook } from './anomaly-book.ts';
import { tellCycles } from './cycles.ts';
import { addDependencies } from './dependencies.ts';
import { Graph } from './graph.ts';
import { type Anomaly, formatAnomaly, type ListTransaction } from './list-append.ts';
import { LostUpdates } from './lost-updates.ts';
import { Orders } from './orders.ts';
import { addProcessOrder, addRealTime } from './time-order.ts';
import { wordsOf } from './words.ts';

export interface ListAppendTerms {
  /**
   * What was promised: `serializable`: any order; `process`: one in which each process comes in its own order;
   * `strict`: one in which what had ended comes before what began later. Default `strict`.
   */
  readonly promise?: 'serializable' | 'process' | 'strict';
}

/** At most 100 anomalies of each kind; of transactions on cycles, one cycle for each component. */
export function checkListAppend(transactions: readonly ListTransaction[], terms: ListAppendTerms = {}): Anomaly[] {
  const { promise = 'strict' } = terms;
  for (const { outcome, startMs, endMs } of transactions) {
    assert(outcome !== 'committed' || startMs <= endMs, 'a transaction ends after it began');
  }
  const book = new AnomalyBook();
  const orders = new Orders(transactions, book);
  const lostUpdates = new LostUpdates();
  lostUpdates.find(orders, book);
  const graph = new Graph(transactions.length);
  addDependencies(graph, orders, book);
  const counts = (index: number): boolean => orders.counts(index);
  if (promise !== 'serializable') addProcessOrder(graph, transactions, counts);
  if (promise === 'strict') addRealTime(graph, transactions, counts);
  const startsMs = transactions.map(({ startMs }) => startMs);
  const why = (step: Parameters<typeof wordsOf>[0]): string => wordsOf(step, transactions, orders);
  tellCycles(graph.settle(), { book, lostUpdates, startsMs, why });
  return book.anomalies;
}

export function violationsOf(anomalies: readonly Anomaly[]): Violation[] {
  return anomalies.map((anomaly) => ({ rule: anomaly.kind, what: formatAnomaly(anomaly) }));
}
