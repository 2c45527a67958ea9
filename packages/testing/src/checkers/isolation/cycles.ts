/**
 * Second part of the judgement: cycles. The weaker the edges that a cycle needs, the worse it is, so components are
 * looked for with writes alone, then with reads, then with reads that missed something; and all that again with what
 * each process did first, and with real time. Of a component that holds a cycle that was told before, none is told, but
 * for one: a long cycle is hard to follow, and the next level may have a shorter one about the same thing.
 */
import type { AnomalyBook } from './anomaly-book.ts';
import { components } from './components.ts';
import { EDGE, type Edge, type SettledGraph } from './graph.ts';
import type { AnomalyKind, CycleName } from './list-append.ts';
import type { LostUpdates } from './lost-updates.ts';
import { CycleSearch, countOf, withoutJoints } from './shortest-cycle.ts';

const DEPENDENCIES = [
  { deciding: EDGE.ww, kinds: EDGE.ww },
  { deciding: EDGE.wr, kinds: EDGE.ww | EDGE.wr },
  { deciding: EDGE.rw, kinds: EDGE.ww | EDGE.wr | EDGE.rw | EDGE.afterRw },
] as const;
const TIMES = [0, EDGE.process, EDGE.process | EDGE.realtime] as const;
const ALL_KINDS = 0xff;
/** Of so many transactions a cycle is easy to follow. */
const SHORT = 4;

export interface CycleTeller {
  readonly book: AnomalyBook;
  readonly lostUpdates: LostUpdates;
  readonly startsMs: readonly number[];
  /** In words. */
  readonly why: (step: Edge) => string;
}

export function tellCycles(graph: SettledGraph, teller: CycleTeller): void {
  const suspects = components(graph, ALL_KINDS, everyVertex(graph)).flatMap((component) => [...component]);
  if (suspects.length === 0) return;
  const search = new CycleSearch(graph, teller.startsMs);
  const isTimeKnown = graph.kind.includes(EDGE.realtime);
  const told: Told = [];
  for (const times of TIMES) {
    for (const { deciding, kinds } of DEPENDENCIES) {
      const found = components(graph, kinds | times, suspects);
      const shortest = shortestIn(found, told, graph);
      for (const [index, component] of found.entries()) {
        const before = shortest[index] ?? Number.POSITIVE_INFINITY;
        if (before <= SHORT) continue;
        const cycle = findCycle(search, { component, deciding, wayBack: kinds | times });
        if (cycle === undefined) continue;
        const steps = withoutJoints(graph, cycle);
        // Every component of processes is in one of real time, which says it shorter.
        const isLeftToTime = times === EDGE.process && isTimeKnown && steps.length > SHORT;
        if (steps.length < before && !isLeftToTime) told.push(tell(steps, teller));
      }
    }
  }
}

/** The transactions of each cycle. */
type Told = (readonly number[])[];

/** For each component, how many transactions the shortest cycle has that was told of it; infinity: none was. */
function shortestIn(found: readonly Int32Array[], told: Told, { vertexCount }: SettledGraph): Float64Array {
  const componentOf = new Int32Array(vertexCount).fill(-1);
  for (const [index, component] of found.entries()) for (const vertex of component) componentOf[vertex] = index;
  const shortest = new Float64Array(found.length).fill(Number.POSITIVE_INFINITY);
  for (const transactions of told) {
    const index = componentOf[transactions[0] ?? -1] ?? -1;
    if (index < 0 || transactions.some((transaction) => componentOf[transaction] !== index)) continue;
    shortest[index] = Math.min(shortest[index] ?? 0, transactions.length);
  }
  return shortest;
}

/** One rw alone is worse than several, and tells more. */
function findCycle(search: CycleSearch, terms: { component: Int32Array; deciding: number; wayBack: number }) {
  if (terms.deciding !== EDGE.rw) return search.shortest(terms);
  return search.shortest({ ...terms, wayBack: terms.wayBack & ~EDGE.rw }) ?? search.shortest(terms);
}

function tell(steps: readonly Edge[], { book, lostUpdates, why }: CycleTeller): number[] {
  const transactions = steps.map(({ from }) => from);
  const because = steps.map((step) => ({ from: step.from, to: step.to, why: why(step) }));
  const kind = kindOf(steps);
  if (!lostUpdates.explains(transactions)) book.add({ kind, transactions, because });
  return transactions;
}

function kindOf(steps: readonly Edge[]): AnomalyKind {
  const name = nameOf(steps);
  if (countOf(steps, 'realtime') > 0) return `${name}-realtime`;
  return countOf(steps, 'process') > 0 ? `${name}-process` : name;
}

function nameOf(steps: readonly Edge[]): CycleName {
  const missed = countOf(steps, 'rw');
  if (missed > 0) return missed === 1 ? 'G-single' : 'G2';
  return countOf(steps, 'wr') > 0 ? 'G1c' : 'G0';
}

function* everyVertex({ vertexCount }: SettledGraph): Iterable<number> {
  for (let vertex = 0; vertex < vertexCount; vertex++) yield vertex;
}
