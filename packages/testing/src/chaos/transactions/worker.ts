import { must, type Random } from '@ostraca/core';

/** Makes one transaction after another, all in its partition. */
export interface Worker {
  /** In the history. */
  readonly process: string;
  readonly partition: number;
  readonly random: Random;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return must(from[random.below(from.length)], 'something to pick from');
}
