/**
 * Hashes of 32 bits to references, many of one hash allowed, in the order of the hashes. A directory finds the page of
 * a hash by its first bits (extendible hashing: R. Fagin et al., ACM TODS 4 (3), 1979):
 *
 *     directory, 2 bits    00 ─▶ page 00…      A page that is full grows, and beyond 4096 places it is split in two.
 *                          01 ─▶ page 01…      Only a page that is told apart by all bits of the directory makes
 *                          10 ─▶ page 1…       that double: a list of pages, no pair moves.
 *                          11 ─┘
 *
 * So no step touches more than one page, tens of microseconds, and there is never a rehash of everything. Pages lie in
 * the order of their hashes, and so do the pairs in them: to go over the index in order is to go over memory in order,
 * and a hash is a cursor that stays true whatever grows, is split or removed.
 */
import { assert } from '../assert.ts';
import { IndexPage } from './index-page.ts';

const CAPACITY_MAX = 4_096;
const BITS_MAX = 20;
/** A page whose hashes differ in later bits only gains nothing by a split, unless many are on the way: see #mayBeUneven. */
const UNEVEN_SHARE = 16;
const PAIRS_PER_REFERENCE = 16;
const PLACE_BYTES = 8;

/** Where the pair lies: for its mark. */
export type VisitPair = (hash: number, reference: number, page: IndexPage, place: number) => boolean;

export class HashIndex {
  /** At least one bit. Neighbours are the same page where it has fewer bits. */
  #pages: IndexPage[] = [];
  #bits = 1;
  #count = 0;
  #placeCount = 0;
  readonly #isMarked: boolean;

  /** `isMarked`: with a byte for each pair, for whoever keeps the index to write and to read. */
  constructor(isMarked = false) {
    this.#isMarked = isMarked;
    this.clear();
  }

  get count(): number {
    return this.#count;
  }

  /** Of pages and directory, gaps included. */
  get bytes(): number {
    return this.#placeCount * (this.#isMarked ? PLACE_BYTES + 1 : PLACE_BYTES) + this.#pages.length * 8;
  }

  /** It stays the hash's until the next insertion or removal. */
  pageOf(hash: number): IndexPage {
    const page = this.#pages[hash >>> (32 - this.#bits)];
    assert(page !== undefined, 'every hash has its page');
    return page;
  }

  /** With this mark. */
  insert(hash: number, reference: number, mark = 0): void {
    let page = this.pageOf(hash);
    while (page.isFull) {
      this.#enlarge(page, hash);
      page = this.pageOf(hash);
    }
    const before = page.placeCount;
    const place = page.insert(hash, reference);
    if (mark !== 0) page.setMark(place, mark);
    this.#placeCount += page.placeCount - before;
    this.#count++;
  }

  /** `page` is the one of the hash that lies at `place`. */
  removeAt(page: IndexPage, place: number): void {
    const before = page.placeCount;
    page.removeAt(place);
    this.#placeCount += page.placeCount - before;
    this.#count--;
    if (this.#count === 0 && this.#pages.length > 2) this.clear();
  }

  clear(): void {
    const page = new IndexPage(0, undefined, this.#isMarked);
    this.#pages = [page, page];
    this.#bits = 1;
    this.#count = 0;
    this.#placeCount = page.placeCount;
  }

  /**
   * Pairs in the order of their hashes, after all those of `afterHash` (undefined: from the start), until `visit`
   * answers false; it changes nothing.
   *
   * @returns whether it came to the end.
   */
  scan(afterHash: number | undefined, visit: VisitPair): boolean {
    let after = afterHash ?? -1;
    let at = after < 0 ? 0 : after >>> (32 - this.#bits);
    while (at < this.#pages.length) {
      const page = this.#pages[at] as IndexPage;
      let place = after < 0 ? 0 : page.seek(after);
      while (after >= 0 && page.isAt(place, after)) place++;
      for (; place < page.placeCount; place++) {
        const reference = page.referenceAt(place);
        if (reference !== 0 && !visit(page.hashAt(place), reference, page, place)) return false;
      }
      after = -1;
      const width = 2 ** (this.#bits - page.depth);
      at = (Math.floor(at / width) + 1) * width;
    }
    return true;
  }

  #enlarge(page: IndexPage, hash: number): void {
    const before = page.placeCount;
    if (page.grownCapacity <= CAPACITY_MAX || !this.#split(page, hash)) {
      page.grow();
      this.#placeCount += page.placeCount - before;
    }
  }

  /**
   * What comes in the order of the hashes, as from a checkpoint, fills the page that they begin in, and all of the rest is yet to come.
   * It is split as if that were there, as long as the directory stays small beside the pairs.
   */
  #mayBeUneven(depth: number): boolean {
    return 2 ** depth * PAIRS_PER_REFERENCE <= this.#count;
  }

  #split(page: IndexPage, hash: number): boolean {
    if (page.depth === BITS_MAX) return false;
    const middle = page.middle();
    const depth = page.depth + 1;
    const low = new IndexPage(depth, { page, from: 0, to: middle });
    const high = new IndexPage(depth, { page, from: middle, to: page.placeCount });
    if (Math.min(low.count, high.count) * UNEVEN_SHARE < page.count && !this.#mayBeUneven(depth)) return false;
    if (page.depth === this.#bits) {
      this.#pages = this.#pages.flatMap((one) => [one, one]);
      this.#bits++;
    }
    const half = 2 ** (this.#bits - depth);
    const start = Math.floor((hash >>> (32 - this.#bits)) / (2 * half)) * 2 * half;
    this.#pages.fill(low, start, start + half);
    this.#pages.fill(high, start + half, start + 2 * half);
    this.#placeCount += low.placeCount + high.placeCount - page.placeCount;
    return true;
  }
}
