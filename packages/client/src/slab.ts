/**
 * Small byte arrays without a buffer each: a Uint8Array with a buffer of its own costs an allocation outside the heap, and the
 * garbage collector a visit to free it. Here many lie in one buffer, which goes when the last of them does.
 */
const SLAB_BYTES = 16 * 1024;
/** Larger ones would waste too much of a slab, and can afford their own. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;

let slab = new ArrayBuffer(0);
let usedBytes = 0;

/** Zeroed or not: the caller writes all of it. */
export function newBytes(length: number): Uint8Array {
  if (length > SHARED_BYTES_MAX) return new Uint8Array(length);
  if (usedBytes + length > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES);
    usedBytes = 0;
  }
  const bytes = new Uint8Array(slab, usedBytes, length);
  usedBytes += length;
  return bytes;
}

/** A copy that keeps nothing alive of what `bytes` is a view of. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = newBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
