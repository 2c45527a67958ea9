/**
 * The store of the floor: records in large segments outside of the heap, found by an open-addressing index of
 * [hash, place] pairs. It never cleans: when it has filled `SEGMENTS_MAX` segments it forgets everything.
 *
 * A record is [u16 key bytes][u16 unused][u32 value bytes][8 bytes unused, as a version would be][key][value], at a
 * multiple of 8.
 */
const SEGMENT_BYTES = 1 << 24;
const SEGMENTS_MAX = 40;
/** Units of 8 bytes in a segment, as bits of a place. */
const UNIT_BITS = 21;
const UNIT_MASK = (1 << UNIT_BITS) - 1;
export const RECORD_HEADER_BYTES = 16;

export class FloorStore {
  /** Of the record that `find` found. */
  segment: Buffer = Buffer.alloc(0);
  valueAt = 0;
  valueBytes = 0;
  #count = 0;
  /** Of the key that was looked for last. */
  #hash = 0;
  #mask = 1023;
  /** Two words a pair: the hash, and 1 + the record's place in units of 8 bytes over all segments; 0: free. */
  #pairs = new Uint32Array(2 * 1024);
  readonly #segments: Buffer[] = [];
  #end = SEGMENT_BYTES;

  get count(): number {
    return this.#count;
  }

  /** Whether the key `bytes[from, to)` is there; if so, `segment`, `valueAt` and `valueBytes` say where its value is. */
  find(bytes: Uint8Array, from: number, to: number): boolean {
    const pair = this.#pairOf(bytes, from, to);
    if (pair < 0) return false;
    const unit = (this.#pairs[2 * pair + 1] as number) - 1;
    const segment = this.#segments[unit >>> UNIT_BITS] as Buffer;
    const at = (unit & UNIT_MASK) << 3;
    this.segment = segment;
    this.valueBytes = segment.readUInt32LE(at + 4);
    this.valueAt = at + RECORD_HEADER_BYTES + to - from;
    return true;
  }

  /** Of a record whose value follows its key: `bytes[from, to)` is the key, `bytes[to, end)` the value. */
  put(bytes: Buffer, from: number, { to, end }: { readonly to: number; readonly end: number }): void {
    const recordBytes = (RECORD_HEADER_BYTES + end - from + 7) & ~7;
    if (this.#end + recordBytes > SEGMENT_BYTES) this.#openSegment();
    const segment = this.#segments[this.#segments.length - 1] as Buffer;
    const at = this.#end;
    this.#end += recordBytes;
    segment.writeUInt16LE(to - from, at);
    segment.writeUInt32LE(end - to, at + 4);
    bytes.copy(segment, at + RECORD_HEADER_BYTES, from, end);

    const place = (((this.#segments.length - 1) << UNIT_BITS) | (at >>> 3)) + 1;
    const pair = this.#pairOf(bytes, from, to);
    if (pair >= 0) {
      this.#pairs[2 * pair + 1] = place;
      return;
    }
    this.#pairs[2 * ~pair] = this.#hash;
    this.#pairs[2 * ~pair + 1] = place;
    this.#count += 1;
    if (this.#count * 4 > (this.#mask + 1) * 3) this.#grow();
  }

  /** The pair of the key `bytes[from, to)`, or the complement of the free one where it would go. Leaves its hash. */
  #pairOf(bytes: Uint8Array, from: number, to: number): number {
    const pairs = this.#pairs;
    const mask = this.#mask;
    const hash = hashOf(bytes, from, to);
    this.#hash = hash;
    for (let pair = hash & mask; ; pair = (pair + 1) & mask) {
      const place = pairs[2 * pair + 1] as number;
      if (place === 0) return ~pair;
      if (pairs[2 * pair] !== hash) continue;
      const segment = this.#segments[(place - 1) >>> UNIT_BITS] as Buffer;
      const at = ((place - 1) & UNIT_MASK) << 3;
      if (((segment[at] as number) | ((segment[at + 1] as number) << 8)) !== to - from) continue;
      let key = at + RECORD_HEADER_BYTES;
      let index = from;
      for (; index < to && segment[key] === bytes[index]; index++) key++;
      if (index === to) return pair;
    }
  }

  #openSegment(): void {
    if (this.#segments.length === SEGMENTS_MAX) {
      this.#segments.length = 0;
      this.#pairs.fill(0);
      this.#count = 0;
    }
    this.#segments.push(Buffer.allocUnsafeSlow(SEGMENT_BYTES));
    this.#end = 0;
  }

  #grow(): void {
    const old = this.#pairs;
    this.#pairs = new Uint32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < old.length; at += 2) {
      const place = old[at + 1] as number;
      if (place === 0) continue;
      const hash = old[at] as number;
      let pair = hash & this.#mask;
      while (this.#pairs[2 * pair + 1] !== 0) pair = (pair + 1) & this.#mask;
      this.#pairs[2 * pair] = hash;
      this.#pairs[2 * pair + 1] = place;
    }
  }
}

/** FNV-1a over the bytes, then the finish of murmur3 (Appleby): FNV alone leaves the low bits poor. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let index = from; index < to; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
