/** A run: starts what its rows need, and measures contender after contender, round after round. */
import { mkdirSync } from 'node:fs';
import type { Children } from './children.ts';
import type { Task } from './driver/task.ts';
import { short } from './markdown.ts';
import { measure } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Cell } from './results.ts';
import type { Family, Row } from './rows.ts';
import { startFloor } from './systems/floor-system.ts';
import { type OstracaOptions, OstracaSystem } from './systems/ostraca-system.ts';
import { findRespServer, startResp, visitResp } from './systems/resp-system.ts';
import type { Contender, System } from './systems/system.ts';

export interface RunContext {
  readonly options: BenchOptions;
  readonly children: Children;
  /** A line for whoever waits. */
  readonly say: (line: string) => void;
}

export async function runRows(context: RunContext, onRow: (row: Row, cells: readonly Cell[]) => void): Promise<Cell[]> {
  const { rows, profileFolder } = context.options;
  if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });
  const systems = await startSystems(context);
  const cells: Cell[] = [];
  const load = newLoader(context);
  for (const row of rows) {
    const ofRow = await runRow(context, { row, systems, load });
    cells.push(...ofRow);
    onRow(row, ofRow);
  }
  return cells;
}

async function startSystems(context: RunContext): Promise<System[]> {
  const { rows, families, peers } = context.options;
  const systems: System[] = [];
  const wanted = (family: Family, replicas: 0 | 1): readonly Row[] =>
    families.includes(family) ? rows.filter((row) => row.replicas === replicas && row.families.includes(family)) : [];
  for (const replicas of [0, 1] as const) {
    if (wanted('floor', replicas).length > 0) {
      systems.push(await startFloor(context.children, replicas, { folder: context.options.profileFolder }));
    }
    for (const isOneSided of [false, true]) {
      if (!wanted('ostraca', replicas).some((row) => row.isOneSided === isOneSided)) continue;
      const hasLockedMap = wanted('ostraca', replicas).some(({ work }) => work === 'transaction');
      const more = { replicas, isOneSided, hasLockedMap };
      systems.push(await OstracaSystem.start(context.children, ostracaOptions(context.options, more)));
    }
    if (wanted('resp', replicas).length > 0 && peers.length === 0)
      systems.push(...(await startOwnResp(context, replicas)));
  }
  const visited = families.includes('resp') ? await Promise.all(peers.map(visitResp)) : [];
  if (visited.length > 0 && wanted('resp', 1).length > 0 && visited.every(({ replicas }) => replicas === 0)) {
    context.say('no server of --peers has a replica: nothing is measured with WAIT');
  }
  systems.push(...visited);
  for (const { name, servers } of systems) context.say(`up: ${name} (${Object.values(servers).join(', ')})`);
  return systems;
}

export function ostracaOptions(
  { partitions, program, profileFolder }: BenchOptions,
  more: Pick<OstracaOptions, 'replicas'> & Partial<OstracaOptions>,
): OstracaOptions {
  return { partitions, program, profile: { folder: profileFolder }, containers: more.replicas + 1, ...more };
}

/** None where none is installed, which it says. */
export async function startOwnResp({ children, say }: RunContext, replicas: 0 | 1): Promise<System[]> {
  const program = findRespServer();
  if (program !== undefined) return [await startResp(children, program, replicas)];
  say('no RESP server: neither redis-server nor valkey-server is installed, and no --peers names one');
  return [];
}

type Loader = (contender: Contender, row: Row) => Promise<void>;

/** Fills a system before its first row with values of another size; and the floor, which forgets, before each row. */
function newLoader({ options, children, say }: RunContext): Loader {
  /** By system, and by map where it has several. */
  const loaded = new Map<System, Map<string, string>>();
  return async (contender, row) => {
    const { system, endpoint, family } = contender;
    const map = endpoint.kind === 'ostraca' ? endpoint.map : '';
    const ofSystem = loaded.get(system) ?? new Map<string, string>();
    loaded.set(system, ofSystem);
    const content = family === 'floor' ? `${row.name}, ${row.valueBytes} bytes` : `${row.valueBytes} bytes`;
    if (ofSystem.get(map) === content) return;
    const task: Omit<Task, 'endpoint' | 'servers'> = { ...taskOf(row, options), work: 'load', inFlight: 1 };
    const loader: Contender =
      endpoint.kind === 'resp' ? { ...contender, endpoint: { ...endpoint, wait: 'none' } } : contender;
    const { operationsPerSecond } = await measure(children, { contender: loader, task });
    ofSystem.set(map, content);
    const rate = Math.round(operationsPerSecond / 1_000);
    say(`loaded: ${system.name}, ${options.keys} entries of ${row.valueBytes} bytes at ${rate} k/s`);
  };
}

async function runRow(
  { options, children, say }: RunContext,
  { row, systems, load }: { readonly row: Row; readonly systems: readonly System[]; readonly load: Loader },
): Promise<Cell[]> {
  const contenders = systems.flatMap((one) => one.endpoints()).filter((contender) => isMeant(contender, row));
  for (const contender of contenders) await load(contender, row);
  const cells: Cell[] = [];
  for (const inFlight of inFlightOf(row, options)) {
    const ofInFlight = contenders.map((contender): Cell => {
      const { name, family, wait, system } = contender;
      return { row: row.name, inFlight, contender: name, family, wait, system: system.name, rounds: [] };
    });
    for (let round = 1; round <= options.rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        const task = { ...taskOf(row, options), inFlight, seed: options.seed + round };
        const name = `${contender.name.replaceAll(/\W+/g, '-')}.${row.name}.${inFlight}.${round}`;
        const profiling =
          options.profileFolder === undefined ? {} : { profiling: { folder: options.profileFolder, name } };
        const measurement = await measure(children, { contender, task, ...profiling });
        ofInFlight[index]?.rounds.push(measurement);
        const rate = `${short(measurement.operationsPerSecond)}/s`;
        say(`${row.name}, ${inFlight} in flight, round ${round} of ${options.rounds}: ${contender.name} ${rate}`);
      }
    }
    cells.push(...ofInFlight);
  }
  return cells;
}

function inFlightOf({ inFlight, quickInFlight }: Row, options: BenchOptions): readonly number[] {
  const own = options.isQuick ? quickInFlight : inFlight;
  return own.length === 1 ? own : (options.inFlight ?? own);
}

/** A server that somebody else runs is what it is: its replica does not keep it from answering without WAIT. */
function isMeant({ family, wait, system, only }: Contender, row: Row): boolean {
  if (!row.families.includes(family) || (only ?? row.work) !== row.work) return false;
  if (system.isPeer) return (wait !== 'none') === row.replicas > 0;
  return system.replicas === row.replicas && (family !== 'ostraca' || system.isOneSided === row.isOneSided);
}

function taskOf(
  { work, distribution, valueBytes }: Row,
  options: BenchOptions,
): Omit<Task, 'endpoint' | 'servers' | 'inFlight'> {
  const { keys, seed, warmUpSeconds, seconds, partitions } = options;
  return { work, distribution, valueBytes, keys, seed, warmUpSeconds, seconds, partitions };
}
