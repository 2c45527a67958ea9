import { expect, test } from 'vitest';
import { BackOff } from './back-off.ts';

test('each wait is twice the one before, up to the bound', () => {
  const backOff = new BackOff({ firstMs: 1_000, maxMs: 60_000 });
  expect(backOff.isOver(0)).toBe(true);
  const waits = Array.from({ length: 9 }, () => backOff.fail(100));
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(backOff.isOver(60_099)).toBe(false);
  expect(backOff.isOver(60_100)).toBe(true);
});

test('who is forgiven begins anew, and waits out what runs', () => {
  const backOff = new BackOff({ firstMs: 1_000, maxMs: 60_000 });
  backOff.fail(0);
  backOff.fail(0);
  backOff.forgive();
  expect(backOff.isOver(1_999)).toBe(false);
  expect(backOff.fail(5_000)).toBe(1_000);
});
