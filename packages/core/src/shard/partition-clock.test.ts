import { expect, test } from 'vitest';
import { PartitionClock } from './partition-clock.ts';

const HOUR_MS = 3_600_000;

test('it goes with the monotonic clock, from where it was started', () => {
  const clock = new PartitionClock(1_000_000);
  expect(clock.advance(5_000, 1_000_000)).toBe(1_000_000);
  expect(clock.advance(5_500, 1_000_500)).toBe(1_000_500);
  expect(clock.nowMs).toBe(1_000_500);
});

test.each([HOUR_MS, -HOUR_MS])(
  'a wall clock that is set by %d ms draws it along by one part in a hundred',
  (jumpMs) => {
    const clock = new PartitionClock(1_000_000);
    clock.advance(0, 1_000_000);
    let monotonicMs = 0;
    for (let tick = 0; tick < 500; tick++) {
      monotonicMs += 20;
      clock.advance(monotonicMs, 1_000_000 + monotonicMs + jumpMs);
    }
    const drawnMs = clock.nowMs - 1_000_000 - monotonicMs;
    expect(drawnMs).toBeCloseTo(Math.sign(jumpMs) * monotonicMs * 0.01, 6);
  },
);

test('it ends at wall time, and does not go beyond', () => {
  const clock = new PartitionClock(1_000_000);
  clock.advance(0, 1_000_050);
  for (let monotonicMs = 100; monotonicMs <= 10_000; monotonicMs += 100)
    clock.advance(monotonicMs, 1_000_050 + monotonicMs);
  expect(clock.nowMs).toBeCloseTo(1_010_050, 6);
});

test('it never goes back, though the monotonic clock should', () => {
  const clock = new PartitionClock(1_000);
  clock.advance(500, 1_000);
  expect(clock.advance(400, 0)).toBe(1_000);
});
