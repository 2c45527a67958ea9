// Goal: each attempt has the outcome that the library promises for it.
import { type Grid, GridError, type TransactionScope } from '@ostraca/client';
import { expect, test } from 'vitest';
import { type Ending, runAttempts } from './attempts.ts';

const TERMS = { isExplicit: false, lockTimeoutMs: 100, deadlineMs: 1_000 };
const SCOPE = {} as TransactionScope;

/** Runs the function so often, and ends as it is told. */
function gridThat(attempts: number, error?: GridError): Grid {
  const transaction = async (act: (scope: TransactionScope) => Promise<unknown>): Promise<void> => {
    for (let attempt = 0; attempt < attempts; attempt++) await act(SCOPE);
    if (error !== undefined) throw error;
  };
  return { transaction } as unknown as Grid;
}

async function endingsOf(
  grid: Grid,
  wants = true,
): Promise<(readonly [number, Ending['outcome'], string | undefined])[]> {
  const endings: (readonly [number, Ending['outcome'], string | undefined])[] = [];
  let trails = 0;
  await runAttempts<{ readonly number: number }>(grid, TERMS, {
    newTrail: () => ({ number: ++trails }),
    act: async () => wants,
    onEnd: ({ number }, { outcome, code }) => endings.push([number, outcome, code]),
  });
  return endings;
}

test('what was run again was rolled back, and the last one has committed', async () => {
  expect(await endingsOf(gridThat(3))).toEqual([
    [1, 'rolledBack', 'run again'],
    [2, 'rolledBack', 'run again'],
    [3, 'committed', undefined],
  ]);
});

test('an error says what became of the last one', async () => {
  const conflict = new GridError('version_conflict', { outcome: 'not_applied' });
  expect(await endingsOf(gridThat(1, conflict))).toEqual([[1, 'rolledBack', 'version_conflict']]);
  const timeout = new GridError('timeout', { outcome: 'unknown' });
  expect(await endingsOf(gridThat(2, timeout))).toEqual([
    [1, 'rolledBack', 'run again'],
    [2, 'unknown', 'timeout'],
  ]);
});

test('a function may change its mind', async () => {
  expect(await endingsOf(gridThat(1), false)).toEqual([[1, 'rolledBack', 'changed its mind']]);
});

test('what never began is no transaction', async () => {
  const timeout = new GridError('timeout', { outcome: 'not_applied' });
  expect(await endingsOf(gridThat(0, timeout))).toEqual([]);
});

test('any other error is a mistake of ours', async () => {
  const grid = { transaction: () => Promise.reject(new TypeError('no function')) } as unknown as Grid;
  await expect(endingsOf(grid)).rejects.toThrow(TypeError);
});
