/** `ostraca policy ...`: what a policy file says, before anything runs by it. */
import { PolicyError, readPolicy } from '@ostraca/server';
import type { Command } from 'commander';
import { CommandError, EXIT, notSupportedYet } from '../exit-code.ts';
import { jsonOption } from '../options.ts';
import { line, type Terminal } from '../terminal.ts';

export function addPolicyCommands(program: Command, terminal: Terminal): void {
  const policy = program.command('policy').description('check a policy file');
  policy
    .command('check')
    .description('print what is wrong with a policy file; exit 1 if anything is')
    .argument('<file>', 'YAML or JSON')
    .addOption(jsonOption())
    .action((file: string, options: { readonly json?: boolean }) => check(file, options.json === true, terminal));
  for (const name of ['apply', 'diff']) {
    policy
      .command(name)
      .description('not supported yet')
      .argument('<file>')
      .action(() => {
        throw notSupportedYet(`policy ${name}`);
      });
  }
}

function check(file: string, asJson: boolean, terminal: Terminal): void {
  try {
    const { grids } = readPolicy(file);
    const mapSets = grids.flatMap((grid) => grid.mapSets);
    const partitions = mapSets.reduce((sum, { numberOfPartitions }) => sum + numberOfPartitions, 0);
    const maps = mapSets.reduce((sum, mapSet) => sum + mapSet.maps.length, 0);
    if (asJson) line(terminal, JSON.stringify({ ok: true, errors: [] }));
    else
      line(
        terminal,
        `${file}: ok (grids ${grids.map(({ name }) => name).join(', ')}; ${maps} maps, ${partitions} partitions)`,
      );
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    if (asJson) {
      line(terminal, JSON.stringify({ ok: false, errors: error.lines }));
      throw new CommandError(EXIT.no);
    }
    throw new CommandError(EXIT.no, error.lines.join('\n'));
  }
}
