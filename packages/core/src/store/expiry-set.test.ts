import { expect, test } from 'vitest';
import { ExpirySet } from './expiry-set.ts';
import { StepHeap } from './step-heap.ts';

function found(set: ExpirySet, countMax = 1_000_000): number[] {
  const hashes = new Set<number>();
  set.addTo(hashes, countMax);
  return [...hashes].sort((a, b) => a - b);
}

test('few or many, it holds one hash for each that was added', () => {
  for (const count of [3, 48, 49, 5_000]) {
    const set = new ExpirySet();
    const hashes = Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0);
    for (const hash of hashes) set.add(hash);
    set.add(hashes[0] as number);
    expect(set.count).toBe(count + 1);
    expect(found(set)).toEqual(hashes.toSorted((a, b) => a - b));
    expect(found(set, 2).length).toBe(2);
    for (const hash of hashes) set.remove(hash);
    expect(found(set)).toEqual([hashes[0]]);
    expect(() => set.remove(0x1234)).toThrow('what is removed was added');
    set.remove(hashes[0] as number);
    expect(set.count).toBe(0);
  }
});

test('a heap gives the smallest first', () => {
  const heap = new StepHeap();
  for (const step of [5, 1, 4, 1, 9, 2]) heap.push(step);
  const taken: number[] = [];
  for (let first = heap.first; first !== undefined; first = heap.first) {
    taken.push(first);
    heap.pop();
  }
  expect(taken).toEqual([1, 1, 2, 4, 5, 9]);
  heap.pop();
  heap.replaceBy([3, 2]);
  expect([heap.first, heap.size]).toEqual([2, 2]);
});
