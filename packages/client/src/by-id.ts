/**
 * What is waited for, by message id. Ids rise one by one and most are answered soon, so they lie in a ring, at the id's last
 * bits; one that is answered late moves aside when the ring comes round to its place.
 *
 *     ring of 8:   ids 41 42 43 · 45 46 · 40      aside: 7
 *
 * A Map in its place took four times as long: it hashes, and grows and shrinks with every burst.
 */
const PLACES_MIN = 64;

export class ById<T> {
  #ids = new Array<number>(PLACES_MIN).fill(0);
  #elements = new Array<T | undefined>(PLACES_MIN).fill(undefined);
  #mask = PLACES_MIN - 1;
  #ringCount = 0;
  readonly #aside = new Map<number, T>();

  /** From 1. */
  set(id: number, element: T): void {
    let at = id & this.#mask;
    while (this.#ids[at] !== 0 && this.#ids[at] !== id) {
      if (this.#ringCount * 2 >= this.#ids.length) {
        this.#grow();
        at = id & this.#mask;
        continue;
      }
      this.#aside.set(this.#ids[at] as number, this.#elements[at] as T);
      this.#clear(at);
    }
    if (this.#ids[at] === 0) this.#ringCount += 1;
    this.#ids[at] = id;
    this.#elements[at] = element;
  }

  get(id: number): T | undefined {
    const at = id & this.#mask;
    if (this.#ids[at] === id && id !== 0) return this.#elements[at];
    return this.#aside.size === 0 ? undefined : this.#aside.get(id);
  }

  /** Does nothing if it is not there. */
  delete(id: number): void {
    const at = id & this.#mask;
    if (this.#ids[at] === id && id !== 0) this.#clear(at);
    else if (this.#aside.size > 0) this.#aside.delete(id);
  }

  #clear(at: number): void {
    this.#ids[at] = 0;
    this.#elements[at] = undefined;
    this.#ringCount -= 1;
  }

  /** Each id keeps a place of its own: those that shared last bits part, none meet. */
  #grow(): void {
    const ids = this.#ids;
    const elements = this.#elements;
    this.#mask = ids.length * 2 - 1;
    this.#ids = new Array<number>(ids.length * 2).fill(0);
    this.#elements = new Array<T | undefined>(ids.length * 2).fill(undefined);
    for (const [at, id] of ids.entries()) {
      if (id === 0) continue;
      this.#ids[id & this.#mask] = id;
      this.#elements[id & this.#mask] = elements[at];
    }
  }
}
