/**
 * How often each 32-bit hash is held: open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithms L and R) in one
 * typed array, for every write adds and removes one, and a Map spends a fifth of a microsecond on the pair.
 */
import { assert } from '../assert.ts';

const PLACES_MIN = 64;

export class HashCounts {
  /** Hash and count in turn; count 0: a gap. */
  #places = new Int32Array(2 * PLACES_MIN);
  #mask = PLACES_MIN - 1;
  #used = 0;

  has(hash: number): boolean {
    return this.#used > 0 && (this.#places[2 * this.#placeOf(hash) + 1] as number) > 0;
  }

  add(hash: number): void {
    if (4 * (this.#used + 1) > 3 * (this.#mask + 1)) this.#grow();
    const at = 2 * this.#placeOf(hash);
    const count = this.#places[at + 1] as number;
    this.#places[at] = hash;
    this.#places[at + 1] = count + 1;
    if (count === 0) this.#used++;
  }

  /** @returns how often it is held now. */
  remove(hash: number): number {
    const place = this.#placeOf(hash);
    const left = (this.#places[2 * place + 1] as number) - 1;
    assert(left >= 0, 'unlocked once for each lock');
    this.#places[2 * place + 1] = left;
    if (left === 0) this.#close(place);
    return left;
  }

  /** Its place, or the gap where it would be. */
  #placeOf(hash: number): number {
    const places = this.#places;
    let place = homeOf(hash) & this.#mask;
    while (places[2 * place + 1] !== 0 && places[2 * place] !== (hash | 0)) place = (place + 1) & this.#mask;
    return place;
  }

  /** Those behind a new gap move up, unless they are at home behind it. */
  #close(gap: number): void {
    const places = this.#places;
    this.#used--;
    let free = gap;
    for (let place = (gap + 1) & this.#mask; places[2 * place + 1] !== 0; place = (place + 1) & this.#mask) {
      const home = homeOf(places[2 * place] as number) & this.#mask;
      if (((place - home) & this.#mask) < ((place - free) & this.#mask)) continue;
      places[2 * free] = places[2 * place] as number;
      places[2 * free + 1] = places[2 * place + 1] as number;
      places[2 * place + 1] = 0;
      free = place;
    }
  }

  #grow(): void {
    const old = this.#places;
    this.#places = new Int32Array(2 * old.length);
    this.#mask = this.#places.length / 2 - 1;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] === 0) continue;
      const place = this.#placeOf(old[at] as number);
      this.#places[2 * place] = old[at] as number;
      this.#places[2 * place + 1] = old[at + 1] as number;
    }
  }
}

function homeOf(hash: number): number {
  return hash ^ (hash >>> 16);
}
