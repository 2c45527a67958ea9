/** The only randomness from outside: seeds for `newRandom` and identities of process lives. Runs in a browser too. */

/** An unsigned 32-bit number, a seed for core's `newRandom`. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** So many hexadecimal digits; 32 make an incarnation or a client id. */
export function randomHex(digits: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil(digits / 2)));
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text.slice(0, digits);
}
