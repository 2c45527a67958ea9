// Goal: the command line says what is measured and where it goes; a measurement of a few rows overwrites no report.
import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('all rows, at what each says', () => {
  const options = parseOptions([], 'reports');
  expect(options.rows.map(({ name }) => name)).toContain('ycsb-f');
  expect(options).toMatchObject({ inFlight: undefined, rounds: 3, seconds: 4, outFolder: 'reports' });
});

test('quick leaves out the long rows, and writes a report of its own', () => {
  const options = parseOptions(['--quick', '--seconds', '2'], 'reports');
  expect(options.rows.every(({ isLong }) => !isLong)).toBe(true);
  expect(options).toMatchObject({ rounds: 1, seconds: 2, reportName: 'bench-quick', outFolder: 'reports' });
});

test('a few rows are written only if a folder is named', () => {
  const args = ['--only', 'get, set', '--inflight', '64,256', '--systems', 'ostraca'];
  const options = parseOptions(args, 'reports');
  expect(options.rows.map(({ name }) => name)).toEqual(['get', 'set']);
  expect(options).toMatchObject({ inFlight: [64, 256], families: ['ostraca'], outFolder: undefined });
  expect(parseOptions([...args, '--out', 'here'], 'reports').outFolder).toBe('here');
});

test('growth is measured alone', () => {
  const options = parseOptions(['--grow'], 'reports');
  expect(options.rows).toEqual([]);
  expect(options.trials.map(({ name }) => name)).toEqual([
    'grow-entries',
    'grow-partitions',
    'grow-containers',
    'grow-clients',
  ]);
  expect(options.reportName).toBe('bench-grow');
  expect(parseOptions([], 'reports').trials.map(({ name }) => name)).not.toContain('grow-entries');
});
