/** The command line: parse, call, print. Each command is a file of commands/. */
import { Command } from 'commander';
import { addCatalogCommand } from './commands/catalog.ts';
import { addContainerCommand } from './commands/container.ts';
import { addDevCommand } from './commands/dev.ts';
import { addLoadCommands } from './commands/load.ts';
import { addMapCommands } from './commands/map.ts';
import { addPlacementCommands } from './commands/placement.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addShowCommands } from './commands/show.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { failureOf } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

const EPILOGUE = `
Answers go to stdout, logs to stderr. OSTRACA_CATALOG stands for --catalog.
Exit code: 0 done; 1 the answer is no; 2 wrong usage or configuration; 3 not reachable in time;
4 any other refusal of the grid.`;

/** Runs one command line, without the program's name. Resolves to its exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await newProgram(terminal).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    const { exitCode, lines } = failureOf(error);
    for (const text of lines) terminal.err(`ostraca: ${text}\n`);
    return exitCode;
  }
}

function newProgram(terminal: Terminal): Command {
  const program = new Command('ostraca')
    .description('a partitioned in-memory data grid')
    .version('0.1.0')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'ostraca: ')),
    })
    .showSuggestionAfterError();
  addDevCommand(program, terminal);
  addCatalogCommand(program, terminal);
  addContainerCommand(program, terminal);
  addMapCommands(program, terminal);
  addLoadCommands(program, terminal);
  addShowCommands(program, terminal);
  addPlacementCommands(program, terminal);
  addPolicyCommands(program, terminal);
  addVerifyCommand(program, terminal);
  return program;
}
