/** The goals, and whether a run meets them. Each is a ratio, or an absolute figure, of medians of one run. */
import { type Limits, type Verdict, verdictOf } from './limits.ts';
import { besides, bestResp, type Cell, type Summary, summaryOf } from './results.ts';

export interface Goal extends Limits {
  readonly text: string;
  readonly row: string;
  readonly inFlight: number;
  /** What is compared; undefined: what it needs was not measured. */
  readonly measure: (ostraca: Summary, others: readonly Cell[]) => number | undefined;
  readonly unit: '×' | '%' | 'µs';
}

export interface Judgement {
  readonly goal: Goal;
  readonly measured: number | undefined;
  readonly verdict: Verdict;
}

type Measure = Goal['measure'];

const overResp =
  (wait: Cell['wait']): Measure =>
  (ostraca, others) => {
    const best = bestResp(others, wait);
    return best && ostraca.operationsPerSecond / summaryOf(best).operationsPerSecond;
  };

const overFloor: Measure = (ostraca, others) => {
  const floor = others.find(({ family }) => family === 'floor');
  return floor && (100 * ostraca.operationsPerSecond) / summaryOf(floor).operationsPerSecond;
};

const p50OverIoredis: Measure = (ostraca, others) => {
  const ioredis = others.find(({ contender }) => contender === 'ioredis');
  return ioredis && ostraca.latency.p50 / summaryOf(ioredis).latency.p50;
};

/** Of the one with the primaries. */
const primaryCpu: Measure = ({ cpuMicros }) => Object.entries(cpuMicros).find(([part]) => part !== 'client')?.[1];

const thrice = (row: string, title: string, limits: readonly [number, number, number]): Goal[] =>
  [64, 256, 1024].map((inFlight, index) => ({
    text: `${title}, against the best RESP client`,
    row,
    inFlight,
    measure: overResp('none'),
    unit: '×',
    atLeast: limits[index] as number,
  }));

export const GOALS: readonly Goal[] = [
  ...thrice('get', 'get', [1.5, 2.2, 3]),
  ...thrice('set', 'set without replica', [1.5, 1.6, 2.5]),
  ...[64, 256].map(
    (inFlight): Goal => ({
      text: 'set with a sync replica, against WAIT after each',
      row: 'set-sync',
      inFlight,
      measure: overResp('each'),
      unit: '×',
      atLeast: 4,
    }),
  ),
  ...(
    [
      [64, 1],
      [256, 1.4],
    ] as const
  ).map(
    ([inFlight, atLeast]): Goal => ({
      text: 'set with a sync replica, against one WAIT for the group',
      row: 'set-sync',
      inFlight,
      measure: overResp('group'),
      unit: '×',
      atLeast,
    }),
  ),
  { text: 'get, against the floor', row: 'get', inFlight: 256, measure: overFloor, unit: '%', atLeast: 75 },
  {
    text: 'set without replica, against the floor',
    row: 'set',
    inFlight: 256,
    measure: overFloor,
    unit: '%',
    atLeast: 65,
  },
  {
    text: 'set with a sync replica, against the floor',
    row: 'set-sync',
    inFlight: 256,
    measure: overFloor,
    unit: '%',
    atLeast: 55,
  },
  {
    text: 'get, one in flight, p50 against ioredis',
    row: 'get',
    inFlight: 1,
    measure: p50OverIoredis,
    unit: '×',
    atMost: 1.25,
  },
  {
    text: 'set, one in flight, p50 against ioredis',
    row: 'set',
    inFlight: 1,
    measure: p50OverIoredis,
    unit: '×',
    atMost: 1.25,
  },
  { text: 'getAll against mget', row: 'get-all', inFlight: 16, measure: overResp('none'), unit: '×', atLeast: 1.3 },
  { text: 'setAll against mset', row: 'set-all', inFlight: 16, measure: overResp('none'), unit: '×', atLeast: 1.1 },
  { text: 'CPU of a container per get', row: 'get', inFlight: 256, measure: primaryCpu, unit: 'µs', atMost: 1.5 },
  {
    text: 'CPU of the primary per set with a sync replica',
    row: 'set-primary',
    inFlight: 256,
    measure: primaryCpu,
    unit: 'µs',
    atMost: 3.5,
  },
];

/** Those about rows of a run. */
export function goalsOf(rows: readonly string[]): Goal[] {
  return GOALS.filter(({ row }) => rows.includes(row));
}

export function judge(goal: Goal, cells: readonly Cell[]): Judgement {
  const others = besides(cells, goal);
  const ostraca = others.find(({ family }) => family === 'ostraca');
  const measured = ostraca && goal.measure(summaryOf(ostraca), others);
  const verdict = verdictOf(measured, goal);
  return { goal, measured: verdict === 'not measured' ? undefined : measured, verdict };
}
