// Goal: shares are of the time spent, idle time aside, and calls of one function from several places add up.
import { expect, test } from 'vitest';
import { hotSpots } from './hot-spots.ts';

const frame = (
  functionName: string,
  url = '',
  lineNumber = 0,
): { functionName: string; url: string; lineNumber: number } => ({
  functionName,
  url,
  lineNumber,
});

test('by time, not by samples', () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('step', 'file:///some/where/container.js', 9) },
      { id: 3, callFrame: frame('', 'node:net', 41) },
      { id: 4, callFrame: frame('step', 'file:///some/where/container.js', 9) },
    ],
    samples: [1, 2, 3, 3, 4],
    timeDeltas: [1_000, 400, 50, 50, 500],
  };
  expect(hotSpots(profile, 5)).toEqual([
    { where: 'step container.js:10', share: 0.9 },
    { where: '(anonymous) node:net:42', share: 0.1 },
  ]);
  expect(hotSpots(profile, 1)).toHaveLength(1);
});
