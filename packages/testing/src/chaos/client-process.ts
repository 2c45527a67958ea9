/** A client as a process of its own: works until it is told to stop, and writes down what it was answered. */
import { connect } from '@ostraca/client';
import { newRandom } from '@ostraca/core';
import { GRID } from './grid-processes.ts';
import { HistoryFile } from './history-file.ts';
import { Workload } from './workload.ts';

/** The only argument, as JSON. */
export interface ClientTask {
  readonly name: string;
  readonly catalogUrl: string;
  readonly historyFile: string;
  readonly seed: number;
  readonly partitions: number;
  readonly workersPerPartition: number;
  readonly thinkMs: number;
}

export type ClientReport =
  | { readonly type: 'working' }
  | { readonly type: 'progress' | 'done'; readonly operations: number };

const PROGRESS_MS = 500;
/** The first connect may fall into a fault. */
const CONNECT_MS = 60_000;

async function main(task: ClientTask): Promise<void> {
  const { name, catalogUrl, historyFile, seed, partitions, workersPerPartition, thinkMs } = task;
  const grid = await connect({ catalogs: [catalogUrl], grid: GRID, connectTimeoutMs: CONNECT_MS });
  const file = new HistoryFile(historyFile);
  const workload = new Workload({
    name,
    grid,
    random: newRandom(seed),
    partitions,
    workersPerPartition,
    thinkMs,
    remember: (operation) => file.add(operation),
  });
  const stopped = new Promise<void>((resolve) => {
    process.once('message', () => resolve());
    // Nobody is left to judge.
    process.once('disconnect', () => process.exit(1));
  });
  const tell = (report: ClientReport): void => {
    process.send?.(report);
  };
  // Ctrl-C reaches all processes of a terminal; whoever started this one ends it.
  process.on('SIGINT', () => {});
  workload.start();
  tell({ type: 'working' });
  const timer = setInterval(() => tell({ type: 'progress', operations: file.count }), PROGRESS_MS);
  await stopped;
  clearInterval(timer);
  await workload.stop();
  file.close();
  tell({ type: 'done', operations: file.count });
  await grid.close();
  process.disconnect();
}

main(JSON.parse(process.argv[2] ?? '{}') as ClientTask).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
