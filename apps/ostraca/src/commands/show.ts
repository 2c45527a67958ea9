/** `ostraca show ...`: what the processes say of themselves, as tables. */
import { setTimeout as pause } from 'node:timers/promises';
import { GridError } from '@ostraca/core';
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, failureOf } from '../exit-code.ts';
import { type CatalogOptions, catalogsOf, jsonOption, withCatalog } from '../options.ts';
import { type ContainerAnswer, fetchCatalog, fetchContainer, fetchTransactions } from '../status-of.ts';
import { line, printTable, type Terminal } from '../terminal.ts';
import { type Row, type Statuses, tableOf, VIEWS, type View } from '../views.ts';

interface ShowOptions extends CatalogOptions {
  readonly json?: boolean;
  readonly watch?: boolean | number;
}

const CLEAR_SCREEN = '\u001b[2J\u001b[H';

export function addShowCommands(program: Command, terminal: Terminal): void {
  const show = program.command('show').description('print what is where');
  for (const [name, view] of Object.entries(VIEWS)) {
    withCatalog(show.command(name).description(view.title))
      .argument('[grid]', 'only this grid')
      .option('--watch [seconds]', 'print it again and again, until Ctrl-C', parseEvery)
      .addOption(jsonOption())
      .action((grid: string | undefined, options: ShowOptions) => print(view, { grid, options, terminal }));
  }
}

interface ShowParts {
  readonly grid: string | undefined;
  readonly options: ShowOptions;
  readonly terminal: Terminal;
}

async function print(view: View, parts: ShowParts): Promise<void> {
  const { options, terminal } = parts;
  if (options.watch === undefined || options.watch === false) {
    printRows(await readRows(view, parts), parts);
    return;
  }
  const everyMs = (typeof options.watch === 'number' ? options.watch : 1) * 1_000;
  for (let isFirst = true; ; isFirst = false) {
    try {
      const rows = await readRows(view, parts);
      if (terminal.outIsTerminal) terminal.out(CLEAR_SCREEN);
      printRows(rows, parts);
    } catch (error) {
      // Whoever watches wants to see the catalog come back, too.
      const { exitCode, lines } = failureOf(error);
      if (isFirst || exitCode !== EXIT.unreachable) throw error;
      for (const text of lines) terminal.err(`ostraca: ${text}\n`);
    }
    await pause(everyMs);
  }
}

async function readRows(view: View, { grid, options, terminal }: ShowParts): Promise<Row[]> {
  return view.rows(
    await readStatuses(catalogsOf(options, terminal), { grid, timeoutMs: options.timeout * 1_000, view }),
  );
}

interface ReadOptions {
  readonly grid: string | undefined;
  readonly timeoutMs: number;
  readonly view: View;
}

const NOTHING = { containers: [], transactions: [] };

export async function readStatuses(
  catalogs: readonly string[],
  { grid, timeoutMs, view }: ReadOptions,
): Promise<Statuses> {
  const { status } = await fetchCatalog(catalogs, timeoutMs);
  if (grid !== undefined && !status.partitions.some((partition) => partition.grid === grid)) {
    throw new GridError('undefined_grid', { details: { grid } });
  }
  const live = status.containers.filter(({ alive }) => alive);
  if (view.needs === 'transactions') {
    const answers = await Promise.all(live.map(({ address }) => fetchTransactions(address, timeoutMs)));
    return { ...NOTHING, catalog: status, transactions: answers.filter((answer) => answer !== undefined), grid };
  }
  if (view.needs === 'catalog') return { ...NOTHING, catalog: status, grid };
  const answers = await Promise.all(live.map(({ address }) => fetchContainer(address, timeoutMs)));
  return {
    ...NOTHING,
    catalog: status,
    containers: answers.filter((answer): answer is ContainerAnswer => answer !== undefined),
    grid,
  };
}

function printRows(rows: readonly Row[], { options, terminal }: ShowParts): void {
  if (options.json === true) line(terminal, JSON.stringify(rows));
  else if (rows.length === 0) line(terminal, 'none');
  else printTable(terminal, tableOf(rows));
}

function parseEvery(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0.1))
    throw new InvalidArgumentError(`expected seconds, at least 0.1, got "${text}".`);
  return seconds;
}
