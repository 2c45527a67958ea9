import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ddmin } from './ddmin.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('ddmin', () => {
  it('finds the items that are needed together, in their order', () => {
    const needed = [3, 40, 77];
    expect(ddmin(range(100), (part) => needed.every((item) => part.includes(item)))).toEqual(needed);
  });

  it('leaves nothing where nothing is needed, and all where everything is', () => {
    expect(ddmin(range(9), () => true)).toEqual([]);
    expect(ddmin(range(9), (part) => part.length === 9)).toEqual(range(9));
    expect(ddmin([], () => true)).toEqual([]);
  });

  it('finds one item among many with few questions', () => {
    let questions = 0;
    const found = ddmin(range(1_024), (part) => {
      questions += 1;
      return part.includes(1_000);
    });
    expect(found).toEqual([1_000]);
    expect(questions).toBeLessThan(40);
  });

  it('leaves nothing that can be taken out alone', () => {
    const subsets = fc.array(fc.uniqueArray(fc.nat(14), { minLength: 1 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(subsets, (causes) => {
        const fails = (part: readonly number[]): boolean =>
          causes.some((cause) => cause.every((item) => part.includes(item)));
        const found = ddmin(range(15), fails);
        expect(fails(found)).toBe(true);
        for (const item of found) expect(fails(found.filter((other) => other !== item))).toBe(false);
      }),
    );
  });
});
