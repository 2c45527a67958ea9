/**
 * The only randomness of core: a seeded generator handed in from outside, so that a run is its seed.
 * xoshiro128** (Blackman and Vigna, 2018), seeded by splitmix32.
 */
export interface Random {
  /** A whole number in [0, below). */
  below(below: number): number;
  /** In [0, 1). */
  unit(): number;
  /** `digits` hexadecimal digits. */
  hex(digits: number): string;
  /** A generator of its own, so that a draw added in one place does not shift those of another. */
  fork(): Random;
}

export function newRandom(seed: number): Random {
  let mix = seed >>> 0;
  const next = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  const draw = (): number => {
    const times5 = Math.imul(b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return {
    below: (below) => Math.floor((draw() / 0x1_0000_0000) * below),
    unit: () => draw() / 0x1_0000_0000,
    hex: (digits) => {
      let text = '';
      while (text.length < digits) text += draw().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
    fork: () => newRandom(draw()),
  };
}
