/** Keys for transactions: each three of one partition, and no two of them the same. Drawn before the run. */
import { encodeKey, must, newRandom, partitionOf } from '@ostraca/core';
import { keyOf } from './key-sequence.ts';
import type { TransactionCall } from './target.ts';

const DRAWS = 1 << 16;

export function drawTransactionKeys(of: {
  readonly keys: number;
  readonly partitions: number;
  readonly seed: number;
}): TransactionCall['keys'][] {
  const { keys, partitions, seed } = of;
  const random = newRandom(seed);
  const byPartition = Array.from({ length: partitions }, (): string[] => []);
  for (let index = 0; index < keys; index++) {
    const key = keyOf(index);
    byPartition[partitionOf(encodeKey(key), partitions, [])]?.push(key);
  }
  const large = byPartition.filter(({ length }) => length >= 3);
  if (large.length === 0) throw new Error(`${keys} keys are too few for transactions in ${partitions} partitions`);
  return Array.from({ length: DRAWS }, () => {
    const own = must(large[random.below(large.length)], 'a partition');
    const chosen = new Set<string>();
    while (chosen.size < 3) chosen.add(must(own[random.below(own.length)], 'a key'));
    return [...chosen] as unknown as TransactionCall['keys'];
  });
}
