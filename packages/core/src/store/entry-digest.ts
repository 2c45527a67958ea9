/**
 * A number for what an entry is: its key, its version and its end; not its value, which (epoch, lsn) names. XOR of the
 * numbers of all entries is the digest of a map, in any order of writes, kept up with two of these for each write.
 */
export interface Versioned {
  readonly epoch: number;
  readonly lsn: number;
  readonly expireAtMs: number;
}

export function entryDigest(hash: number, { epoch, lsn, expireAtMs }: Versioned): number {
  let mixed = hash ^ Math.imul(lsn, 0x9e3779b1) ^ Math.imul(epoch, 0x85ebca77);
  if (expireAtMs > 0) mixed ^= Math.imul((expireAtMs % 0x1_0000_0000) ^ (expireAtMs / 0x1_0000_0000), 0xc2b2ae3d);
  return mix32(mixed);
}

/** The last step of MurmurHash3 (Austin Appleby, public domain): equal changes of two entries do not cancel out. */
export function mix32(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
