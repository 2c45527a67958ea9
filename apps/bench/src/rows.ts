/** What is measured: each row is a table of the report, with a line for each contender and number in flight. */
import type { Distribution, Work, YcsbWork } from './driver/task.ts';

export type Family = 'floor' | 'ostraca' | 'resp';
export const FAMILIES: readonly Family[] = ['floor', 'ostraca', 'resp'];

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly work: Work;
  /** Of the systems that are measured. */
  readonly replicas: 0 | 1;
  /** All primaries of Ostraca are in its first container, so that this one's figures are those of a primary. */
  readonly isOneSided: boolean;
  readonly distribution: Distribution;
  readonly valueBytes: number;
  readonly inFlight: readonly number[];
  /** Those of `--quick`. */
  readonly quickInFlight: readonly number[];
  readonly families: readonly Family[];
  /** Left out by `--quick`. */
  readonly isLong: boolean;
}

export const IN_FLIGHT = [1, 16, 64, 256, 1024];
const PLAIN = {
  replicas: 0,
  isOneSided: false,
  distribution: 'uniform',
  valueBytes: 100,
  inFlight: IN_FLIGHT,
  quickInFlight: [1, 64, 256],
  families: FAMILIES,
  isLong: false,
} as const;
const BULK = { ...PLAIN, inFlight: [16], quickInFlight: [16], families: ['ostraca', 'resp'] } as const;
/** As YCSB has them: the floor, which forgets when it is full, takes no part. */
const MIX = { ...BULK, distribution: 'zipfian', valueBytes: 1_024, inFlight: [64], isLong: true } as const;
const LONG = { ...PLAIN, inFlight: [64, 256], isLong: true } as const;

const MIXES: readonly (readonly [YcsbWork, string])[] = [
  ['ycsb-a', 'half reads, half writes'],
  ['ycsb-b', '95 % reads, 5 % writes'],
  ['ycsb-c', 'reads'],
  ['ycsb-d', '95 % reads of what is new, 5 % inserts'],
  ['ycsb-e', '95 % reads of up to 100 keys that follow each other, 5 % inserts'],
  ['ycsb-f', 'half reads, half reads with a write of the same key after it'],
];

export const ROWS: readonly Row[] = [
  { ...PLAIN, name: 'get', title: 'get', work: 'get' },
  { ...PLAIN, name: 'set', title: 'set, no replica', work: 'set' },
  {
    ...PLAIN,
    name: 'set-sync',
    title: 'set, acknowledged by one replica',
    work: 'set',
    replicas: 1,
    quickInFlight: [64, 256],
  },
  {
    ...PLAIN,
    name: 'set-primary',
    title: 'set, acknowledged by one replica, all primaries in one container',
    work: 'set',
    replicas: 1,
    isOneSided: true,
    families: ['floor', 'ostraca'],
    inFlight: [256],
    quickInFlight: [256],
  },
  { ...BULK, name: 'get-all', title: 'getAll / mget of 100 keys, in keys per second', work: 'get-all' },
  { ...BULK, name: 'set-all', title: 'setAll / mset of 100 keys, in keys per second', work: 'set-all' },
  {
    ...PLAIN,
    name: 'transactions',
    title:
      'transactions of 3 reads and 2 writes in one partition, two round trips each; ' +
      'RESP: WATCH, 3 GET, MULTI, 2 SET, EXEC, on one connection for each in flight, up to 64',
    work: 'transaction',
    inFlight: [16, 64, 256],
    quickInFlight: [64],
    families: ['ostraca', 'resp'],
  },
  { ...LONG, name: 'get-zipf', title: 'get, zipfian keys', work: 'get', distribution: 'zipfian' },
  { ...LONG, name: 'set-zipf', title: 'set, zipfian keys', work: 'set', distribution: 'zipfian' },
  { ...LONG, name: 'get-1k', title: 'get of 1 KiB', work: 'get', valueBytes: 1_024 },
  { ...LONG, name: 'set-1k', title: 'set of 1 KiB', work: 'set', valueBytes: 1_024 },
  ...MIXES.map(([work, title]) => ({
    ...MIX,
    name: work,
    title: `YCSB ${work.slice(-1).toUpperCase()}: ${title}`,
    work,
  })),
];
