/** What one call of each work is. */
import { newRandom } from '@ostraca/core';
import { KeySequence, keyOf, ValuePool } from './key-sequence.ts';
import type { Target } from './target.ts';
import { BULK_KEYS, type Task, type YcsbWork } from './task.ts';
import { drawTransactionKeys } from './transaction-keys.ts';
import { newZipf } from './zipf.ts';

export interface Calls {
  readonly next: () => Promise<unknown>;
  /** @throws the answer is not what was stored. Of a call that was timed. */
  readonly check: (answer: unknown) => void;
  /** What one call counts. */
  readonly weight: number;
}

const UNCHECKED = (): void => {};

/** What calls are made of. Drawing it takes a while and memory, so that several clients have one together. */
export interface CallMaterial {
  readonly keys: KeySequence;
  readonly values: ValuePool;
}

export function newMaterial(task: Task): CallMaterial {
  return { keys: new KeySequence(task), values: new ValuePool(task.valueBytes, task.seed) };
}

export function newCalls(target: Target, task: Task, material: CallMaterial = newMaterial(task)): Calls {
  const { keys, values } = material;
  const plain = (next: Calls['next'], check: Calls['check'] = UNCHECKED, weight = 1): Calls => ({
    next,
    check,
    weight,
  });
  const get = (): Promise<unknown> => target.get(keys.next());
  const set = (): Promise<unknown> => {
    const key = keys.next();
    return target.set(key, values.of(keys.index));
  };
  const many = (): string[] => Array.from({ length: BULK_KEYS }, () => keys.next());
  switch (task.work) {
    case 'get':
      return plain(get, checkValueOf(task.valueBytes));
    case 'set':
      return plain(set);
    case 'get-all':
      return plain(() => target.getAll(many()), checkFound, BULK_KEYS);
    case 'set-all':
      return plain(() => target.setAll(many(), values.all), UNCHECKED, BULK_KEYS);
    case 'transaction':
      return plain(transactions(target, task, values), checkAllFound);
    case 'ycsb-d':
      return plain(readLatest(target, task, values));
    case 'ycsb-e':
      return plain(readRuns(target, task, material));
    case 'load':
    case 'idle':
      throw new Error(`${task.work} is no closed loop`);
    default:
      return plain(mixed(task, { get, set, change: async () => changeOne(target, keys, values) }));
  }
}

/** Of 100 calls of YCSB's mixes A, B, C and F how many read, and whether the others change what they have read. */
const READS: Readonly<Record<Exclude<YcsbWork, 'ycsb-d' | 'ycsb-e'>, number>> = {
  'ycsb-a': 50,
  'ycsb-b': 95,
  'ycsb-c': 100,
  'ycsb-f': 50,
};

interface MixedCalls {
  readonly get: () => Promise<unknown>;
  readonly set: () => Promise<unknown>;
  readonly change: () => Promise<unknown>;
}

function mixed({ work, seed }: Task, { get, set, change }: MixedCalls): () => Promise<unknown> {
  const reads = READS[work as keyof typeof READS];
  const isRead = drawMany(seed, reads);
  const write = work === 'ycsb-f' ? change : set;
  return () => (isRead() ? get() : write());
}

/** YCSB F: reads, and writes back under the same key. Not in one step, for none of those that are compared. */
async function changeOne(target: Target, keys: KeySequence, values: ValuePool): Promise<void> {
  const key = keys.next();
  const { index } = keys;
  await target.get(key);
  await target.set(key, values.of(index));
}

/** YCSB D: 5 of 100 insert, the others read, mostly what was inserted of late. */
function readLatest(target: Target, task: Task, values: ValuePool): () => Promise<unknown> {
  const isRead = drawMany(task.seed, 95);
  const zipf = newZipf(task.keys, newRandom(task.seed));
  let inserted = task.keys;
  return () => {
    if (isRead()) return target.get(keyOf(Math.max(0, inserted - 1 - zipf())));
    const index = inserted++;
    return target.set(keyOf(index), values.of(index));
  };
}

/**
 * YCSB E: 5 of 100 insert, the others read up to 100 keys that follow each other. Neither side has its keys in order,
 * so a run is read by its keys, in one call.
 */
function readRuns(target: Target, task: Task, { keys, values }: CallMaterial): () => Promise<unknown> {
  const isRead = drawMany(task.seed, 95);
  const random = newRandom(task.seed + 1);
  let inserted = task.keys;
  return () => {
    if (isRead()) {
      keys.next();
      const first = keys.index;
      return target.getAll(Array.from({ length: 1 + random.below(100) }, (_, offset) => keyOf(first + offset)));
    }
    const index = inserted++;
    return target.set(keyOf(index), values.of(index));
  };
}

/** Each of three reads and two writes. */
function transactions(target: Target, { keys, partitions = 1, seed }: Task, values: ValuePool): () => Promise<unknown> {
  if (target.transact === undefined) throw new Error('it has no transactions');
  const drawn = drawTransactionKeys({ keys, partitions, seed });
  let turn = 0;
  return async () => {
    turn = turn + 1 === drawn.length ? 0 : turn + 1;
    const own = drawn[turn] as (typeof drawn)[number];
    return target.transact?.({ keys: own, values: [values.of(turn), values.of(turn + 1)] });
  };
}

function drawMany(seed: number, percent: number): () => boolean {
  const random = newRandom(seed ^ 0x2545f491);
  return () => random.below(100) < percent;
}

function checkValueOf(valueBytes: number): (answer: unknown) => void {
  return (answer) => {
    const bytes = (answer as Uint8Array | null | undefined)?.length;
    if (bytes !== valueBytes) throw new Error(`a get answered ${bytes ?? 'no'} bytes, not ${valueBytes}`);
  };
}

function checkAllFound(found: unknown): void {
  if (found !== 3) throw new Error(`a transaction found ${found} of 3 keys`);
}

/** A key that was drawn twice counts once. */
function checkFound(found: unknown): void {
  if (!(Number(found) > BULK_KEYS / 2)) throw new Error(`only ${found} of ${BULK_KEYS} keys were there`);
}
