/**
 * Bytes beyond key and value: what a server's resident size has grown by when it holds so many entries, without the
 * keys and values themselves. Of a replicated system each copy counts as an entry.
 */
import { residentBytesOf } from '../driver/process-usage.ts';
import { short } from '../markdown.ts';
import { measure } from '../measure.ts';
import { ostracaOptions, type RunContext, startOwnResp } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import type { System } from '../systems/system.ts';
import { entriesOf, pause, plainTask, type Series, type Trial, type TrialResult } from './trial.ts';

const KEY_BYTES = 13;
const VALUE_BYTES = 100;
const STEPS = [0.02, 0.1, 0.2, 0.4, 0.7, 1];
const QUICK_STEPS = [0.2, 1];
/** Buffers on their way are freed, and the collector has had its turn. */
const REST_MS = 3_000;

export const memory: Trial = {
  name: 'memory',
  title: `bytes beyond key and value, entries of ${KEY_BYTES} + ${VALUE_BYTES} bytes, by resident size`,
  isLong: false,
  run: runMemory,
};

async function runMemory(context: RunContext): Promise<TrialResult> {
  const { options, children } = context;
  const entries = entriesOf(options, 5_000_000, 500_000);
  const series: Series[] = [];
  const starts: (() => Promise<readonly System[]>)[] = [];
  for (const replicas of [0, 1]) {
    if (options.families.includes('ostraca')) {
      starts.push(async () => [await OstracaSystem.start(children, ostracaOptions(options, { replicas }))]);
    }
  }
  // What somebody else's server holds already, we do not know.
  if (options.families.includes('resp') && options.peers.length === 0) starts.push(() => startOwnResp(context, 0));
  for (const start of starts) {
    for (const system of await start()) {
      series.push({ name: system.name, points: await fill(context, system, entries) });
      await system.end();
    }
  }
  const of = (name: string): number | undefined => series.find((one) => one.name === name)?.points.at(-1)?.[1];
  const figures = ['ostraca', 'ostraca, 1 replica'].flatMap((name) => {
    const measured = of(name);
    if (measured === undefined) return [];
    return [
      { text: `bytes beyond key and value, ${short(entries)} entries, ${name}`, measured, unit: 'B', atMost: 36 },
    ];
  });
  const lines = series.flatMap(({ name, points }) =>
    points.map(([count, bytes]) => [name, short(count), bytes.toFixed(1)]),
  );
  return { figures, series, head: ['server', 'entries', 'bytes beyond'], lines };
}

async function fill(
  { options, children, say }: RunContext,
  system: System,
  entries: number,
): Promise<Series['points']> {
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error(`${system.name} has no client`);
  await pause(REST_MS);
  const resident = (): number => Object.values(system.servers).reduce((sum, pid) => sum + residentBytesOf(pid), 0);
  const before = resident();
  const copies = Object.keys(system.servers).length;
  const points: [number, number][] = [];
  let stored = 0;
  for (const step of options.isQuick ? QUICK_STEPS : STEPS) {
    const keys = Math.round(entries * step);
    const task = plainTask(options, { work: 'load', firstKey: stored, keys, valueBytes: VALUE_BYTES });
    const { operationsPerSecond } = await measure(children, { contender, task });
    stored = keys;
    await pause(REST_MS);
    const beyond = (resident() - before) / (keys * copies) - KEY_BYTES - VALUE_BYTES;
    points.push([keys, beyond]);
    say(
      `memory, ${system.name}: ${short(keys)} entries at ${short(operationsPerSecond)}/s, ${beyond.toFixed(1)} bytes beyond`,
    );
  }
  return points;
}
