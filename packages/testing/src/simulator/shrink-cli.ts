/** `npm run sim -- --shrink` and `--replay`: makes decision lists of failing seeds, and runs them. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Mutation } from '@ostraca/core';
import { repeatOptions } from './campaign.ts';
import { type Decisions, formatKept, type KeptList, parseKept, scenarioOfDecisions } from './decisions.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import type { RunReport } from './run-report.ts';
import { describeScenario, type FaultKind } from './scenario.ts';
import { sequenceLine, withoutRepeats } from './sequence.ts';
import { describeSize, shrink, violatesRule } from './shrink.ts';
import { runSimulation } from './simulation.ts';

const SEQUENCE_EVENTS = 4_000;
const SEQUENCE_LINES = 60;

export interface ShrinkRequest {
  readonly seed: number;
  readonly mutant: Mutant | undefined;
  readonly extraFaults: readonly FaultKind[];
  /** Runs at most. */
  readonly runsMax: number;
  /** Where the list is written; undefined: nowhere. */
  readonly outPath: string | undefined;
  readonly print: (line: string) => void;
}

/** Shrinks what this seed finds. Exit code: 1 if it finds nothing, or if something fails without the mutant, too. */
export function shrinkSeed({ seed, mutant, extraFaults, runsMax, outPath, print }: ShrinkRequest): number {
  const mutations = new Set<Mutation>(mutant === undefined ? [] : [mutant.name]);
  const report = runSimulation({ seed, mutations, extraFaults });
  const [violation] = report.violations;
  if (violation === undefined) {
    print(`seed ${seed} breaks no rule: there is nothing to shrink`);
    return 1;
  }
  const { rule } = violation;
  print(`seed ${seed} breaks ${rule}: ${describeSize(report.decisions)}`);
  const run = (decisions: Decisions): RunReport => runSimulation({ seed: 0, decisions, mutations });
  const real: KeptList[] = [];
  const isHealthy = (decisions: Decisions): boolean => {
    const { violations } = runSimulation({ seed: 0, decisions });
    for (const { rule: broken, what } of violations) {
      print(`WITHOUT THE MUTANT, TOO: ${broken}: ${what}`);
      real.push({ why: what, rule: broken, decisions });
    }
    return violations.length === 0;
  };
  // What the code does without its mutant is a mistake in the code, and not what this list is for.
  const accepts = mutant === undefined ? () => true : isHealthy;
  if (!accepts(report.decisions)) {
    print(`look for that first: npm run sim -- ${repeatOptions(seed, '', extraFaults)} --shrink`);
    return 1;
  }
  const keptOf = (smaller: RunReport): KeptList => {
    const broken = mutant === undefined ? '' : `Without the rule that ${mutant.breaks}: `;
    const why = `${broken}${firstLine(smaller, rule)}`;
    return { why, rule, ...(mutant === undefined ? {} : { mutant: mutant.name }), decisions: smaller.decisions };
  };
  const onStep = (line: string, smaller: RunReport): void => {
    print(line);
    // Whoever loses patience has the smallest list so far.
    if (outPath !== undefined) writeFileSync(outPath, formatKept(keptOf(smaller)));
  };
  const { decisions } = shrink({ report, rule, runsMax, run, accepts, onStep });
  const last = runSimulation({
    ...{ seed: 0, decisions, mutations, tailLines: SEQUENCE_EVENTS, describe: sequenceLine },
  });
  printEnd(last, print);
  print(`found by: npm run sim -- ${repeatOptions(seed, mutant?.name ?? '', extraFaults)}`);
  write(keptOf(last), outPath, print);
  const [found] = real;
  if (found === undefined) return 0;
  write(found, outPath?.replace(/(\.json)?$/, '.without-mutant.json'), print);
  return 1;
}

function printEnd(report: RunReport, print: (line: string) => void): void {
  for (const line of withoutRepeats(report.tail).slice(-SEQUENCE_LINES)) print(`  ${line}`);
  for (const { rule, what } of report.violations) print(`${rule}: ${what}`);
}

function write(kept: KeptList, path: string | undefined, print: (line: string) => void): void {
  if (path === undefined) {
    print(formatKept(kept));
    return;
  }
  writeFileSync(path, formatKept(kept));
  print(`written to ${path}; run it: npm run sim -- --replay ${path}`);
}

function firstLine({ violations }: RunReport, rule: string): string {
  const what = violations.find((violation) => violation.rule === rule)?.what ?? '';
  return what.split('\n')[0] ?? '';
}

export interface ReplayRequest {
  readonly path: string;
  /** Instead of the one that the list names. */
  readonly mutant: Mutant | undefined;
  readonly trace: boolean;
  readonly print: (line: string) => void;
}

/** Exit code: 0 if the list shows what it is kept for, which without a mutant is nothing. */
export function replayFile({ path, mutant, trace, print }: ReplayRequest): number {
  const kept = readKept(path);
  const name = mutant?.name ?? kept.mutant;
  const mutations = new Set<Mutation>(name === undefined ? [] : [name]);
  const { decisions } = kept;
  const report = runSimulation({
    ...{ seed: 0, decisions, mutations, tailLines: SEQUENCE_EVENTS, describe: sequenceLine },
    ...(trace ? { print } : {}),
  });
  print(`${kept.rule}: ${kept.why}`);
  print(`${describeScenario(scenarioOfDecisions(decisions))}; ${describeSize(decisions)}`);
  printEnd(report, print);
  print(`${report.violations.length} violations${name === undefined ? '' : ` with the mutant ${name}`}`);
  print(`trace hash       ${report.traceHash}, ${report.eventCount} events`);
  const isAsExpected = name === undefined ? report.violations.length === 0 : violatesRule(report, kept.rule);
  return isAsExpected ? 0 : 1;
}

/** Throws if it is none that this code can run. */
export function readKept(path: string): KeptList {
  return parseKept(
    readFileSync(path, 'utf8'),
    MUTANTS.map(({ name }) => name),
  );
}
