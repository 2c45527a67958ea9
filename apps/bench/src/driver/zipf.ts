/**
 * Zipfian numbers with exponent 0.99, as YCSB draws them: by the method of Gray et al., "Quickly generating
 * billion-record synthetic databases", SIGMOD 1994. 0 is the most popular.
 */
import type { Random } from '@ostraca/core';

export const ZIPF_EXPONENT = 0.99;

export function newZipf(count: number, random: Random): () => number {
  const zetaOfTwo = zeta(Math.min(2, count));
  const zetaOfAll = zeta(count);
  const alpha = 1 / (1 - ZIPF_EXPONENT);
  const eta = (1 - (2 / count) ** (1 - ZIPF_EXPONENT)) / (1 - zetaOfTwo / zetaOfAll);
  return () => {
    const unit = random.unit();
    const scaled = unit * zetaOfAll;
    if (scaled < 1 || count === 1) return 0;
    if (scaled < 1 + 0.5 ** ZIPF_EXPONENT || count === 2) return 1;
    return Math.min(count - 1, Math.floor(count * (eta * unit - eta + 1) ** alpha));
  };
}

/** The sum of 1 / rank ** exponent over the ranks from 1 to count. */
export function zeta(count: number): number {
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) sum += 1 / rank ** ZIPF_EXPONENT;
  return sum;
}
