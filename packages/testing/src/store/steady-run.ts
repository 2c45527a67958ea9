/** What the cleaner costs: updates of entries that all stay, after every one was written ten times over. */
import { EntryMap, FOREVER, newRandom, type Random } from '@ostraca/core';

export type SteadyKeys = 'uniform' | 'zipf 0.99';

export interface SteadyOptions {
  readonly keys: SteadyKeys;
  readonly seed: number;
  readonly entryCount: number;
}

export interface SteadyReport {
  /** Of full segments. */
  readonly utilisation: number;
  /** Live bytes of all that is allocated. */
  readonly allocatedShare: number;
  /** Bytes written for each byte put, in the second half of the run. */
  readonly amplification: number;
  readonly nsPerPut: number;
  readonly longestMs: number;
}

const KEY_BYTES = 13;
const VALUE_BYTES = 100;
const UPDATES_PER_ENTRY = 10;
const THETA = 0.99;

export function runSteady({ keys, seed, entryCount }: SteadyOptions): SteadyReport {
  const random = newRandom(seed);
  const store = new EntryMap(seed);
  const key = new Uint8Array(KEY_BYTES);
  const value = new Uint8Array(VALUE_BYTES);
  let lsn = 0;
  const put = (number: number): void => {
    for (let at = 0, left = number; at < KEY_BYTES; at++, left = Math.floor(left / 10)) key[at] = 48 + (left % 10);
    store.put({ key, value, epoch: 1, lsn: ++lsn, ...FOREVER });
  };
  for (let number = 0; number < entryCount; number++) put(number);
  const draw = keys === 'uniform' ? () => random.below(entryCount) : newZipf(random, entryCount);
  const updates = UPDATES_PER_ENTRY * entryCount;
  let before = store.memory;
  let startedMs = 0;
  let longestMs = 0;
  for (let number = 0; number < updates; number++) {
    if (number === updates / 2) {
      before = store.memory;
      startedMs = performance.now();
      longestMs = 0;
    }
    const chosen = draw();
    const beganMs = performance.now();
    put(chosen);
    longestMs = Math.max(longestMs, performance.now() - beganMs);
  }
  const tookMs = performance.now() - startedMs;
  const after = store.memory;
  const written = after.writtenBytes - before.writtenBytes;
  const relocated = after.relocatedBytes - before.relocatedBytes;
  return {
    utilisation: after.utilisation,
    allocatedShare: after.liveBytes / after.allocatedBytes,
    amplification: written / (written - relocated),
    nsPerPut: (tookMs * 1e6) / (updates / 2),
    longestMs,
  };
}

/** J. Gray et al., Quickly generating billion-record synthetic databases, SIGMOD 1994; the ranks are strewn over the keys. */
function newZipf(random: Random, count: number): () => number {
  let zeta = 0;
  for (let rank = 1; rank <= count; rank++) zeta += rank ** -THETA;
  const zeta2 = 1 + 2 ** -THETA;
  const alpha = 1 / (1 - THETA);
  const eta = (1 - (2 / count) ** (1 - THETA)) / (1 - zeta2 / zeta);
  return () => {
    const unit = random.unit();
    const scaled = unit * zeta;
    let rank = Math.floor(count * (eta * unit - eta + 1) ** alpha);
    if (scaled < 1) rank = 0;
    else if (scaled < zeta2) rank = 1;
    return (Math.imul(Math.min(rank, count - 1), 0x9e3779b1) >>> 0) % count;
  };
}
