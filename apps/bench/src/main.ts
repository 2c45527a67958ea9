/** `npm run bench`: see --help. */
import { fileURLToPath } from 'node:url';
import { Children } from './children.ts';
import { parseOptions } from './options.ts';
import { runBench } from './run-bench.ts';

const REPORTS = fileURLToPath(new URL('../../../docs/reports', import.meta.url));

const options = parseOptions(process.argv.slice(2), REPORTS);
const children = new Children();
const startMs = performance.now();
process.once('exit', () => children.killAll());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.stderr.write(`\nbench: ${signal}; everything that it started is ended\n`);
    process.exit(130);
  });
}
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - startMs) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
};
runBench({ options, children, say }).then(
  (exitCode) => process.exit(exitCode),
  (error) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
