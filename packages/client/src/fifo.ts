const CUT_FROM = 32;

/** First in, first out, without the cost of `Array.shift`. Elements that `isDone` are dropped when they reach the front. */
export class Fifo<T> {
  #elements: T[] = [];
  #head = 0;
  readonly #isDone: (element: T) => boolean;

  constructor(isDone: (element: T) => boolean) {
    this.#isDone = isDone;
  }

  push(element: T): void {
    this.#elements.push(element);
  }

  first(): T | undefined {
    this.#trim();
    return this.#elements[this.#head];
  }

  shift(): T | undefined {
    const first = this.first();
    if (first !== undefined) this.#head += 1;
    return first;
  }

  /** All that are not done, in order. */
  list(): T[] {
    return this.#elements.slice(this.#head).filter((element) => !this.#isDone(element));
  }

  #trim(): void {
    while (this.#head < this.#elements.length && this.#isDone(this.#elements[this.#head] as T)) this.#head += 1;
    if (this.#head === 0) return;
    if (this.#head === this.#elements.length) {
      this.#elements.length = 0;
      this.#head = 0;
    } else if (this.#head >= CUT_FROM && this.#head * 2 >= this.#elements.length) {
      // Cut only when at least half is behind the head: constant cost for each element on average.
      this.#elements = this.#elements.slice(this.#head);
      this.#head = 0;
    }
  }
}
