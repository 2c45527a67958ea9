// Goal: a goal is met by the figures that it names and by no others; what is missing is never met.
import { describe, expect, test } from 'vitest';
import type { Measurement, Wait } from './driver/task.ts';
import { GOALS, type Goal, judge } from './goals.ts';
import type { Cell } from './results.ts';

function round(operationsPerSecond: number, more: { p50?: number; cpu?: number } = {}): Measurement {
  const latency = { p50: more.p50 ?? 100, p99: 200, p999: 300, max: 400 };
  const usage = {
    client: { cpuMicrosPerOperation: 9, residentBytes: 1 },
    c1: { cpuMicrosPerOperation: more.cpu ?? 1, residentBytes: 1 },
    c2: { cpuMicrosPerOperation: 7, residentBytes: 1 },
  };
  return { operations: 1, seconds: 1, operationsPerSecond, latency, usage };
}

interface Contender {
  readonly family: Cell['family'];
  readonly name?: string;
  readonly wait?: Wait;
  readonly rounds: readonly Measurement[];
}

function cellsOf({ row, inFlight }: Goal, contenders: readonly Contender[]): Cell[] {
  return contenders.map(({ family, name = family, wait = 'none', rounds }) => {
    return { row, inFlight, contender: name, family, wait, system: name, rounds: [...rounds] };
  });
}

function goalNamed(text: string, inFlight: number): Goal {
  const goal = GOALS.find((one) => one.text === text && one.inFlight === inFlight);
  if (goal === undefined) throw new Error(`no goal ${text}`);
  return goal;
}

describe('against the best RESP client', () => {
  const goal = goalNamed('get, against the best RESP client', 256);
  const verdictOf = (ostraca: number, ...resp: readonly number[]): string => {
    const others = resp.map((speed): Contender => ({ family: 'resp', rounds: [round(speed)] }));
    return judge(goal, cellsOf(goal, [{ family: 'ostraca', rounds: [round(ostraca)] }, ...others])).verdict;
  };

  test('the faster one counts', () => {
    expect(verdictOf(220, 100, 90)).toBe('met');
    expect(verdictOf(219, 100, 90)).toBe('missed');
    expect(verdictOf(219, 90, 100)).toBe('missed');
  });

  test('without one, nothing was measured', () => {
    expect(verdictOf(1_000)).toBe('not measured');
  });

  test('the median of the rounds counts', () => {
    const ostraca: Contender = { family: 'ostraca', rounds: [round(100), round(230), round(900)] };
    const cells = cellsOf(goal, [ostraca, { family: 'resp', rounds: [round(100)] }]);
    expect(judge(goal, cells).measured).toBeCloseTo(2.3);
  });

  test('another number in flight does not count', () => {
    const cells = cellsOf({ ...goal, inFlight: 64 }, [{ family: 'ostraca', rounds: [round(900)] }]);
    expect(judge(goal, cells).verdict).toBe('not measured');
  });
});

test('one WAIT for the group is not WAIT after each', () => {
  const each = goalNamed('set with a sync replica, against WAIT after each', 256);
  const group = goalNamed('set with a sync replica, against one WAIT for the group', 256);
  const contenders: Contender[] = [
    { family: 'ostraca', rounds: [round(120)] },
    { family: 'resp', wait: 'each', rounds: [round(30)] },
    { family: 'resp', wait: 'group', rounds: [round(100)] },
  ];
  expect(judge(each, cellsOf(each, contenders))).toMatchObject({ measured: 4, verdict: 'met' });
  expect(judge(group, cellsOf(group, contenders))).toMatchObject({ measured: 1.2, verdict: 'missed' });
});

test('of the floor a percentage', () => {
  const goal = goalNamed('get, against the floor', 256);
  const verdictOf = (speed: number): string =>
    judge(
      goal,
      cellsOf(goal, [
        { family: 'ostraca', rounds: [round(speed)] },
        { family: 'floor', rounds: [round(400)] },
      ]),
    ).verdict;
  expect(verdictOf(300)).toBe('met');
  expect(verdictOf(299)).toBe('missed');
});

test('less is better for latency and CPU', () => {
  const latency = goalNamed('get, one in flight, p50 against ioredis', 1);
  const slow = cellsOf(latency, [
    { family: 'ostraca', rounds: [round(1, { p50: 126 })] },
    { family: 'resp', name: 'ioredis', rounds: [round(1, { p50: 100 })] },
  ]);
  expect(judge(latency, slow)).toMatchObject({ measured: 1.26, verdict: 'missed' });
  const cpu = goalNamed('CPU of the primary per set with a sync replica', 256);
  const cells = cellsOf(cpu, [{ family: 'ostraca', rounds: [round(1, { cpu: 3.4 })] }]);
  expect(judge(cpu, cells)).toMatchObject({ measured: 3.4, verdict: 'met' });
});

test('a figure that the machine could not give is not met', () => {
  const goal = goalNamed('CPU of a container per get', 256);
  const cells = cellsOf(goal, [{ family: 'ostraca', rounds: [round(1, { cpu: Number.NaN })] }]);
  expect(judge(goal, cells).verdict).toBe('not measured');
});

test('every goal has a limit', () => {
  for (const { atLeast, atMost, text } of GOALS) expect(atLeast ?? atMost, text).toBeDefined();
});
