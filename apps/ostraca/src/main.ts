import { run } from './program.ts';
import { processTerminal } from './terminal.ts';

// `ostraca dump ... | head`: nobody reads on, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const exitCode = await run(process.argv.slice(2), processTerminal);
// Whatever is still open (a keep-alive of fetch, a timer that nobody waits for) must not hold the process up.
process.stdout.write('', () => process.exit(exitCode));
