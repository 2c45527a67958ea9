/**
 * Hashes of entries that end in the same tenth of a second, one for each of them. Most sets are small, when entries
 * live for an hour, and one may be huge, when a million end at midnight: a few hashes lie in a list, more in an index
 * like that of the entries, which grows without a pause. Nothing is an object of its own.
 */
import { assert } from '../assert.ts';
import { HashIndex } from './hash-index.ts';

const FEW_MAX = 48;
/** An index keeps no pair without one. */
const NO_REFERENCE = 1;

export class ExpirySet {
  /** 32 bits, signed: V8 holds them without an object. Empty once there is an index. */
  readonly #few: number[] = [];
  #many: HashIndex | undefined;

  get count(): number {
    return this.#many?.count ?? this.#few.length;
  }

  add(hash: number): void {
    if (this.#many !== undefined) {
      this.#many.insert(hash, NO_REFERENCE);
      return;
    }
    this.#few.push(hash | 0);
    if (this.#few.length <= FEW_MAX) return;
    this.#many = new HashIndex();
    for (const one of this.#few) this.#many.insert(one, NO_REFERENCE);
    this.#few.length = 0;
  }

  remove(hash: number): void {
    if (this.#many !== undefined) {
      const page = this.#many.pageOf(hash);
      const place = page.seek(hash);
      assert(page.isAt(place, hash), 'what is removed was added');
      this.#many.removeAt(page, place);
      return;
    }
    const at = this.#few.indexOf(hash | 0);
    assert(at >= 0, 'what is removed was added');
    const last = this.#few.pop() as number;
    if (at < this.#few.length) this.#few[at] = last;
  }

  /** Adds hashes to `found` until that has `countMax`. */
  addTo(found: Set<number>, countMax: number): void {
    if (this.#many !== undefined) {
      this.#many.scan(undefined, (hash) => found.size < countMax && found.add(hash).size > 0);
      return;
    }
    for (const hash of this.#few) {
      if (found.size >= countMax) return;
      found.add(hash >>> 0);
    }
  }
}
