/** The longest pause of a container's event loop, while its index grows, and under steady writes, cleaning included. */
import { short } from '../markdown.ts';
import { measure } from '../measure.ts';
import { countsWithin, PAUSE_ARGS, type Pauses, takePauses } from '../pauses/pauses.ts';
import { PauseWatch } from '../pauses/watch.ts';
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
  // This process waits and does nothing else: its pauses are those of the machine.
  const idle = new PauseWatch();
  await takePauses(container);
  idle.take();
  const loading = plainTask(options, { work: 'load', keys: entries });
  const { operationsPerSecond } = await measure(children, { contender, task: loading });
  say(`pauses: ${short(entries)} entries at ${short(operationsPerSecond)}/s`);
  const whileFilled = await takePauses(container);
  const idleWhileFilled = idle.take();
  const writing = plainTask(options, {
    work: 'get',
    inFlight: 16,
    keys: entries,
    writesPerSecond: WRITES_PER_SECOND,
    seconds: options.isQuick ? 5 : 20,
  });
  await measure(children, { contender, task: writing });
  const underWrites = await takePauses(container);
  const idleUnderWrites = idle.take();
  idle.end();
  await system.end();
  const phases: readonly (readonly [string, Pauses])[] = [
    ['it is filled', whileFilled],
    [`${short(WRITES_PER_SECOND)} writes/s`, underWrites],
    ['it is filled, an idle process', idleWhileFilled],
    [`${short(WRITES_PER_SECOND)} writes/s, an idle process`, idleUnderWrites],
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
    note: "What an idle process beside it sees is the machine: pauses as long as those are not the container's.",
    series: phases.map(([name, one]) => ({
      name,
      points: countsWithin(one, BOUNDS_MS).map((count, index) => [BOUNDS_MS[index] ?? Infinity, count] as const),
    })),
  };
}
