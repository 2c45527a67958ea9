/**
 * MurmurHash3 x86 32 bit (Austin Appleby, public domain). With seed 0 it says in which partition a key lies
 * (routing/partition-of.ts); it also serves as a fingerprint. The store's index has another: index-hash.ts.
 */
export function keyHash(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0;
  const length = bytes.length;
  const wholeWords = length & ~3;
  let at = 0;
  while (at < wholeWords) {
    let k =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    hash ^= Math.imul(k, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
    at += 4;
  }
  let tail = 0;
  if (length & 2) tail = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  if (length & 1) tail |= (bytes[length - 1] as number) << ((length & 2) << 3);
  if ((length & 3) !== 0) {
    tail = Math.imul(tail, 0xcc9e2d51);
    tail = (tail << 15) | (tail >>> 17);
    hash ^= Math.imul(tail, 0x1b873593);
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
