/** `npm run sim -- [options]`: many seeds, one seed, the mutants, or a decision list. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Mutation } from '@ostraca/core';
import { deathInModel } from '../model/subjects.ts';
import { deathInScript } from '../scenarios/mutant-scripts.ts';
import { describeFailure, repeatOptions, runCampaign, runWorker, Summary } from './campaign.ts';
import { COVERAGE_REASONS } from './coverage-reasons.ts';
import { describeCoverage, describeVerdict, isComplete, judgeCoverage } from './coverage-table.ts';
import { isFound, MUTANTS, type Mutant } from './mutants.ts';
import { FAULT_KINDS, type FaultKind } from './scenario.ts';
import { replayFile, shrinkSeed } from './shrink-cli.ts';
import { runSimulation } from './simulation.ts';

const USAGE = `npm run sim -- [options]
  --seeds N      so many seeds, from a fresh one on (50)
  --seed S       this seed alone; with --seeds, the first of them
  --mutant NAME  with a rule broken on purpose, until that is found: ${MUTANTS.map(({ name }) => name).join(', ')}
  --mutants      each of them in turn, by seeds, else by the model or its script; one that survives fails
  --with FAULTS  kinds of faults, by commas, on top of those that each seed chooses:
                 ${FAULT_KINDS.join(', ')}
  --coverage     print which machine met what in which role, why anybody was refused, what some run came to; an
                 empty cell without a written reason fails (with --seeds, some hundreds)
  --trace        print every event (with --seed or --replay)
  --shrink       make the failure of --seed small; with --mutant, of the first seed that finds it; with --mutants, of each
  --out FILE     write that decision list here (with --mutants: a directory; each NAME.json)
  --runs N       shrink with at most so many runs (300)
  --replay FILE  run this decision list, with its mutant or that of --mutant`;

const WORKERS = 2;
const ALONE_SEEDS_MAX = 20;
const SHRINK_RUNS_MAX = 300;

interface Arguments {
  readonly seeds: number | undefined;
  readonly seed: number | undefined;
  readonly mutants: readonly Mutant[];
  readonly extraFaults: readonly FaultKind[];
  readonly coverage: boolean;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly out: string | undefined;
  readonly runs: number | undefined;
  readonly replay: string | undefined;
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      mutant: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      with: { type: 'string', default: '' },
      coverage: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
      out: { type: 'string' },
      runs: { type: 'string' },
      replay: { type: 'string' },
    },
  });
  const mutants = values.mutants ? MUTANTS : MUTANTS.filter(({ name }) => name === values.mutant);
  if (values.mutant !== undefined && mutants.length === 0) throw new Error(`there is no mutant ${values.mutant}`);
  const seeds = wholeNumber('--seeds', values.seeds);
  const seed = wholeNumber('--seed', values.seed);
  const isOneSeed = seed !== undefined && seeds === undefined;
  if (values.shrink && !isOneSeed && mutants.length === 0) throw new Error('--shrink takes one seed, or mutants');
  return {
    ...{ seeds, seed, mutants, extraFaults: faultKinds(values.with ?? ''), trace: values.trace === true },
    ...{ shrink: values.shrink === true, out: values.out, replay: values.replay },
    coverage: values.coverage === true,
    runs: wholeNumber('--runs', values.runs),
  };
}

function faultKinds(text: string): FaultKind[] {
  const known = FAULT_KINDS;
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => {
      const kind = known.find((one) => one === name);
      if (kind === undefined) throw new Error(`there is no fault ${name}`);
      return kind;
    });
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new Error(`${option} takes a whole number, not ${text}`);
  return Number(text);
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  let parsed: Arguments;
  try {
    parsed = parse(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const { seeds, seed, mutants, extraFaults } = parsed;
  if (parsed.replay !== undefined)
    return replayFile({ path: parsed.replay, mutant: mutants[0], trace: parsed.trace, print });
  const isOneSeed = seed !== undefined && seeds === undefined && mutants.length <= 1;
  if (isOneSeed && parsed.shrink) return shrinkFound(parsed, { seed, mutant: mutants[0], faults: extraFaults });
  if (isOneSeed) return runOne(seed, parsed);
  const first = seed ?? Math.floor(Math.random() * 1_000_000_000);
  if (mutants.length > 0) return huntAll(parsed, first);
  return runMany(first, seeds ?? 50, parsed);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface Found {
  readonly seed: number;
  readonly mutant: Mutant | undefined;
  readonly faults: readonly FaultKind[];
}

function shrinkFound({ mutants, out, runs = SHRINK_RUNS_MAX }: Arguments, { seed, mutant, faults }: Found): number {
  const outPath = out === undefined || mutants.length <= 1 ? out : join(out, `${mutant?.name}.json`);
  return shrinkSeed({ seed, mutant, extraFaults: faults, runsMax: runs, outPath, print });
}

function runOne(seed: number, { mutants: [mutant], extraFaults, trace }: Arguments): number {
  const mutations = new Set<Mutation>(mutant === undefined ? [] : [mutant.name]);
  const report = runSimulation({ seed, mutations, extraFaults, tailLines: 200, ...(trace ? { print } : {}) });
  const summary = new Summary();
  summary.add(report);
  const options = repeatOptions(seed, mutant?.name ?? '', extraFaults);
  if (report.violations.length > 0) for (const line of describeFailure(report, options)) print(line);
  print(`seed ${seed}: ${report.scenario}`);
  for (const line of summary.lines()) print(line);
  print(`trace hash       ${report.traceHash}, ${report.eventCount} events`);
  return report.violations.length > 0 ? 1 : 0;
}

async function runMany(first: number, count: number, { extraFaults, coverage }: Arguments): Promise<number> {
  process.stdout.write(`seeds ${first} to ${first + count - 1}\n`);
  const summary = new Summary();
  const startMs = performance.now();
  const progress = newProgress(count);
  await runCampaign({
    seeds: seedsFrom(first, count),
    mutations: new Set(),
    extraFaults,
    coverage,
    workers: count > ALONE_SEEDS_MAX ? WORKERS : 0,
    workerFile: fileURLToPath(import.meta.url),
    onReport: (report) => {
      summary.add(report);
      progress(summary);
    },
    goOn: () => summary.failures.length < 5,
  });
  progress(undefined);
  for (const failure of summary.failures) {
    const options = repeatOptions(failure.seed, '', extraFaults);
    process.stdout.write(`${describeFailure(failure, options).join('\n')}\n`);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  process.stdout.write(`${summary.lines().join('\n')}\n`);
  process.stdout.write(
    `real time        ${seconds.toFixed(1)} s, ${(summary.seedCount / seconds).toFixed(1)} seeds/s\n`,
  );
  const isCovered = !coverage || tellCoverage(summary);
  return summary.failures.length > 0 || !isCovered ? 1 : 0;
}

/** @returns whether every empty cell has its reason. */
function tellCoverage({ coverage }: Summary): boolean {
  const verdict = judgeCoverage(coverage, COVERAGE_REASONS);
  const lines = ['', ...describeCoverage(coverage, COVERAGE_REASONS), '', ...describeVerdict(verdict)];
  process.stdout.write(`${lines.join('\n')}\n`);
  return isComplete(verdict);
}

/** A mutant that survives fails; one that is found is what we want. */
async function huntAll(parsed: Arguments, first: number): Promise<number> {
  const { mutants, seeds, extraFaults, shrink } = parsed;
  let survivors = 0;
  for (const mutant of mutants) {
    const count = seeds ?? mutant.seedsMax;
    const faults = [...new Set([...extraFaults, ...(mutant.faults ?? [])])];
    const summary = new Summary();
    const progress = newProgress(count);
    await runCampaign({
      seeds: seedsFrom(first, count),
      mutations: new Set([mutant.name]),
      extraFaults: faults,
      workers: WORKERS,
      workerFile: fileURLToPath(import.meta.url),
      onReport: (report) => {
        summary.add(report);
        progress(summary);
      },
      goOn: () => !summary.failures.some((report) => isFound(mutant, report)),
    });
    progress(undefined);
    const found = summary.failures.find((report) => isFound(mutant, report));
    if (found === undefined) {
      const deaths = deathsElsewhere(mutant);
      if (deaths.length === 0) survivors += 1;
      const what = deaths.length === 0 ? `SURVIVED ${count} seeds` : `survived ${count} seeds`;
      print(`mutant ${mutant.name} (${mutant.breaks}) ${what} from ${first} on`);
      for (const line of deaths) print(`  ${line}`);
      continue;
    }
    process.stdout.write(`mutant ${mutant.name} (${mutant.breaks}): found after ${summary.seedCount} seeds\n`);
    const [violation] = found.violations;
    process.stdout.write(`  ${violation?.rule}: ${violation?.what}\n`);
    process.stdout.write(`  repeat it: npm run sim -- ${repeatOptions(found.seed, mutant.name, faults)}\n`);
    if (shrink) survivors += shrinkFound(parsed, { seed: found.seed, mutant, faults });
  }
  return survivors > 0 ? 1 : 0;
}

/** In the model, and in its script. */
function deathsElsewhere({ name, model }: Mutant): string[] {
  const lines: string[] = [];
  const inModel = model === undefined ? undefined : deathInModel(model);
  const broken = inModel?.report.violation;
  if (inModel !== undefined && broken !== undefined) {
    const { states } = inModel.report;
    lines.push(`it dies in the model of ${inModel.model} after ${states} states: npm run model -- --mutant ${model}`);
    lines.push(broken.what);
  }
  const inScript = deathInScript(name);
  if (inScript === undefined) return lines;
  const { script, violation } = inScript;
  return [...lines, `it dies in the script "${script}"`, `${violation.rule}: ${violation.what}`];
}

function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** One line, on a terminal only; `undefined` ends it. */
function newProgress(count: number): (summary: Summary | undefined) => void {
  if (!process.stderr.isTTY) return () => {};
  return (summary) => {
    if (summary === undefined) process.stderr.write('\n');
    else process.stderr.write(`\r${summary.seedCount} of ${count} seeds, ${summary.failures.length} with violations `);
  };
}

if (process.argv.includes('--worker')) {
  runWorker();
} else {
  main(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
