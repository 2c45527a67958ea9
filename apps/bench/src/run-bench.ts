/** All that was asked for, row by row and trial by trial; each is printed as soon as it is known. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { goalsOf } from './goals.ts';
import { markdownTable } from './markdown.ts';
import type { BenchOptions } from './options.ts';
import { plotsOf } from './plots.ts';
import { profileReport } from './profiling/profile-report.ts';
import { type GoalLine, goalLines, goalTable, rowTable } from './report.ts';
import { type Cell, summaryOf } from './results.ts';
import { type RunContext, runRows } from './run.ts';
import type { Trial, TrialResult } from './trials/trial.ts';

/** Returns the exit code: 1 if a trial could not be done. */
export async function runBench(context: RunContext): Promise<number> {
  const { options, children, say } = context;
  const sections: string[] = [];
  const show = (section: string): void => {
    sections.push(section);
    process.stdout.write(`\n${section}\n`);
  };
  const cells = await runRows(context, (row, ofRow) => show(`## ${row.name}: ${row.title}\n\n${rowTable(row, ofRow)}`));
  await children.endAll();
  const results = new Map<string, TrialResult>();
  let failures = 0;
  for (const trial of options.trials) {
    try {
      const result = await trial.run(context);
      results.set(trial.name, result);
      show(trialSection(trial, result));
    } catch (error) {
      failures += 1;
      show(`## ${trial.name}: ${trial.title}\n\nNot done: ${error instanceof Error ? error.message : String(error)}\n`);
      await children.endAll();
    }
  }
  const goals = goalsOf(options.rows.map(({ name }) => name));
  const figures = [...results.values()].flatMap((result) => result.figures);
  // Whoever chose numbers in flight does not want to hear of the others.
  const isChosen = ({ verdict }: GoalLine): boolean => options.inFlight === undefined || verdict !== 'not measured';
  const lines = goalLines(goals, cells, figures).filter(isChosen);
  if (lines.length > 0) process.stdout.write(`\n## Goals\n\n${goalTable(lines)}\n`);
  if (options.profileFolder !== undefined) process.stdout.write(profileReport(options.profileFolder));
  if (options.outFolder !== undefined) {
    const plots = plotsOf(cells, results);
    const file = write(options, { folder: options.outFolder, lines, cells, results, sections, plots });
    say(`written: ${file}.md, .json and ${plots.length} plots`);
  }
  return failures === 0 ? 0 : 1;
}

function trialSection({ name, title }: Trial, { head, lines, note }: TrialResult): string {
  return `## ${name}: ${title}\n\n${markdownTable(head, lines)}\n${note === undefined ? '' : `\n${note}\n`}`;
}

interface Written {
  readonly folder: string;
  readonly lines: readonly GoalLine[];
  readonly cells: readonly Cell[];
  readonly results: ReadonlyMap<string, TrialResult>;
  readonly sections: readonly string[];
  readonly plots: readonly { readonly name: string; readonly title: string; readonly svg: string }[];
}

/** Returns the files' path without an end. */
function write(options: BenchOptions, { folder, lines, cells, results, sections, plots }: Written): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, options.reportName);
  const images = plots.map(({ name, title, svg }) => {
    writeFileSync(`${file}-${name}.svg`, svg);
    return `![${title}](${options.reportName}-${name}.svg)\n`;
  });
  const goals = lines.length === 0 ? [] : [`## Goals\n\n${goalTable(lines)}`];
  writeFileSync(`${file}.md`, [heading(options), ...goals, ...images, ...sections].join('\n'));
  const { rows, trials, outFolder: _, ...settings } = options;
  const names = { rows: rows.map(({ name }) => name), trials: trials.map(({ name }) => name) };
  const content = {
    node: process.versions.node,
    cpus: cpus().map(({ model }) => model),
    settings: { ...settings, ...names },
    goals: lines.map(({ text, inFlight, unit, atLeast, atMost, measured, verdict }) => {
      return { text, inFlight, unit, atLeast, atMost, measured, verdict };
    }),
    cells: cells.map((cell) => ({ ...cell, summary: summaryOf(cell) })),
    trials: Object.fromEntries(results),
  };
  writeFileSync(`${file}.json`, `${JSON.stringify(content, null, 1)}\n`);
  return file;
}

function heading({ rounds, seconds, keys, partitions }: BenchOptions): string {
  return `# Benchmark

${cpus().length} × ${cpus()[0]?.model.trim()}, Node.js ${process.versions.node}; ${keys} keys of 13 bytes, ${partitions} partitions; medians of
${rounds} rounds of ${seconds} s each, contenders in turn. Spread: from the slowest round to the fastest, as a share of the
median. CPU is user and system time; of several servers, the primary's first.
`;
}
