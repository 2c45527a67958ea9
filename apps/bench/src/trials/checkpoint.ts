/** A new replica is filled by checkpoint, while its primary serves. */
import { short } from '../markdown.ts';
import { measure, startTask } from '../measure.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { entriesOf, plainTask, type Trial, type TrialResult } from './trial.ts';

const KEY_BYTES = 13;
const VALUE_BYTES = 1_024;
const SERVING = { work: 'get', inFlight: 8, writesPerSecond: 1_000, valueBytes: VALUE_BYTES } as const;
const LONG_SECONDS = 600;

export const checkpoint: Trial = {
  name: 'checkpoint',
  title: 'checkpoint to a new replica, while the primary serves',
  isLong: false,
  run: runCheckpoint,
};

async function runCheckpoint({ options, children, say }: RunContext): Promise<TrialResult> {
  const keys = entriesOf(options, 500_000, 100_000);
  const system = await OstracaSystem.start(children, ostracaOptions(options, { replicas: 0, replicasMax: 1 }));
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error('Ostraca has a client');
  await measure(children, { contender, task: plainTask(options, { work: 'load', keys, valueBytes: VALUE_BYTES }) });
  const calm = await measure(children, { contender, task: plainTask(options, { ...SERVING, keys }) });
  const serving = startTask(children, {
    contender,
    task: plainTask(options, { ...SERVING, keys, seconds: LONG_SECONDS }),
  });
  await Promise.race([serving.measuring, serving.finished]);
  await system.addContainer();
  // It is registered; placement and checkpoints are what is timed.
  const startMs = performance.now();
  await Promise.race([system.untilCopies(2), serving.finished]);
  const seconds = (performance.now() - startMs) / 1_000;
  serving.stop();
  const busy = await serving.finished;
  await system.end();
  const megabytes = (keys * (KEY_BYTES + VALUE_BYTES)) / 1e6;
  const rate = megabytes / seconds;
  const slower = busy.latency.p99 / calm.latency.p99;
  say(`checkpoint: ${short(megabytes)} MB in ${short(seconds)} s`);
  return {
    figures: [
      { text: 'checkpoint to a new replica, payload', measured: rate, unit: 'MB/s', atLeast: 150 },
      { text: 'p99 of get meanwhile, against before', measured: slower, unit: '×', atMost: 2 },
    ],
    head: [
      'MB',
      'seconds',
      'MB/s',
      'p99 µs before',
      'p99 µs meanwhile',
      'max ms meanwhile',
      'get/s before',
      'get/s meanwhile',
    ],
    lines: [
      [
        short(megabytes),
        short(seconds),
        short(rate),
        short(calm.latency.p99),
        short(busy.latency.p99),
        short(busy.latency.max / 1e3),
        short(calm.operationsPerSecond),
        short(busy.operationsPerSecond),
      ],
    ],
    note: `${SERVING.inFlight} gets in flight and ${SERVING.writesPerSecond} writes/s; from the new container's registration to its last copy in sync.`,
  };
}
