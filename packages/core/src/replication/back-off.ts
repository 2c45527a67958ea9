/** Waiting longer each time, up to a bound: 1 s * 2^k, at most 60 s. The one way in which a primary puts off its followers. */
export interface Waits {
  readonly firstMs: number;
  readonly maxMs: number;
}

export class BackOff {
  readonly #waits: Waits;
  #count = 0;
  #notBeforeMs = 0;

  constructor(waits: Waits) {
    this.#waits = waits;
  }

  /** How often in a row it failed. */
  get count(): number {
    return this.#count;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#notBeforeMs;
  }

  /** @returns how long it has to wait now. */
  fail(nowMs: number): number {
    const { firstMs, maxMs } = this.#waits;
    const waitMs = Math.min(maxMs, firstMs * 2 ** Math.min(this.#count, 30));
    this.#count += 1;
    this.#notBeforeMs = nowMs + waitMs;
    return waitMs;
  }

  /** The next wait is the first again; one that runs goes on. */
  forgive(): void {
    this.#count = 0;
  }
}
