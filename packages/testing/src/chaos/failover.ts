/**
 * How long writes stand still when a container dies: three containers, each partition written to all the time, one
 * container killed, over and over. Without proxies: what is measured is the grid.
 */
import { connect } from '@ostraca/client';
import { must } from '@ostraca/core';
import { freePort, GRID, GridProcesses, pause } from './grid-processes.ts';
import { monotonicMs } from './monotonic.ts';
import { PROBES, Probes } from './probe.ts';
import { median, worst } from './statistics.ts';

export const LEVELS = ['aggressive', 'typical'] as const;
export type Level = (typeof LEVELS)[number];

export interface FailoverOptions {
  readonly program: string;
  readonly level: Level;
  readonly maxSyncReplicas: number;
  readonly rounds: number;
  readonly onStart: (processes: GridProcesses) => void;
  readonly onRound: (round: Round) => void;
}

export interface Round {
  readonly round: number;
  readonly victim: string;
  /** That the victim was primary of. */
  readonly partitions: number;
  /** From the kill until a write begun after it had succeeded in the first, and in the last, of these partitions. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Until the same held for every partition of the grid: those too whose replica the victim was. */
  readonly allMs: number;
}

export interface FailoverReport {
  readonly level: Level;
  readonly maxSyncReplicas: number;
  readonly rounds: readonly Round[];
  readonly medianMs: number;
  readonly worstMs: number;
  /** The median is to be below; undefined: no goal is set. */
  readonly goalMs: number | undefined;
}

const PARTITIONS = 13;
const NAMES = ['c1', 'c2', 'c3'];
const SETTLED_MS = 120_000;
const WRITABLE_MS = 60_000;
const GOALS_MS: Readonly<Record<Level, number>> = { aggressive: 1_000, typical: 4_000 };

export async function measureFailover(options: FailoverOptions): Promise<FailoverReport> {
  const { program, level, maxSyncReplicas } = options;
  const processes = new GridProcesses(program, {
    numberOfPartitions: PARTITIONS,
    minSyncReplicas: 1,
    maxSyncReplicas,
    numInitialContainers: NAMES.length,
    failureDetection: level,
    maps: [{ name: PROBES }],
  });
  options.onStart(processes);
  try {
    const rounds = await measure(processes, options);
    const lengthsMs = rounds.map(({ lastMs }) => lastMs);
    const goalMs = maxSyncReplicas === 2 ? GOALS_MS[level] : undefined;
    return { level, maxSyncReplicas, rounds, medianMs: median(lengthsMs), worstMs: worst(lengthsMs), goalMs };
  } finally {
    await processes.end();
    processes.removeFolder();
  }
}

async function measure(processes: GridProcesses, options: FailoverOptions): Promise<Round[]> {
  const copies = options.maxSyncReplicas + 1;
  await processes.startCatalog();
  const start = async (name: string): Promise<void> => {
    await processes.startContainer(name, { listenPort: await freePort(), catalogUrl: processes.catalogUrl });
  };
  await Promise.all(NAMES.map(start));
  await processes.settled(copies, SETTLED_MS);
  const grid = await connect({ catalogs: [processes.catalogUrl], grid: GRID });
  const probes = new Probes({ grid, partitions: PARTITIONS, paceMs: 5 });
  const rounds: Round[] = [];
  try {
    probes.start();
    for (let round = 1; round <= options.rounds; round++) {
      // The grid at rest, and not always at the same point of its heartbeats.
      await pause(1_000 + Math.random() * 1_000);
      const { victim, partitions } = await victimOf(processes);
      const container = must(processes.containers.get(victim), 'a running container');
      const killedMs = monotonicMs();
      const ended = processes.kill(container);
      const timesMs = await probes.writableSince(killedMs, partitions, WRITABLE_MS);
      const lengthsMs = timesMs.map((ms) => ms - killedMs);
      const everywhere = Array.from({ length: PARTITIONS }, (_, index) => index);
      const allMs = worst(await probes.writableSince(killedMs, everywhere, WRITABLE_MS)) - killedMs;
      const lastMs = worst(lengthsMs);
      const one = { round, victim, partitions: partitions.length, firstMs: Math.min(...lengthsMs), lastMs, allMs };
      rounds.push(one);
      options.onRound(one);
      await ended;
      await start(victim);
      await processes.settled(copies, SETTLED_MS);
    }
  } finally {
    // A probe of a grid that is gone would wait for its deadline.
    await Promise.all([grid.close(), probes.stop()]);
  }
  return rounds;
}

/** The one that is primary of most: whoever was restarted is primary of nothing. */
async function victimOf(processes: GridProcesses): Promise<{ victim: string; partitions: number[] }> {
  const { partitions } = await processes.status();
  const primaries = new Map<string, number[]>();
  for (const { index, config } of partitions) {
    const name = must(config, 'a placed partition').primary.container;
    primaries.set(name, [...(primaries.get(name) ?? []), index]);
  }
  const [most] = [...primaries].sort((a, b) => b[1].length - a[1].length);
  const [victim, owned] = must(most, 'a primary');
  return { victim, partitions: owned };
}
