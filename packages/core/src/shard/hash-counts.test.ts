import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashCounts } from './hash-counts.ts';

// The oracle: a Map. Few hashes, and many that share a home.
test('counts as a Map does', () => {
  const shared = fc.nat(40).map((high) => (high << 16) ^ (high & 1));
  const hash = fc.oneof(fc.integer({ min: -3, max: 3 }), shared, fc.integer());
  fc.assert(
    fc.property(fc.array(fc.record({ hash, adds: fc.boolean() }), { maxLength: 400 }), (actions) => {
      const counts = new HashCounts();
      const oracle = new Map<number, number>();
      for (const { hash: one, adds } of actions) {
        const held = oracle.get(one) ?? 0;
        if (adds) {
          counts.add(one);
          oracle.set(one, held + 1);
        } else if (held > 0) {
          expect(counts.remove(one)).toBe(held - 1);
          oracle.set(one, held - 1);
        }
      }
      for (const [one, held] of oracle) expect(counts.has(one)).toBe(held > 0);
    }),
    { numRuns: 300 },
  );
});
