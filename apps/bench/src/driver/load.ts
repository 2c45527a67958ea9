/** Every key once, in large calls. */
import { keyOf, ValuePool } from './key-sequence.ts';
import type { Target } from './target.ts';
import { BULK_KEYS, type Task } from './task.ts';

const IN_FLIGHT = 16;

/** `onStored` is told of every call that is answered. */
export async function load(target: Target, task: Task, onStored: (keys: number) => void): Promise<void> {
  const { firstKey = 0, keys, valueBytes, seed } = task;
  const values = new ValuePool(valueBytes, seed);
  let next = firstKey;
  const worker = async (): Promise<void> => {
    while (next < keys) {
      const from = next;
      next = Math.min(keys, from + BULK_KEYS);
      const batch = Array.from({ length: next - from }, (_, offset) => keyOf(from + offset));
      await target.setAll(batch, values.all);
      onStored(batch.length);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}
