/**
 * One page of the index: pairs of a hash and a reference, sorted by hash, with gaps (ordered linear probing: O. Amble
 * and D. E. Knuth, Ordered hash tables, The Computer Journal 17 (2), 1974). A hash has a home place, in proportion to
 * its size; the pair lies there, or as near behind it as the order allows:
 *
 *     home places    0    1    2    3    4    5  │ spare
 *     hash           03   ·    21   24   37   41 │ 59   ·        home of 24 is 2, of 37 is 3, of 41 is 4, of 59 is 5
 *
 * A look-up begins at home and ends at the first larger hash or gap, found or not. An insertion moves what is larger
 * up to the next gap by one place, a removal moves it back: no tombstones. Places behind the last home hold what would
 * run over the end; a page that needs more of them is built again.
 */

const SIGN = -0x8000_0000;
const SPARE_PLACES = 32;
/** That a search looks at one by one: nearly all end among them. */
const NEAR_PLACES = 16;
const CAPACITY_MIN = 16;
const TWO_32 = 0x1_0000_0000;

/** Of filled home places, above which a page grows; the fuller, the longer the ways (docs/internals/store.md). */
const LOAD_MAX = 0.85;
const LOAD_MIN = 0.25;
const GROWTH = 1.25;
/** Small pages double: to grow them often would cost more than they do. */
const DOUBLING_CAPACITY_MAX = 256;

export class IndexPage {
  /** It holds the hashes that have these first bits in common. */
  readonly depth: number;
  count = 0;
  /** Hash (with its sign bit turned, so that signed order is the order) and reference, in turn; reference 0: a gap. */
  places: Int32Array;
  /** A byte for each place, moved with its pair; without any if the index keeps none. */
  marks: Uint8Array | undefined;
  #capacity = 0;
  #scale = 0;

  /** Made of a part of another, with marks if that one has them, or empty. */
  constructor(depth: number, source?: PagePart, isMarked = source?.page.marks !== undefined) {
    this.depth = depth;
    this.places = EMPTY;
    this.marks = isMarked ? NO_MARKS : undefined;
    if (source === undefined) this.#build({ places: EMPTY, marks: this.marks }, CAPACITY_MIN);
    else {
      const { page, from, to } = source;
      const places = page.places.subarray(2 * from, 2 * to);
      this.#build({ places, marks: page.marks?.subarray(from, to) }, capacityFor(countOf(places)));
    }
  }

  get capacity(): number {
    return this.#capacity;
  }

  get isFull(): boolean {
    return this.count >= this.#capacity * LOAD_MAX;
  }

  get grownCapacity(): number {
    return this.#capacity < DOUBLING_CAPACITY_MAX ? 2 * this.#capacity : Math.ceil(this.#capacity * GROWTH);
  }

  /** The first place with this hash, or where it would be. */
  seek(hash: number): number {
    const { places } = this;
    const sorted = hash ^ SIGN;
    let at = 2 * this.#homeOf(hash);
    const far = at + 2 * NEAR_PLACES;
    while (places[at + 1] !== 0 && (places[at] as number) < sorted) {
      at += 2;
      if (at === far) return this.#seekFar(at, sorted);
    }
    return at >>> 1;
  }

  /**
   * Everything from its home to `from` is smaller. What is inserted in the order of the hashes, as from a checkpoint, lies in one
   * run that has no end near: so by steps that double, then by halves. From its home on smaller ones have no gap between
   * them (they lie behind their own homes without one), so a gap says as much as a larger hash.
   */
  #seekFar(from: number, sorted: number): number {
    const { places } = this;
    let low = from;
    let high = from;
    for (let step = 2 * NEAR_PLACES; high < places.length; step *= 2) {
      if (places[high + 1] === 0 || (places[high] as number) >= sorted) break;
      low = high + 2;
      high += step;
    }
    // The last place is a gap.
    high = Math.min(high, places.length - 2);
    while (low < high) {
      const middle = ((low + high) >>> 2) << 1;
      if (places[middle + 1] !== 0 && (places[middle] as number) < sorted) low = middle + 2;
      else high = middle;
    }
    return low >>> 1;
  }

  isAt(place: number, hash: number): boolean {
    return this.places[2 * place + 1] !== 0 && this.places[2 * place] === (hash ^ SIGN);
  }

  /** 0: a gap, or behind the last place. */
  referenceAt(place: number): number {
    return this.places[2 * place + 1] ?? 0;
  }

  setReference(place: number, reference: number): void {
    this.places[2 * place + 1] = reference;
  }

  hashAt(place: number): number {
    return ((this.places[2 * place] as number) ^ SIGN) >>> 0;
  }

  markAt(place: number): number {
    return this.marks?.[place] ?? 0;
  }

  setMark(place: number, mark: number): void {
    if (this.marks !== undefined) this.marks[place] = mark;
  }

  get placeCount(): number {
    return this.places.length >>> 1;
  }

  /** Behind all of the same hash, with mark 0. @returns its place. */
  insert(hash: number, reference: number): number {
    let place = this.seek(hash);
    while (this.isAt(place, hash)) place++;
    let gap = place;
    while (this.referenceAt(gap) !== 0) gap++;
    // The last place stays a gap: it ends every search.
    if (gap >= this.placeCount - 1) {
      this.#build(this, this.#capacity);
      return this.insert(hash, reference);
    }
    const { places } = this;
    for (let at = 2 * gap + 1; at > 2 * place + 1; at--) places[at] = places[at - 2] as number;
    places[2 * place] = hash ^ SIGN;
    places[2 * place + 1] = reference;
    if (this.marks !== undefined) {
      this.marks.copyWithin(place + 1, place, gap);
      this.marks[place] = 0;
    }
    this.count++;
    return place;
  }

  removeAt(place: number): void {
    const { places } = this;
    let next = place + 1;
    while (places[2 * next + 1] !== 0 && this.#homeOf((places[2 * next] as number) ^ SIGN) < next) {
      places[2 * next - 2] = places[2 * next] as number;
      places[2 * next - 1] = places[2 * next + 1] as number;
      next++;
    }
    places[2 * next - 1] = 0;
    this.marks?.copyWithin(place, place + 1, next);
    this.count--;
    if (this.#capacity > CAPACITY_MIN && this.count < this.#capacity * LOAD_MIN) {
      this.#build(this, capacityFor(this.count));
    }
  }

  grow(): void {
    this.#build(this, this.grownCapacity);
  }

  /** Where the hashes begin that differ from the others in the first bit that the page's hashes do not share. */
  middle(): number {
    const bit = 0x8000_0000 >>> this.depth;
    let place = 0;
    while (place < this.placeCount && (this.referenceAt(place) === 0 || (this.hashAt(place) & bit) === 0)) place++;
    return place;
  }

  #homeOf(hash: number): number {
    return (((hash << this.depth) >>> 0) * this.#scale) | 0;
  }

  #build({ places: source, marks: sourceMarks }: Pick<IndexPage, 'places' | 'marks'>, capacity: number): void {
    this.#capacity = capacity;
    this.#scale = capacity / TWO_32;
    let end = 0;
    let count = 0;
    for (let from = 0; from < source.length; from += 2) {
      if (source[from + 1] === 0) continue;
      end = Math.max(end, this.#homeOf((source[from] as number) ^ SIGN)) + 1;
      count++;
    }
    const places = new Int32Array(2 * Math.max(capacity + SPARE_PLACES, end + SPARE_PLACES));
    const marks = sourceMarks === undefined ? undefined : new Uint8Array(places.length >>> 1);
    let at = 0;
    for (let from = 0; from < source.length; from += 2) {
      if (source[from + 1] === 0) continue;
      const hash = source[from] as number;
      at = Math.max(at, this.#homeOf(hash ^ SIGN));
      places[2 * at] = hash;
      places[2 * at + 1] = source[from + 1] as number;
      if (marks !== undefined) marks[at] = sourceMarks?.[from >>> 1] as number;
      at++;
    }
    this.places = places;
    this.marks = marks;
    this.count = count;
  }
}

interface PagePart {
  readonly page: IndexPage;
  readonly from: number;
  readonly to: number;
}

const EMPTY = new Int32Array(0);
const NO_MARKS = new Uint8Array(0);

/** As full as one that has just grown. */
function capacityFor(count: number): number {
  return Math.max(CAPACITY_MIN, Math.ceil((count * GROWTH) / LOAD_MAX));
}

function countOf(places: Int32Array): number {
  let count = 0;
  for (let at = 1; at < places.length; at += 2) if (places[at] !== 0) count++;
  return count;
}
