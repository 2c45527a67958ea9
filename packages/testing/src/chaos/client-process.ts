/** A client as a process of its own: works until it is told to stop, and writes down what it was answered. */
import { connect } from '@ostraca/client';
import { newRandom } from '@ostraca/core';
import { GRID } from './grid-processes.ts';
import { HistoryFile } from './history-file.ts';
import { LineFile } from './line-file.ts';
import { TransactionWorkload } from './transactions/transaction-workload.ts';
import { Workload } from './workload.ts';

/** The only argument, as JSON. */
export interface ClientTask {
  readonly name: string;
  /** The place of this client among all of them. */
  readonly client: number;
  readonly catalogUrl: string;
  readonly historyFile: string;
  readonly transactionFile: string;
  readonly seed: number;
  readonly partitions: number;
  /** Who call for single keys. */
  readonly plain: Workers;
  readonly transactional: Workers;
}

export interface Workers {
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
  const { name, client, catalogUrl, historyFile, transactionFile, seed, partitions } = task;
  const grid = await connect({ catalogs: [catalogUrl], grid: GRID, connectTimeoutMs: CONNECT_MS });
  const file = new HistoryFile(historyFile);
  const records = new LineFile(transactionFile);
  const random = newRandom(seed);
  const common = { name, grid, partitions };
  const workload = new Workload({
    ...common,
    ...task.plain,
    random: random.fork(),
    remember: (operation) => file.add(operation),
  });
  const transactions = new TransactionWorkload({
    ...common,
    ...task.transactional,
    client,
    random: random.fork(),
    remember: (record) => records.add(record),
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
  transactions.start();
  const operations = (): number => file.count + records.count;
  tell({ type: 'working' });
  const timer = setInterval(() => tell({ type: 'progress', operations: operations() }), PROGRESS_MS);
  await stopped;
  clearInterval(timer);
  await Promise.all([workload.stop(), transactions.stop()]);
  file.close();
  records.close();
  tell({ type: 'done', operations: operations() });
  await grid.close();
  process.disconnect();
}

main(JSON.parse(process.argv[2] ?? '{}') as ClientTask).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
