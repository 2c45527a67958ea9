/** How the figures move when one thing grows and the others stay: entries, partitions, containers, clients. */
import { short } from '../markdown.ts';
import { measure } from '../measure.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { plainTask, type Series, type Trial, type TrialResult } from './trial.ts';

const IN_FLIGHT = 256;
const MEBIBYTE = 1024 * 1024;

interface Setting {
  readonly entries: number;
  readonly partitions: number;
  readonly containers: number;
  readonly clients: number;
}

type Dimension = keyof Setting;

/** `--quick` leaves out the last of each. */
const STEPS: Readonly<Record<Dimension, readonly number[]>> = {
  entries: [10_000, 100_000, 1_000_000, 10_000_000],
  partitions: [1, 13, 61, 257],
  containers: [1, 2, 4, 8],
  clients: [1, 10, 50, 200],
};
const dimensions = Object.keys(STEPS) as readonly Dimension[];

export const GROWTHS: readonly Trial[] = dimensions.map((dimension) => ({
  name: `grow-${dimension}`,
  title: `get and set with ${IN_FLIGHT} in flight, over the number of ${dimension}`,
  isLong: true,
  run: (context) => runGrowth(context, dimension),
}));

async function runGrowth(context: RunContext, dimension: Dimension): Promise<TrialResult> {
  const { keys, partitions, isQuick } = context.options;
  const usual: Setting = { entries: keys, partitions, containers: 1, clients: 1 };
  const steps = isQuick ? STEPS[dimension].slice(0, -1) : STEPS[dimension];
  const lines: string[][] = [];
  const series: { readonly name: string; readonly points: [number, number][] }[] = [
    { name: 'get', points: [] },
    { name: 'set', points: [] },
  ];
  for (const step of steps) {
    const setting = { ...usual, [dimension]: step };
    const measured = await measureSetting(context, setting);
    for (const [index, { line, operationsPerSecond }] of measured.entries()) {
      lines.push([step < 1_000 ? String(step) : short(step), ...line]);
      series[index]?.points.push([step, operationsPerSecond / 1_000]);
    }
    context.say(`grow-${dimension}: ${step} done`);
  }
  const head = [
    dimension,
    'work',
    'ops/s',
    'p50 µs',
    'p99 µs',
    'p99.9 µs',
    'client µs/op',
    'server µs/op',
    'server MiB',
  ];
  return { figures: [], head, lines, series: series satisfies Series[] };
}

interface Measured {
  readonly line: readonly string[];
  readonly operationsPerSecond: number;
}

/** Containers together, where there are several. */
async function measureSetting({ options, children }: RunContext, setting: Setting): Promise<Measured[]> {
  const { entries, partitions, containers, clients } = setting;
  const system = await OstracaSystem.start(children, {
    ...ostracaOptions(options, { replicas: 0, containers }),
    partitions,
  });
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error('Ostraca has a client');
  await measure(children, { contender, task: plainTask(options, { work: 'load', keys: entries }) });
  const measured: Measured[] = [];
  for (const work of ['get', 'set'] as const) {
    const task = plainTask(options, { work, keys: entries, clients, inFlight: IN_FLIGHT });
    const { operationsPerSecond, latency, usage } = await measure(children, { contender, task });
    const servers = Object.entries(usage).filter(([part]) => part !== 'client');
    const sum = (read: (one: (typeof usage)[string]) => number): number =>
      servers.reduce((total, [, one]) => total + read(one), 0);
    measured.push({
      operationsPerSecond,
      line: [
        work,
        short(operationsPerSecond),
        short(latency.p50),
        short(latency.p99),
        short(latency.p999),
        short(usage.client?.cpuMicrosPerOperation ?? Number.NaN),
        short(sum((one) => one.cpuMicrosPerOperation)),
        short(sum((one) => one.residentBytes) / MEBIBYTE),
      ],
    });
  }
  await system.end();
  return measured;
}
