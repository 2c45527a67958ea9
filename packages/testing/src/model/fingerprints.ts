/**
 * The states seen so far, as 64 bits each: open addressing in two typed arrays, 8 bytes a state and room to spare.
 * Two states with one fingerprint would be taken for one; among n states that happens with probability n * n / 2^65.
 */
export interface Fingerprint {
  high: number;
  low: number;
}

const FIRST_CAPACITY = 1 << 16;
const FULL = 0.75;

export class FingerprintSet {
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  #mask = FIRST_CAPACITY - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#high.byteLength + this.#low.byteLength;
  }

  /** False if it was there. */
  add({ high, low }: Fingerprint): boolean {
    // Zero in both marks a free place.
    const lowOrOne = low === 0 && high === 0 ? 1 : low;
    let place = lowOrOne & this.#mask;
    while (this.#high[place] !== 0 || this.#low[place] !== 0) {
      if (this.#high[place] === high && this.#low[place] === lowOrOne) return false;
      place = (place + 1) & this.#mask;
    }
    this.#high[place] = high;
    this.#low[place] = lowOrOne;
    this.#size++;
    if (this.#size > this.#high.length * FULL) this.#grow();
    return true;
  }

  #grow(): void {
    const oldHigh = this.#high;
    const oldLow = this.#low;
    const capacity = oldHigh.length * 2;
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#mask = capacity - 1;
    for (let index = 0; index < oldHigh.length; index++) {
      const high = oldHigh[index] as number;
      const low = oldLow[index] as number;
      if (high === 0 && low === 0) continue;
      let place = low & this.#mask;
      while (this.#high[place] !== 0 || this.#low[place] !== 0) place = (place + 1) & this.#mask;
      this.#high[place] = high;
      this.#low[place] = low;
    }
  }
}
