/**
 * Key to partition: a fixed, unkeyed hash of the key's bytes, modulo the number of partitions. Client and server
 * compute it alike, and it never changes: data of a running grid lies where it says. Test vectors are in
 * docs/internals/keys.md.
 *
 * The hash is MurmurHash3_x86_32 (Austin Appleby, 2011, public domain; github.com/aappleby/smhasher,
 * src/MurmurHash3.cpp) with seed 0. Its finalizer changes every bit of the result with every bit of the key, so the
 * low bits, which the modulo uses, are as good as the high ones.
 */
import { assert } from '../assert.ts';
import { GridError } from '../errors.ts';
import { keyElementRanges } from '../keys/decode-key.ts';
import { keyHash } from '../store/key-hash.ts';

/** Never another: it decides where every key lies. */
const SEED = 0;

/**
 * Index of the partition within its map set, from 0.
 *
 * @param partitionBy - Elements of a tuple key that alone decide, hashed in this order; empty: the whole key.
 * @throws {@link GridError} `invalid_argument`: the key is no tuple, or lacks one of these elements.
 */
export function partitionOf(key: Uint8Array, numberOfPartitions: number, partitionBy: readonly number[]): number {
  assert(numberOfPartitions > 0, 'numberOfPartitions > 0');
  const decisive = partitionBy.length === 0 ? key : elementsOf(key, partitionBy);
  return keyHash(decisive, SEED) % numberOfPartitions;
}

function elementsOf(key: Uint8Array, indices: readonly number[]): Uint8Array {
  const ranges = keyElementRanges(key);
  const wanted = indices.map((index) => {
    const range = ranges?.[index];
    if (range === undefined) throw lacksElement(index);
    return key.subarray(range.start, range.end);
  });
  const [only] = wanted;
  if (only !== undefined && wanted.length === 1) return only;
  const joined = new Uint8Array(wanted.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const bytes of wanted) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}

function lacksElement(index: number): GridError {
  const reason = `the map set's partitionBy needs a tuple key with an element ${index}`;
  return new GridError('invalid_argument', { details: { argument: 'key', reason } });
}
