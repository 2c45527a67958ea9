/**
 * Order by time. "Everything that had ended before everything that began later" are n² pairs; a chain of joints says it
 * with fewer than 4 n edges. A joint stands for a moment: what has ended since the joint before leads into it, it leads
 * to what begins before the next end, and each joint leads to the next.
 *
 *     T1 ─┐             ┌─> T3
 *     T2 ─┴─> joint 1 ──┴────────> joint 2 ──> T4
 *                          T3 ─────┘
 */
import { must } from '@ostraca/core';
import { EDGE, type Graph } from './graph.ts';
import type { ListTransaction } from './list-append.ts';

/** `counts`: who has committed. Of an unknown outcome only the beginning is known. */
export function addRealTime(
  graph: Graph,
  transactions: readonly ListTransaction[],
  counts: (index: number) => boolean,
): void {
  const kind = EDGE.realtime;
  const { starts, ends } = moments(transactions, counts);
  let joint = -1;
  let hasLedOn = true;
  let ended = 0;
  for (const start of starts) {
    // Who ends in the millisecond in which another begins may have overlapped with it.
    for (; ended < ends.length && endOf(transactions, ends[ended]) < startOf(transactions, start); ended++) {
      if (hasLedOn) {
        const next = graph.addJoint();
        if (joint >= 0) graph.add(joint, next, { kind });
        joint = next;
        hasLedOn = false;
      }
      graph.add(must(ends[ended], 'transaction'), joint, { kind });
    }
    if (joint >= 0) graph.add(joint, start, { kind });
    hasLedOn = true;
  }
}

/** A process ran one transaction after the other; where two overlap, it says nothing of them. */
export function addProcessOrder(
  graph: Graph,
  transactions: readonly ListTransaction[],
  counts: (index: number) => boolean,
): void {
  const lastOf = new Map<string, number>();
  for (const index of moments(transactions, counts).starts) {
    const { process, startMs, outcome } = must(transactions[index], 'transaction');
    const last = lastOf.get(process);
    if (outcome === 'committed') lastOf.set(process, index);
    if (last !== undefined && endOf(transactions, last) <= startMs) graph.add(last, index, { kind: EDGE.process });
  }
}

function moments(
  transactions: readonly ListTransaction[],
  counts: (index: number) => boolean,
): { starts: number[]; ends: number[] } {
  const counted = [...transactions.keys()].filter(counts);
  const starts = counted.toSorted((a, b) => startOf(transactions, a) - startOf(transactions, b));
  const ends = counted
    .filter((index) => transactions[index]?.outcome === 'committed')
    .sort((a, b) => endOf(transactions, a) - endOf(transactions, b));
  return { starts, ends };
}

function startOf(transactions: readonly ListTransaction[], index: number): number {
  return must(transactions[index], 'transaction').startMs;
}

function endOf(transactions: readonly ListTransaction[], index: number | undefined): number {
  const { outcome, endMs } = must(transactions[index ?? -1], 'transaction');
  return outcome === 'committed' ? endMs : Number.POSITIVE_INFINITY;
}
