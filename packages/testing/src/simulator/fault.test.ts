import { must, newRandom } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { planFaults } from './fault.ts';
import { scenarioOf } from './scenario.ts';

describe('the plan of the faults', () => {
  const scenario = {
    ...scenarioOf(1),
    chaosMs: 100_000,
    faults: new Map([
      ['crash', 1_000],
      ['stop', 3_000],
    ] as const),
  };
  const planned = planFaults(scenario, newRandom(7));

  it('has each kind as often as its mean time says, in the order of time', () => {
    const count = (kind: string): number => planned.filter((fault) => fault.kind === kind).length;
    expect(count('crash')).toBeGreaterThan(70);
    expect(count('crash')).toBeLessThan(130);
    expect(count('stop')).toBeGreaterThan(15);
    expect(count('stop')).toBeLessThan(50);
    const times = planned.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(must(times.at(-1), 'last')).toBeLessThan(100_000);
  });

  it('is the same of one kind when there is no other', () => {
    const alone = planFaults({ ...scenario, faults: new Map([['stop', 3_000]]) }, newRandom(7));
    const draws = (faults: typeof planned) =>
      faults.filter(({ kind }) => kind === 'stop').map(({ atMs, random }) => [atMs, random.unit()]);
    expect(draws(alone)).toEqual(draws(planned));
  });
});
