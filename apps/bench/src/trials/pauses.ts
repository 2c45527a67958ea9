/** The longest pause of a container's event loop, while its index grows, and under steady writes, cleaning included. */
import { short } from '../markdown.ts';
import { measure } from '../measure.ts';
import { countsWithin, PAUSE_ARGS, type Pauses, takePauses } from '../pauses/pauses.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { entriesOf, plainTask, type Trial, type TrialResult } from './trial.ts';

const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const WRITES_PER_SECOND = 20_000;

export const pauses: Trial = {
  name: 'pauses',
  title: "pauses of a container's event loop, while it is filled and under writes",
  isLong: false,
  run: runPauses,
};

async function runPauses({ options, children, say }: RunContext): Promise<TrialResult> {
  const entries = entriesOf(options, 10_000_000, 500_000);
  const system = await OstracaSystem.start(children, ostracaOptions(options, { replicas: 0, nodeArgs: PAUSE_ARGS }));
  const [contender] = system.endpoints();
  const container = system.containers.get('c1');
  if (contender === undefined || container === undefined) throw new Error('Ostraca has a client and a container');
  await takePauses(container);
  const loading = plainTask(options, { work: 'load', keys: entries });
  const { operationsPerSecond } = await measure(children, { contender, task: loading });
  say(`pauses: ${short(entries)} entries at ${short(operationsPerSecond)}/s`);
  const whileFilled = await takePauses(container);
  const writing = plainTask(options, {
    work: 'get',
    inFlight: 16,
    keys: entries,
    writesPerSecond: WRITES_PER_SECOND,
    seconds: options.isQuick ? 5 : 20,
  });
  await measure(children, { contender, task: writing });
  const underWrites = await takePauses(container);
  await system.end();
  const phases: readonly (readonly [string, Pauses])[] = [
    ['filled', whileFilled],
    [`${short(WRITES_PER_SECOND)} writes/s`, underWrites],
  ];
  return {
    figures: [
      {
        text: `longest pause of a container, ${short(entries)} entries`,
        measured: Math.max(whileFilled.maxMs, underWrites.maxMs),
        unit: 'ms',
        atMost: 20,
      },
    ],
    head: ['while', 'longest ms', ...BOUNDS_MS.map((bound) => `<= ${bound} ms`), 'longer'],
    lines: phases.map(([name, one]) => [name, short(one.maxMs), ...countsWithin(one, BOUNDS_MS).map(String)]),
    series: phases.map(([name, one]) => ({
      name,
      points: countsWithin(one, BOUNDS_MS).map((count, index) => [BOUNDS_MS[index] ?? Infinity, count] as const),
    })),
  };
}
