// Goal: a seed always draws the same, and every seed draws enough of everything.
import { expect, test } from 'vitest';
import { NETWORK_FAULTS, PROCESS_FAULTS, scenarioOf } from './scenario.ts';

const TEN_MINUTES_MS = 600_000;

test('the same seed, the same faults', () => {
  expect(scenarioOf(7, 60_000)).toEqual(scenarioOf(7, 60_000));
  expect(scenarioOf(7, 60_000)).not.toEqual(scenarioOf(8, 60_000));
});

test('a longer run begins as a shorter one', () => {
  const short = scenarioOf(7, 60_000).networkFaults;
  expect(scenarioOf(7, TEN_MINUTES_MS).networkFaults.slice(0, short.length)).toEqual(short);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i draws enough, within bounds', (seed) => {
  const { containers, clients, networkFaults, processFaults } = scenarioOf(seed, TEN_MINUTES_MS);
  expect(containers.length).toBeGreaterThanOrEqual(3);
  expect(containers.length).toBeLessThanOrEqual(5);
  expect(clients.length).toBeGreaterThanOrEqual(2);
  expect(clients.length).toBeLessThanOrEqual(4);
  expect(networkFaults.length).toBeGreaterThan(240);
  expect(processFaults.length).toBeGreaterThan(70);
  expect(new Set(networkFaults.map(({ kind }) => kind)).size).toBe(NETWORK_FAULTS.length);
  expect(new Set(processFaults.map(({ kind }) => kind)).size).toBe(PROCESS_FAULTS.length);
  for (const { kind, durationMs } of processFaults) {
    if (kind === 'stop') expect(durationMs).toBeGreaterThanOrEqual(100);
    expect(durationMs).toBeLessThanOrEqual(15_000);
  }
});
