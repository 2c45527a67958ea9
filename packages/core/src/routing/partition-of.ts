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

/**
 * Index of the partition within its map set, from 0.
 *
 * @param partitionBy - Elements of a tuple key that alone decide, hashed in this order; empty: the whole key.
 * @throws {@link GridError} `invalid_argument`: the key is no tuple, or lacks one of these elements.
 */
export function partitionOf(key: Uint8Array, numberOfPartitions: number, partitionBy: readonly number[]): number {
  assert(numberOfPartitions > 0, 'numberOfPartitions > 0');
  const decisive = partitionBy.length === 0 ? key : elementsOf(key, partitionBy);
  return murmur3(decisive) % numberOfPartitions;
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

/** A whole number in [0, 2^32). Reads bytes by hand: a DataView per key would cost more than the hash. */
function murmur3(bytes: Uint8Array): number {
  const blocksEnd = bytes.length & ~3;
  let hash = 0;
  for (let at = 0; at < blocksEnd; at += 4) {
    const block =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash ^= mixBlock(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= blocksEnd; at -= 1) rest = (rest << 8) | (bytes[at] as number);
  if (blocksEnd < bytes.length) hash ^= mixBlock(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixBlock(block: number): number {
  const scaled = Math.imul(block, 0xcc9e2d51);
  return Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593);
}
