/**
 * The name of a catalog's journal: a counter and a random rest. The counter orders; the rest only tells equals apart. It
 * rises when a journal was lost and containers tell what it held, so that nobody obeys the older catalog any more.
 */
import type { Random } from '../random.ts';

export function newGeneration(counter: number, random: Random): string {
  return `${counter}-${random.hex(16)}`;
}

/** 0 for one that is none. */
export function generationCounter(generation: string): number {
  const counter = Number.parseInt(generation, 10);
  return Number.isNaN(counter) ? 0 : counter;
}

/** Whether a container that obeyed `held` must not obey `other`; it has shards or it has not. */
export function mustIgnore(other: string, held: string, hasShards: boolean): boolean {
  if (held === '' || held === other) return false;
  const difference = generationCounter(other) - generationCounter(held);
  // Equal counters are two grids. Whoever has nothing to lose may change over.
  return difference < 0 || (difference === 0 && hasShards);
}
