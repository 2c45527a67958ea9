/** Which keys a run asks for, in which order: drawn before it starts, and the same for everybody who has the seed. */
import { newRandom } from '@ostraca/core';
import type { Distribution } from './task.ts';
import { newZipf } from './zipf.ts';

export const DRAWS = 1 << 20;
const VALUES = 64;
const KEPT_MAX = 4_000_000;

/** 13 bytes, as in `key:000000042`. */
export function keyOf(index: number): string {
  return `key:${String(index).padStart(9, '0')}`;
}

export interface SequenceOptions {
  readonly keys: number;
  readonly distribution: Distribution;
  readonly seed: number;
}

/** Indexes of keys. Popular ones lie scattered over all keys, not at their beginning. */
export function drawIndexes({ keys, distribution, seed }: SequenceOptions): Uint32Array {
  const random = newRandom(seed);
  const indexes = new Uint32Array(DRAWS);
  if (distribution === 'uniform') {
    for (let at = 0; at < DRAWS; at++) indexes[at] = random.below(keys);
    return indexes;
  }
  const zipf = newZipf(keys, random);
  const scattered = shuffled(keys, seed);
  for (let at = 0; at < DRAWS; at++) indexes[at] = scattered[zipf()] as number;
  return indexes;
}

/** By Fisher and Yates. */
function shuffled(count: number, seed: number): Uint32Array {
  const random = newRandom(seed ^ 0x5bd1e995);
  const order = new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = at;
  for (let at = count - 1; at > 0; at--) {
    const other = random.below(at + 1);
    const kept = order[at] as number;
    order[at] = order[other] as number;
    order[other] = kept;
  }
  return order;
}

/** Drawn keys with their values, over and over. Strings are made before the run, mostly one for a key. */
export class KeySequence {
  /** Of the key that `next` gave last. */
  index = 0;
  readonly #indexes: Uint32Array;
  readonly #keys: readonly string[];
  #at = 0;

  constructor(options: SequenceOptions) {
    this.#indexes = drawIndexes(options);
    // With very many keys few are drawn twice.
    const made: string[] = new Array(Math.min(options.keys, KEPT_MAX));
    this.#keys = Array.from(this.#indexes, (index) => {
      if (index >= KEPT_MAX) return keyOf(index);
      made[index] ??= keyOf(index);
      return made[index] as string;
    });
  }

  next(): string {
    const at = this.#at;
    this.#at = (at + 1) & (DRAWS - 1);
    this.index = this.#indexes[at] as number;
    return this.#keys[at] as string;
  }
}

/** A few values that do not compress; a key always has the same. */
export class ValuePool {
  readonly all: readonly Buffer[];

  constructor(valueBytes: number, seed: number) {
    const random = newRandom(seed);
    this.all = Array.from({ length: VALUES }, () =>
      Buffer.from(Uint8Array.from({ length: valueBytes }, () => random.below(256))),
    );
  }

  of(index: number): Buffer {
    return this.all[index & (VALUES - 1)] as Buffer;
  }
}
