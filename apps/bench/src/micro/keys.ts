/** Keys: their bytes, their hash, their partition. */
import { decodeKey, encodeKey, indexHash, type Key, partitionOf } from '@ostraca/core';
import { bench, do_not_optimize } from 'mitata';
import { keyOf } from '../driver/key-sequence.ts';

const KEYS = 1_024;

export function keyBenchmarks(): void {
  const samples: readonly (readonly [string, (index: number) => Key])[] = [
    ['text of 13', keyOf],
    ['number', (index) => index],
    ['tuple of text and number', (index) => [keyOf(index), index]],
  ];
  for (const [name, keyAt] of samples) {
    const keys = Array.from({ length: KEYS }, (_, index) => keyAt(index));
    const encoded = keys.map(encodeKey);
    eachOf(`encode, ${name}`, keys, encodeKey);
    eachOf(`decode, ${name}`, encoded, decodeKey);
    eachOf(`hash, ${name}`, encoded, (key) => indexHash(key, 0x5eed));
    eachOf(`partition, ${name}`, encoded, (key) => partitionOf(key, 13, []));
  }
}

/** One call an iteration, over other values each time, so that no branch is foreseen for nothing. */
export function eachOf<Value>(name: string, values: readonly Value[], call: (value: Value) => unknown): void {
  let at = 0;
  bench(name, () => {
    at = at + 1 === values.length ? 0 : at + 1;
    do_not_optimize(call(values[at] as Value));
  });
}
