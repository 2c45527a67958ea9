// Goal: the store answers as its oracle does, with growth, cleaning and keys that share a hash.
import { expect, test } from 'vitest';
import { runStore } from './store-run.ts';

const seed = Number(process.env['SEED'] ?? 1);

const RUNS = [
  { name: 'cleaned all the time', operations: 90_000, segmentBytesMax: 4_096, keyCountMax: 5_000 },
  { name: 'with its own sizes', operations: 50_000, segmentBytesMax: 2 ** 20, keyCountMax: 20_000 },
  { name: 'with twelve keys of each hash', operations: 40_000, hashBits: 9, keyCountMax: 6_000 },
  { name: 'with four hashes', operations: 20_000, hashBits: 2, keyCountMax: 500, segmentBytesMax: 2_048 },
];

for (const { name, ...options } of RUNS) {
  test(`the store ${name} answers as its oracle: SEED=${seed}`, { timeout: 120_000 }, () => {
    const report = runStore({ seed, ...options });
    expect(report.operations).toBe(options.operations);
    expect(report.walks).toBeGreaterThan(0);
    expect(report.comparedEntries).toBeGreaterThan(0);
    if (options.segmentBytesMax !== 2 ** 20) expect(report.relocatedBytes).toBeGreaterThan(0);
  });
}
