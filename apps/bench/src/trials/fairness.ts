/** What a client that floods a container costs one that asks for one thing at a time. */
import { short } from '../markdown.ts';
import { measure, startTask } from '../measure.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { type PlainTask, plainTask, type Trial, type TrialResult } from './trial.ts';

const LONG_SECONDS = 600;
/** More than a container works off in one go, each by one connection. */
const FLOODS = [
  { work: 'get', inFlight: 4_096 },
  { work: 'set', inFlight: 4_096 },
  { work: 'get-all', inFlight: 64 },
] as const satisfies readonly Pick<PlainTask, 'work' | 'inFlight'>[];

export const fairness: Trial = {
  name: 'fairness',
  title: 'a quiet client beside one that floods its container',
  isLong: false,
  run: runFairness,
};

async function runFairness({ options, children, say }: RunContext): Promise<TrialResult> {
  const system = await OstracaSystem.start(children, ostracaOptions(options, { replicas: 0 }));
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error('Ostraca has a client');
  await measure(children, { contender, task: plainTask(options, { work: 'load' }) });
  const quietTask = plainTask(options, { work: 'get' });
  const alone = await measure(children, { contender, task: quietTask });
  const lines = [lineOf('alone', alone, undefined)];
  let worst = 0;
  for (const flood of FLOODS) {
    const flooding = startTask(children, { contender, task: plainTask(options, { ...flood, seconds: LONG_SECONDS }) });
    await Promise.race([flooding.measuring, flooding.finished]);
    const quiet = await measure(children, { contender, task: quietTask });
    flooding.stop();
    const flooded = await flooding.finished;
    worst = Math.max(worst, quiet.latency.p99 / 1e3);
    lines.push(lineOf(`${flood.work}, ${flood.inFlight} in flight`, quiet, flooded));
    say(`fairness: p99 ${short(quiet.latency.p99)} µs beside ${flood.work}, ${short(alone.latency.p99)} µs alone`);
  }
  await system.end();
  return {
    figures: [{ text: 'p99 of a quiet client beside one that floods, the worst', measured: worst, unit: 'ms' }],
    head: [
      'flood',
      'p50 µs',
      'p99 µs',
      'p99.9 µs',
      'max ms',
      'quiet gets/s',
      'flood, keys/s',
      'flood p50 ms',
      'flood p99 ms',
    ],
    lines,
    note: 'The quiet client has one get in flight. Client processes share the cores with the container.',
  };
}

type Measured = Awaited<ReturnType<typeof measure>>;

function lineOf(name: string, { latency, operationsPerSecond }: Measured, flood: Measured | undefined): string[] {
  const { p50, p99, p999, max } = latency;
  const quiet = [short(p50), short(p99), short(p999), short(max / 1e3), short(operationsPerSecond)];
  if (flood === undefined) return [name, ...quiet, '-', '-', '-'];
  const { latency: waits, operationsPerSecond: rate } = flood;
  return [name, ...quiet, short(rate), short(waits.p50 / 1e3), short(waits.p99 / 1e3)];
}
