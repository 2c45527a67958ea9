/**
 * The key of an entry and the tags of its byte form. The form is canonical (one key, one form), keeps the order of
 * keys, and tells every type apart: `1`, `1n`, `"1"` and `["1"]` are four keys. docs/internals/keys.md has the
 * table and the test vectors.
 *
 *   false 10 | true 11
 *   number 20 <8 bytes: IEEE double, big-endian; negative: all bits flipped, else the sign bit>
 *   bigint 30 <2 bytes: 8000h plus (negative: minus) the count n> <n bytes: magnitude; negative: flipped>
 *   string 40 <UTF-8, 00 as 00 FF> 00
 *   bytes  50 <bytes, 00 as 00 FF> 00
 *   tuple  60 <elements> 00
 *
 * An element is followed by the tag of the next (never FF) or by the 00 of its tuple, so a 00 that is not followed
 * by FF ends a string: what is shorter sorts first.
 */
export type Key = string | number | bigint | boolean | Uint8Array | readonly Key[];

export const KEY_TAGS = {
  end: 0x00,
  false: 0x10,
  true: 0x11,
  number: 0x20,
  bigint: 0x30,
  string: 0x40,
  bytes: 0x50,
  tuple: 0x60,
} as const;

/** After a 00 that belongs to a string or to bytes. */
export const ESCAPE = 0xff;
/** Count of the magnitude bytes of a bigint is written as a distance from here. */
export const BIGINT_ZERO = 0x8000;
