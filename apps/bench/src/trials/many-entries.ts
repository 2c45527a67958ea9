/** Forty million entries in one process, read while they are written. */
import { short } from '../markdown.ts';
import { measure } from '../measure.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { entriesOf, plainTask, type Trial, type TrialResult } from './trial.ts';

const VALUE_BYTES = 32;
const WRITES_PER_SECOND = 20_000;

export const manyEntries: Trial = {
  name: 'many-entries',
  title: `many entries of 13 + ${VALUE_BYTES} bytes in one container, under writes`,
  isLong: true,
  run: runManyEntries,
};

async function runManyEntries({ options, children, say }: RunContext): Promise<TrialResult> {
  const keys = entriesOf(options, 40_000_000, 1_000_000);
  const system = await OstracaSystem.start(children, ostracaOptions(options, { replicas: 0 }));
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error('Ostraca has a client');
  const loading = plainTask(options, { work: 'load', keys, valueBytes: VALUE_BYTES });
  const { operationsPerSecond } = await measure(children, { contender, task: loading });
  say(`many-entries: ${short(keys)} entries at ${short(operationsPerSecond)}/s`);
  const reading = {
    work: 'get',
    inFlight: 16,
    keys,
    valueBytes: VALUE_BYTES,
    writesPerSecond: WRITES_PER_SECOND,
  } as const;
  const {
    latency,
    usage,
    operationsPerSecond: gets,
  } = await measure(children, {
    contender,
    task: plainTask(options, { ...reading, seconds: Math.max(10, options.seconds) }),
  });
  await system.end();
  const resident = usage.c1?.residentBytes ?? Number.NaN;
  return {
    figures: [
      { text: 'entries in one container', measured: keys / 1e6, unit: 'million', atLeast: 40 },
      {
        text: `p99.9 of get at ${short(keys)} entries, 20 k/s written`,
        measured: latency.p999 / 1e3,
        unit: 'ms',
        atMost: 10,
      },
    ],
    head: ['entries', 'loaded/s', 'get/s', 'p50 µs', 'p99 µs', 'p99.9 µs', 'max ms', 'GiB', 'bytes an entry'],
    lines: [
      [
        short(keys),
        short(operationsPerSecond),
        short(gets),
        short(latency.p50),
        short(latency.p99),
        short(latency.p999),
        short(latency.max / 1e3),
        (resident / 2 ** 30).toFixed(2),
        short(resident / keys),
      ],
    ],
  };
}
