/**
 * One fingerprint for all renamings of a state. What is named is sorted by a signature that any renaming leaves as it is, and
 * where signatures are equal, all orders are tried and the smallest fingerprint is taken. (A signature that tells too little
 * costs time, never a state.)
 */
import type { Fingerprint } from './fingerprints.ts';

/** What can be given other names without anybody noticing. */
export interface Renaming {
  /** Of what is named, in each state. */
  readonly count: number;
  /** Of a state; a multiple of 4, so that it hashes by words. */
  readonly bytes: number;
  /** What can be said of one without naming any. */
  readonly signature: (state: Uint8Array, one: number) => number;
  /** The same state with other names: what becomes number i is `order[i]`. */
  readonly permute: (state: Uint8Array, order: readonly number[], image: Uint8Array) => void;
}

/** Computes fingerprints; holds the buffers that this takes. */
export class Folding {
  readonly #renaming: Renaming;
  readonly #image: Uint8Array;
  readonly #words: Int32Array;
  readonly #signatures: Int32Array;
  readonly #order: number[];
  #high = 0;
  #low = 0;

  constructor(renaming: Renaming) {
    this.#renaming = renaming;
    const buffer = new ArrayBuffer(renaming.bytes);
    this.#image = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#signatures = new Int32Array(renaming.count);
    this.#order = Array.from({ length: renaming.count }, () => 0);
  }

  /** Of the state as it is: nobody is taken for another. */
  plain(state: Uint8Array, into: Fingerprint): void {
    this.#image.set(state);
    this.#hash();
    into.high = this.#high;
    into.low = this.#low;
  }

  /** Equal for all renamings of one state. */
  folded(state: Uint8Array, into: Fingerprint): void {
    const { count, signature } = this.#renaming;
    for (let one = 0; one < count; one++) {
      this.#order[one] = one;
      this.#signatures[one] = signature(state, one);
    }
    this.#sortOrder();
    into.high = 0xffffffff;
    into.low = 0xffffffff;
    this.#tryOrders(state, 0, into);
  }

  /** By insertion: for three numbers a call of `sort` costs more than all the rest. */
  #sortOrder(): void {
    const order = this.#order;
    for (let index = 1; index < order.length; index++) {
      const one = order[index] as number;
      const signature = this.#signatures[one] as number;
      let place = index;
      while (place > 0 && (this.#signatures[order[place - 1] as number] as number) > signature) {
        order[place] = order[place - 1] as number;
        place--;
      }
      order[place] = one;
    }
  }

  /** All orders that keep the signatures sorted, from position `from` on. */
  #tryOrders(state: Uint8Array, from: number, into: Fingerprint): void {
    const order = this.#order;
    if (from >= order.length - 1) {
      this.#renaming.permute(state, order, this.#image);
      this.#hash();
      if (this.#high < into.high || (this.#high === into.high && this.#low < into.low)) {
        into.high = this.#high;
        into.low = this.#low;
      }
      return;
    }
    const first = order[from] as number;
    for (let other = from; other < order.length; other++) {
      const chosen = order[other] as number;
      if (this.#signatures[chosen] !== this.#signatures[first]) break;
      order[other] = first;
      order[from] = chosen;
      this.#tryOrders(state, from + 1, into);
      order[from] = first;
      order[other] = chosen;
    }
  }

  #hash(): void {
    let high = 0x9e3779b9;
    let low = 0x85ebca6b;
    const words = this.#words;
    for (let index = 0; index < words.length; index++) {
      const word = words[index] as number;
      high = Math.imul(high ^ word, 0xcc9e2d51);
      high = (high << 15) | (high >>> 17);
      low = Math.imul(low ^ word, 0x1b873593) + 0x52dce729;
      low ^= low >>> 13;
    }
    high = Math.imul(high ^ (high >>> 16) ^ low, 0x85ebca6b);
    low = Math.imul(low ^ (low >>> 15) ^ high, 0xc2b2ae35);
    this.#high = (high ^ (high >>> 13)) >>> 0;
    this.#low = (low ^ (low >>> 16)) >>> 0;
  }
}

/** For signatures. */
export function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
