/**
 * Memory for records: segments, each an ArrayBuffer that is filled from its start and then only read. Nothing is ever
 * overwritten, and a segment that holds no live record any more is dropped, never filled again. So a view of a key or
 * a value stays true for as long as somebody holds it, whatever happens to the entry (I-VIEW); it also keeps its
 * segment in memory, so nobody holds one for longer than he needs.
 *
 * A reference counts units of 4 bytes: 14 bits for the number of a segment, 18 for the place in it. It is a signed
 * 32-bit number (V8 holds those without an object); 0 is none, for there is no segment 0.
 *
 *     segment 1   ██▒▒███   full         █ live
 *     segment 2   ▒▒▒██▒█   full         ▒ overwritten, removed or moved: garbage until the segment goes
 *     segment 3   ████───   open: new entries
 *     segment 4   ██─────   open: what the cleaner saved (cleaner.ts)
 *
 * Sizes follow the heap, 1/64 of it, so a partition with little costs little. A record over a quarter of that has a
 * segment of its own, of just its size.
 */
import { assert, must } from '../assert.ts';
import { type RecordSpace, UNIT_BYTES } from './record.ts';

const PLACE_BITS = 18;
const PLACE_MASK = 2 ** PLACE_BITS - 1;
const SEGMENTS_MAX = 2 ** (32 - PLACE_BITS) - 1;
const HEAP_SHARE = 64;
const RECORD_SHARE = 4;

export interface SegmentSizes {
  /** Powers of two. */
  readonly bytesMin: number;
  readonly bytesMax: number;
}

export const SEGMENT_SIZES: SegmentSizes = { bytesMin: 4 * 1024, bytesMax: 2 ** PLACE_BITS * UNIT_BYTES };

/** Who writes: what lives long is not mixed with what is written now. */
export type Writer = typeof CALLERS | typeof CLEANER;
export const CALLERS = 0;
export const CLEANER = 1;

export class Segment implements RecordSpace {
  readonly number: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Of both: to ask a view for it costs as much as to make one. */
  readonly buffer: ArrayBuffer;
  /** Filled from the start up to here. */
  usedUnits = 0;
  liveUnits = 0;
  /** Units that the heap had ever written when this one was full; 0 while it is open. */
  closedAt = 0;

  constructor(number: number, units: number) {
    const buffer = new ArrayBuffer(units * UNIT_BYTES);
    this.number = number;
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  get freeUnits(): number {
    return this.words.length - this.usedUnits;
  }
}

export class SegmentHeap {
  /** By number; a number is used again when its segment was dropped. */
  readonly segments: (Segment | undefined)[] = [undefined];
  /** All that was ever written, also by the cleaner. */
  writtenUnits = 0;
  allocatedUnits = 0;
  liveUnits = 0;
  /** Of full segments: what the cleaner goes by. */
  closedUnits = 0;
  closedLiveUnits = 0;
  readonly #sizes: SegmentSizes;
  readonly #freeNumbers: number[] = [];
  readonly #open: (Segment | undefined)[] = [undefined, undefined];

  constructor(sizes: SegmentSizes) {
    this.#sizes = sizes;
  }

  /** Of a segment, but for large records. */
  get unitsMax(): number {
    return this.#sizes.bytesMax / UNIT_BYTES;
  }

  get segmentCount(): number {
    return this.segments.length - 1 - this.#freeNumbers.length;
  }

  segmentOf(reference: number): Segment {
    return must(this.segments[reference >>> PLACE_BITS], 'a reference is of a segment that is there');
  }

  /** @returns a reference to that many units, live, for the caller to write now. */
  allocate(units: number, writer: Writer): number {
    let segment = this.#open[writer];
    if (segment === undefined || segment.freeUnits < units) segment = this.#nextSegment(units, writer);
    const at = segment.usedUnits;
    segment.usedUnits += units;
    segment.liveUnits += units;
    this.liveUnits += units;
    this.writtenUnits += units;
    if (segment !== this.#open[writer]) this.#close(segment);
    return (segment.number << PLACE_BITS) | at;
  }

  /** The record is garbage from now on; whoever holds a view of it does not notice. */
  release(reference: number, units: number): void {
    const segment = this.segmentOf(reference);
    segment.liveUnits -= units;
    this.liveUnits -= units;
    if (segment.closedAt === 0) return;
    this.closedLiveUnits -= units;
    if (segment.liveUnits === 0) this.#drop(segment);
  }

  /** A new one that is kept open, or, for a large record, one of its size that is full at once. */
  #nextSegment(units: number, writer: Writer): Segment {
    const usual = this.#usualUnits();
    if (units * RECORD_SHARE > usual) return this.#newSegment(units);
    const before = this.#open[writer];
    const segment = this.#newSegment(usual);
    this.#open[writer] = segment;
    if (before !== undefined) this.#close(before);
    return segment;
  }

  #newSegment(units: number): Segment {
    const number = this.#freeNumbers.pop() ?? this.segments.length;
    // The memory limit of a container is far below; this is what a reference can tell apart.
    assert(number <= SEGMENTS_MAX, 'a map of one partition has at most 16,383 segments, which is up to 16 GiB');
    const segment = new Segment(number, units);
    this.segments[number] = segment;
    this.allocatedUnits += units;
    return segment;
  }

  #usualUnits(): number {
    const { bytesMin, bytesMax } = this.#sizes;
    let bytes = bytesMin;
    while (bytes < bytesMax && bytes * HEAP_SHARE < this.liveUnits * UNIT_BYTES) bytes *= 2;
    return bytes / UNIT_BYTES;
  }

  /** What is left at its end stays untouched, and mostly never becomes resident. */
  #close(segment: Segment): void {
    segment.closedAt = this.writtenUnits;
    this.closedUnits += segment.usedUnits;
    this.closedLiveUnits += segment.liveUnits;
    if (segment.liveUnits === 0) this.#drop(segment);
  }

  #drop(segment: Segment): void {
    this.closedUnits -= segment.usedUnits;
    this.allocatedUnits -= segment.words.length;
    this.segments[segment.number] = undefined;
    this.#freeNumbers.push(segment.number);
  }
}

export function placeOf(reference: number): number {
  return reference & PLACE_MASK;
}

export function referenceTo(segment: Segment, at: number): number {
  return (segment.number << PLACE_BITS) | at;
}
