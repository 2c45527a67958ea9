/** What is measured: each row is a table of the report, with a line for each contender and number in flight. */
import type { Distribution, Work } from './driver/task.ts';

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly work: Work;
  /** Of the systems that are measured. */
  readonly replicas: 0 | 1;
  readonly distribution: Distribution;
  readonly valueBytes: number;
  readonly inFlight: readonly number[];
  /** Left out by `--quick`. */
  readonly isLong: boolean;
}

export const IN_FLIGHT = [1, 16, 64, 256, 1024];
const PLAIN = { replicas: 0, distribution: 'uniform', valueBytes: 100, inFlight: IN_FLIGHT, isLong: false } as const;

export const ROWS: readonly Row[] = [
  { ...PLAIN, name: 'get', title: 'get', work: 'get' },
  { ...PLAIN, name: 'set', title: 'set, no replica', work: 'set' },
  { ...PLAIN, name: 'set-sync', title: 'set, acknowledged by one replica', work: 'set', replicas: 1 },
  {
    ...PLAIN,
    name: 'get-all',
    title: 'getAll / mget of 100 keys, in keys per second',
    work: 'get-all',
    inFlight: [16],
  },
  {
    ...PLAIN,
    name: 'set-all',
    title: 'setAll / mset of 100 keys, in keys per second',
    work: 'set-all',
    inFlight: [16],
  },
];

/** @throws a name that is none, with those that are. */
export function rowsNamed(names: readonly string[]): Row[] {
  const known = ROWS.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return ROWS.filter(({ name }) => names.includes(name));
}
