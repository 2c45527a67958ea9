/** The store alone, of one map in one partition. */
import { EntryMap, encodeKey, newRandom } from '@ostraca/core';
import { bench, do_not_optimize } from 'mitata';
import { keyOf } from '../driver/key-sequence.ts';
import { eachOf } from './keys.ts';

const VALUE = new Uint8Array(100).fill(7);
const DRAWS = 1 << 16;

export function storeBenchmarks(): void {
  for (const entries of [8_192, 1_048_576]) {
    const map = new EntryMap(0x5eed);
    const put = (key: Uint8Array): void => map.put({ key, value: VALUE, epoch: 1, lsn: 1, ttlMs: 0, expireAtMs: 0 });
    const random = newRandom(1);
    for (let index = 0; index < entries; index++) put(encodeKey(keyOf(index)));
    const present = Array.from({ length: DRAWS }, () => encodeKey(keyOf(random.below(entries))));
    const absent = Array.from({ length: DRAWS }, () => encodeKey(keyOf(entries + random.below(entries))));
    const target = new Uint8Array(VALUE.length);
    eachOf(`get, ${entries} entries`, present, (key) => map.get(key));
    eachOf(`find and copy the value, ${entries} entries`, present, (key) => map.copyValue(map.find(key), target, 0));
    eachOf(`find what is not there, ${entries} entries`, absent, (key) => map.find(key));
    eachOf(`put over an entry, cleaning included, ${entries} entries`, present, put);
  }
  // Growth in the middle of it, so that a pause would show in the slowest.
  bench('put of 10,000 new entries', () => {
    const map = new EntryMap(0x5eed);
    for (let index = 0; index < 10_000; index++) {
      map.put({ key: newKey(index), value: VALUE, epoch: 1, lsn: index + 1, ttlMs: 0, expireAtMs: 0 });
    }
    do_not_optimize(map.count);
  });
}

const newKeys: Uint8Array[] = [];

function newKey(index: number): Uint8Array {
  newKeys[index] ??= encodeKey(keyOf(index));
  return newKeys[index] as Uint8Array;
}
