// Goal: tables line up and numbers keep the digits that mean something.
import { expect, test } from 'vitest';
import { markdownTable, percent, short } from './markdown.ts';

test('numbers stand at the right, words at the left', () => {
  const table = markdownTable(
    ['client', 'ops/s'],
    [
      ['ostraca', '12.3 k'],
      ['floor', '1.23 M'],
      ['ioredis', '-'],
    ],
  );
  expect(table).toBe(
    [
      '| client  |  ops/s |',
      '| ------- | -----: |',
      '| ostraca | 12.3 k |',
      '| floor   | 1.23 M |',
      '| ioredis |      - |',
    ].join('\n'),
  );
});

test.each([
  [0.123, '0.12'],
  [1.2345, '1.23'],
  [12.345, '12.3'],
  [999.4, '999'],
  [1_234, '1.23 k'],
  [123_456, '123 k'],
  [1_234_567, '1.23 M'],
  [Number.NaN, '-'],
  [Number.POSITIVE_INFINITY, '-'],
])('%d is short as %s', (value, text) => {
  expect(short(value)).toBe(text);
});

test('shares', () => {
  expect(percent(0.754)).toBe('75 %');
  expect(percent(Number.NaN)).toBe('-');
});
