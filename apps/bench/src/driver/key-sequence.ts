/** Which keys a run asks for, in which order: drawn before it starts, and the same for everybody who has the seed. */
import { newRandom } from '@ostraca/core';
import type { Distribution } from './task.ts';
import { newZipf } from './zipf.ts';

const DRAWS = 1 << 20;

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
export function newKeySequence({ keys, distribution, seed }: SequenceOptions): Uint32Array {
  const random = newRandom(seed);
  const sequence = new Uint32Array(DRAWS);
  if (distribution === 'uniform') {
    for (let at = 0; at < DRAWS; at++) sequence[at] = random.below(keys);
    return sequence;
  }
  const zipf = newZipf(keys, random);
  const scattered = shuffled(keys, seed);
  for (let at = 0; at < DRAWS; at++) sequence[at] = scattered[zipf()] as number;
  return sequence;
}

/** Fisher and Yates. */
function shuffled(count: number, seed: number): Uint32Array {
  const random = newRandom(seed ^ 0x5bd1e995);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at--) {
    const other = random.below(at + 1);
    const kept = order[at] as number;
    order[at] = order[other] as number;
    order[other] = kept;
  }
  return order;
}

/** Values that do not compress and differ from each other. */
export function newValues(valueBytes: number, seed: number): Buffer[] {
  const random = newRandom(seed);
  return Array.from({ length: 64 }, () =>
    Buffer.from(Uint8Array.from({ length: valueBytes }, () => random.below(256))),
  );
}
