/** Requests of one partition that were sent at least once, by their order: a list through themselves, for a Map costs more. */
export interface Ordered<T> {
  /** Sent next before and next after it; ours to set. */
  older: T | undefined;
  newer: T | undefined;
}

export class Unanswered<T extends Ordered<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** As the newest; it is in no list. */
  push(element: T): void {
    element.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = element;
    else this.#newest.newer = element;
    this.#newest = element;
    this.#count += 1;
  }

  /** It is in this list. */
  delete(element: T): void {
    const { older, newer } = element;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    element.older = undefined;
    element.newer = undefined;
    this.#count -= 1;
  }

  /** The oldest first, as they are now: what becomes of them meanwhile changes nothing. */
  list(): T[] {
    const all: T[] = [];
    for (let element = this.#oldest; element !== undefined; element = element.newer) all.push(element);
    return all;
  }
}
