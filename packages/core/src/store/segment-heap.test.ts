import { expect, test } from 'vitest';
import { CALLERS, CLEANER, placeOf, SegmentHeap } from './segment-heap.ts';

const SIZES = { bytesMin: 1_024, bytesMax: 4_096 };

test('records follow each other, each writer in a segment of its own', () => {
  const heap = new SegmentHeap(SIZES);
  const [first, second] = [heap.allocate(10, CALLERS), heap.allocate(7, CALLERS)];
  const moved = heap.allocate(5, CLEANER);
  expect(first).not.toBe(0);
  expect([placeOf(first), placeOf(second), placeOf(moved)]).toEqual([0, 10, 0]);
  expect(heap.segmentOf(first)).toBe(heap.segmentOf(second));
  expect(heap.segmentOf(moved)).not.toBe(heap.segmentOf(first));
  expect(heap).toMatchObject({ segmentCount: 2, liveUnits: 22, writtenUnits: 22, closedUnits: 0 });
});

test('a full segment goes with its last record, and its number is used again, not its memory', () => {
  const heap = new SegmentHeap(SIZES);
  const references = Array.from({ length: 8 }, () => heap.allocate(64, CALLERS));
  const full = heap.segmentOf(references[0] as number);
  expect(full.closedAt).toBeGreaterThan(0);
  expect(heap).toMatchObject({ closedUnits: 256, closedLiveUnits: 256, segmentCount: 2 });
  for (const reference of references.slice(0, 4)) heap.release(reference, 64);
  expect(heap).toMatchObject({ closedUnits: 0, closedLiveUnits: 0, segmentCount: 1, allocatedUnits: 256 });
  expect(() => heap.segmentOf(references[0] as number)).toThrow();
  heap.allocate(1, CALLERS);
  const next = heap.segmentOf(heap.allocate(1, CALLERS));
  expect(next.number).toBe(full.number);
  expect(next.bytes.buffer).not.toBe(full.bytes.buffer);
});

test('a large record has a segment of its size, and the open one stays open', () => {
  const heap = new SegmentHeap(SIZES);
  const small = heap.allocate(10, CALLERS);
  const large = heap.allocate(5_000, CALLERS);
  const after = heap.allocate(10, CALLERS);
  expect(heap.segmentOf(large).words.length).toBe(5_000);
  expect(heap.segmentOf(after)).toBe(heap.segmentOf(small));
  expect(heap.closedUnits).toBe(5_000);
  heap.release(large, 5_000);
  expect(heap).toMatchObject({ segmentCount: 1, closedUnits: 0, allocatedUnits: 256 });
});

test('segments grow with what lives', () => {
  const heap = new SegmentHeap(SIZES);
  const sizes = new Set<number>();
  for (let i = 0; i < 20_000; i++) sizes.add(heap.segmentOf(heap.allocate(10, CALLERS)).bytes.length);
  expect([...sizes]).toEqual([1_024, 2_048, 4_096]);
});
