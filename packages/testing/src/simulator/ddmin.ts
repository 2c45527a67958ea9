/**
 * Delta debugging (Zeller and Hildebrandt 2002): the smallest part of a list that still fails, in the sense that it
 * fails no more when any single item is taken out.
 */

/** `fails` is asked about parts of `items` in their order, not about the whole: that it fails is taken for granted. */
export function ddmin<T>(items: readonly T[], fails: (part: readonly T[]) => boolean): readonly T[] {
  if (items.length > 0 && fails([])) return [];
  let left = items;
  let parts = 2;
  while (left.length >= 2) {
    const smaller = reduce(left, parts, fails);
    if (smaller !== undefined) {
      parts = smaller.isPart ? 2 : Math.max(parts - 1, 2);
      left = smaller.items;
      continue;
    }
    if (parts >= left.length) break;
    parts = Math.min(parts * 2, left.length);
  }
  return left;
}

interface Smaller<T> {
  readonly items: readonly T[];
  /** One part alone; else all but one. */
  readonly isPart: boolean;
}

function reduce<T>(items: readonly T[], parts: number, fails: (part: readonly T[]) => boolean): Smaller<T> | undefined {
  const size = items.length / parts;
  const bounds = Array.from({ length: parts }, (_, index): [number, number] => [
    Math.floor(index * size),
    Math.floor((index + 1) * size),
  ]);
  for (const [from, to] of bounds) {
    const part = items.slice(from, to);
    if (fails(part)) return { items: part, isPart: true };
  }
  // Of two parts, each is what is left without the other.
  if (parts === 2) return undefined;
  for (const [from, to] of bounds) {
    const rest = [...items.slice(0, from), ...items.slice(to)];
    if (fails(rest)) return { items: rest, isPart: false };
  }
  return undefined;
}
