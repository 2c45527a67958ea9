import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ById } from './by-id.ts';

// The oracle: a Map.
test('holds what a Map holds, also what is answered late', () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 5, arbitrary: fc.record({ answerOf: fc.nat(60) }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const byId = new ById<string>();
      const oracle = new Map<number, string>();
      let lastId = 0;
      for (const each of actions) {
        if ('add' in each) {
          for (let count = 0; count < each.add; count += 1) {
            lastId += 1;
            byId.set(lastId, `of ${lastId}`);
            oracle.set(lastId, `of ${lastId}`);
          }
        } else {
          const id = [...oracle.keys()].at(-1 - each.answerOf) ?? 0;
          byId.delete(id);
          oracle.delete(id);
        }
        for (let id = 0; id <= lastId + 1; id += 1) expect(byId.get(id)).toBe(oracle.get(id));
      }
    }),
    { numRuns: 100 },
  );
});

test('one that is never answered does not make the ring grow', () => {
  const byId = new ById<number>();
  byId.set(1, -1);
  for (let id = 2; id < 100_000; id += 1) {
    byId.set(id, id);
    if (id > 10) byId.delete(id - 8);
  }
  expect(byId.get(1)).toBe(-1);
  expect(byId.get(99_999)).toBe(99_999);
  expect(byId.get(50_000)).toBeUndefined();
});
