/** `ostraca placement ...`: what an operator changes by hand. */
import { errorCodeOf, GridError, type RebuildAnswer } from '@ostraca/core';
import type { Command } from 'commander';
import { CommandError, EXIT, notSupportedYet } from '../exit-code.ts';
import { type CatalogOptions, catalogsOf, jsonOption, withCatalog } from '../options.ts';
import { type CatalogAnswer, fetchCatalog } from '../status-of.ts';
import { line, printTable, type Terminal } from '../terminal.ts';
import { openTool } from '../tool.ts';

const LATER = ['trigger', 'suspend', 'resume', 'balance', 'move', 'swap', 'drain'] as const;

interface RebuildOptions extends CatalogOptions {
  readonly acceptLoss?: boolean;
  readonly json?: boolean;
}

export function addPlacementCommands(program: Command, terminal: Terminal): void {
  const placement = program.command('placement').description('change by hand who hosts what');
  withCatalog(
    placement
      .command('rebuild')
      .description('say that containers which are missing are gone for good: their partitions go on without them'),
  )
    .argument('<grid>')
    .option('--accept-loss', 'also partitions of which no full copy is there: from another copy, or empty')
    .addOption(jsonOption())
    .action((grid: string, options: RebuildOptions) => rebuild(grid, options, terminal));
  for (const name of LATER) {
    placement
      .command(name)
      .description('not supported yet')
      .allowUnknownOption()
      .argument('[arguments...]')
      .action(() => {
        throw notSupportedYet(`placement ${name}`);
      });
  }
}

async function rebuild(grid: string, options: RebuildOptions, terminal: Terminal): Promise<void> {
  const timeoutMs = options.timeout * 1_000;
  const tool = openTool();
  try {
    const { url, status } = await fetchCatalog(catalogsOf(options, terminal), timeoutMs);
    const connection = await tool.dial(url, timeoutMs);
    connection.send({ type: 'rebuild', grid, acceptLoss: options.acceptLoss === true });
    const answer = await connection.wait(
      (message) => (message.type === 'rebuildAnswer' ? message : undefined),
      timeoutMs,
    );
    if (answer.code !== 0) throw new GridError(errorCodeOf(answer.code), { details: { grid } });
    print(answer, { status, asJson: options.json === true, terminal });
    if (answer.waiting.length > 0) throw new CommandError(EXIT.no);
  } finally {
    await tool.close();
  }
}

interface Printing {
  readonly status: CatalogAnswer;
  readonly asJson: boolean;
  readonly terminal: Terminal;
}

function print({ rebuilt, waiting }: RebuildAnswer, { status, asJson, terminal }: Printing): void {
  // The status lists them by their ids.
  const nameOf = (partition: number): { readonly mapSet: string; readonly partition: number } => {
    const found = status.partitions[partition];
    return { mapSet: `${found?.grid}/${found?.mapSet}`, partition: found?.index ?? partition };
  };
  const rows = [
    ...rebuilt.map((partition) => ({ ...nameOf(partition), state: 'rebuilt', reason: '' })),
    ...waiting.map(({ partition, reason }) => ({ ...nameOf(partition), state: 'waiting', reason })),
  ];
  if (asJson) line(terminal, JSON.stringify(rows));
  else if (rows.length === 0) line(terminal, 'nothing waits');
  else {
    const head = ['map set', 'partition', 'state', 'reason'];
    const texts = rows.map(({ mapSet, partition, state, reason }) => [mapSet, String(partition), state, reason]);
    printTable(terminal, { head, rows: texts });
  }
}
