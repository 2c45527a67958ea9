/** `npm run bench`: see --help. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Children } from './children.ts';
import { GOALS, goalsOf, judge } from './goals.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { profileReport } from './profiling/profile-report.ts';
import { goalTable, rowTable } from './report.ts';
import { type Cell, summaryOf } from './results.ts';
import { runRows } from './run.ts';

const REPORTS = fileURLToPath(new URL('../../../docs/reports', import.meta.url));

const options = parseOptions(process.argv.slice(2), REPORTS);
const children = new Children();
process.once('exit', () => children.killAll());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.stderr.write(`\nbench: ${signal}; everything that it started is ended\n`);
    process.exit(130);
  });
}
main(options).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

async function main(benchOptions: BenchOptions): Promise<void> {
  const startMs = performance.now();
  const say = (line: string): void => {
    process.stderr.write(`${((performance.now() - startMs) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
  };
  const sections: string[] = [];
  const cells = await runRows({ options: benchOptions, children, say }, (row, ofRow) => {
    const section = `## ${row.name}: ${row.title}\n\n${rowTable(row, ofRow)}`;
    sections.push(section);
    process.stdout.write(`\n${section}\n`);
  });
  const goals = `## Goals\n\n${goalTable(goalsOf(benchOptions.rows.map(({ name }) => name)), cells)}`;
  process.stdout.write(`\n${goals}\n`);
  if (benchOptions.profileFolder !== undefined) process.stdout.write(profileReport(benchOptions.profileFolder));
  await children.endAll();
  if (benchOptions.outFolder === undefined) return;
  const text = [heading(benchOptions), goals, ...sections].join('\n');
  mkdirSync(benchOptions.outFolder, { recursive: true });
  const file = join(benchOptions.outFolder, benchOptions.reportName);
  writeFileSync(`${file}.md`, text);
  writeFileSync(`${file}.json`, `${JSON.stringify(asJson(benchOptions, cells), null, 1)}\n`);
  say(`written: ${file}.md and .json`);
}

function heading({ rounds, seconds, keys, partitions }: BenchOptions): string {
  return `# Benchmark

${cpus().length} × ${cpus()[0]?.model.trim()}, Node.js ${process.versions.node}; ${keys} keys of 13 bytes, ${partitions} partitions; medians of
${rounds} rounds of ${seconds} s each, contenders in turn. Spread: from the slowest round to the fastest, as a share of the
median. CPU is user and system time; of several servers, the primary's first.
`;
}

function asJson(benchOptions: BenchOptions, cells: readonly Cell[]): object {
  const goals = GOALS.map((goal) => {
    const { measured, verdict } = judge(goal, cells);
    const { text, row, inFlight, unit, atLeast, atMost } = goal;
    return { text, row, inFlight, unit, atLeast, atMost, measured, verdict };
  });
  const { rows, ...settings } = benchOptions;
  return {
    node: process.versions.node,
    cpus: cpus().map(({ model }) => model),
    settings: { ...settings, rows: rows.map(({ name }) => name), outFolder: undefined },
    goals,
    cells: cells.map((cell) => ({ ...cell, summary: summaryOf(cell) })),
  };
}
