// Goal: a limit is met by itself, and never by a figure that is missing.
import { expect, test } from 'vitest';
import { verdictOf, wantedText } from './limits.ts';

test.each([
  [1.5, { atLeast: 1.5 }, 'met'],
  [1.49, { atLeast: 1.5 }, 'missed'],
  [20, { atMost: 20 }, 'met'],
  [20.1, { atMost: 20 }, 'missed'],
  [undefined, { atMost: 20 }, 'not measured'],
  [Number.NaN, { atMost: 20 }, 'not measured'],
])('%d for %o is %s', (measured, limits, verdict) => {
  expect(verdictOf(measured, limits)).toBe(verdict);
});

test('what is wanted', () => {
  expect(wantedText({ atLeast: 75 }, '%')).toBe('at least 75 %');
  expect(wantedText({ atMost: 20 }, 'ms')).toBe('at most 20 ms');
});
