/** `npm run chaos -- --minutes M [--transactions] [--seed S] [--json] [--report]` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosReport, runChaos } from './chaos.ts';
import { endOnSignals } from './ending.ts';
import { findProgram } from './grid-processes.ts';
import { jsonOf, linesOf, markdownOf } from './report.ts';
import { scenarioOf } from './scenario.ts';
import { transactionsMarkdownOf } from './transactions/transaction-report.ts';

const USAGE = `npm run chaos -- [options]
  --minutes M     faults for so long (1)
  --transactions  clients do nothing but transactions (else: some, beside calls for single keys)
  --seed S        what is started and which faults come when (a fresh one)
  --json          one JSON object instead of lines
  --schedule      print what the seed has drawn, and run nothing
  --report        write docs/reports/chaos.md, or chaos-transactions.md
  --keep          keep histories, logs and schedule, as after a violation
  --program FILE  the program to start (that of this workspace)`;

interface Arguments {
  readonly minutes: number;
  readonly transactions: boolean;
  readonly seed: number;
  readonly json: boolean;
  readonly schedule: boolean;
  readonly report: boolean;
  readonly keep: boolean;
  readonly program: string;
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      transactions: { type: 'boolean', default: false },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      schedule: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      program: { type: 'string' },
    },
  });
  const { minutes = '', seed } = values;
  if (!/^\d{1,4}(\.\d+)?$/.test(minutes) || Number(minutes) === 0) {
    throw new Error(`--minutes takes a number, not ${minutes}`);
  }
  if (seed !== undefined && !/^\d{1,9}$/.test(seed)) throw new Error(`--seed takes a whole number, not ${seed}`);
  return {
    minutes: Number(minutes),
    transactions: values.transactions === true,
    seed: seed === undefined ? Math.floor(Math.random() * 1_000_000_000) : Number(seed),
    json: values.json === true,
    schedule: values.schedule === true,
    report: values.report === true,
    keep: values.keep === true,
    program: values.program ?? findProgram(),
  };
}

async function main(args: readonly string[]): Promise<number> {
  let parsed: Arguments;
  try {
    parsed = parse(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const { minutes, seed, json, schedule, program } = parsed;
  const chaosMs = Math.round(minutes * 60_000);
  if (schedule) {
    process.stdout.write(`${JSON.stringify(scenarioOf(seed, chaosMs), undefined, 1)}\n`);
    return 0;
  }
  const events: string[] = [];
  const progress = newProgress();
  const ending = endOnSignals();
  const [load = 0] = loadavg();
  const report = await runChaos({
    seed,
    workload: parsed.transactions ? 'transactions' : 'mixed',
    isKept: parsed.keep,
    chaosMs,
    program,
    onEvent: (line) => {
      events.push(line);
      progress('');
      if (!json) process.stdout.write(`${line}\n`);
    },
    onProgress: progress,
    onEnding: (end) => ending.add(end),
  });
  progress('');
  const command = `npm run chaos --${parsed.transactions ? ' --transactions' : ''} --minutes ${minutes} --seed ${seed}`;
  if (parsed.keep || report.violations.length > 0) keep(report, { chaosMs, events });
  if (json) process.stdout.write(`${JSON.stringify(jsonOf(report))}\n`);
  else tell(report, command, parsed.keep);
  if (parsed.report) {
    const text = parsed.transactions ? transactionsMarkdownOf : markdownOf;
    const name = parsed.transactions ? 'chaos-transactions.md' : 'chaos.md';
    writeReport(program, name, text(report, { command, load }));
  }
  return report.violations.length > 0 ? 1 : 0;
}

function tell(report: ChaosReport, command: string, isKept: boolean): void {
  const lines = linesOf(report);
  for (const { rule, what } of report.violations.slice(0, 20)) lines.push(`  ${rule}: ${what}`);
  if (isKept || report.violations.length > 0) lines.push(`histories, schedule and logs: ${report.folder}`);
  lines.push(`repeat the pressure: ${command}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What is needed to find out what happened; the histories are there already. */
function keep(report: ChaosReport, { chaosMs, events }: { chaosMs: number; events: readonly string[] }): void {
  const write = (name: string, text: string): void => {
    writeFileSync(join(report.folder, name), `${text}\n`);
  };
  write('scenario.json', JSON.stringify(scenarioOf(report.seed, chaosMs), undefined, 1));
  write('account.json', JSON.stringify(jsonOf(report), undefined, 1));
  write('events.txt', events.join('\n'));
  write('violations.txt', report.violations.map(({ rule, what }) => `${rule}: ${what}`).join('\n'));
  for (const [key, story] of report.verdict.stories) {
    write(`key-${key.replaceAll(/[^\w.-]/g, '_')}.txt`, story.join('\n'));
  }
  for (const [name, story] of report.transactions.stories) write(`${name}.txt`, story.join('\n'));
}

function writeReport(program: string, name: string, text: string): void {
  const folder = join(dirname(program), '..', '..', '..', 'docs', 'reports');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** One line, on a terminal only; an empty text clears it. */
function newProgress(): (text: string) => void {
  if (process.stderr.isTTY !== true) return () => {};
  return (text) => {
    process.stderr.write(`\r\x1b[2K${text}`);
  };
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
