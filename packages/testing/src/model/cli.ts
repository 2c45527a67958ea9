/** `npm run model -- [options]` */
import { parseArgs } from 'node:util';
import type { SearchReport } from './breadth-first.ts';
import { type Run, SUBJECTS, type Subject, type SubjectMutant } from './subjects.ts';

const USAGE = `npm run model -- [options]
  without options, both models: the rules as they are through the whole space, and each broken rule until that is found
  --model NAME   one of them: ${SUBJECTS.map(({ name, about }) => `${name} (${about})`).join(', ')}
  --mutants      the broken rules only; one that survives fails
  --mutant NAME  one of them: ${SUBJECTS.map(({ mutants }) => mutants.map(({ name }) => name).join(', ')).join(';\n                 ')}
  --trace        with the state after each step
  --states-max N give up after so many states
  bounds, which need --model; then the rules only, as they are
${SUBJECTS.map(({ name, defaults }) => `    ${name}: ${optionsOf(defaults)}`).join('\n')}`;

function optionsOf(defaults: Readonly<Record<string, number>>): string {
  return Object.entries(defaults)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ');
}

interface Arguments {
  readonly subjects: readonly Subject[];
  readonly bounds: Readonly<Record<string, number>>;
  /** Of `subjects`, the broken rules asked for; undefined: all. */
  readonly mutant: SubjectMutant | undefined;
  readonly wants: 'rules' | 'mutants' | 'mutant' | 'all';
  readonly isTracing: boolean;
  readonly statesMax: number;
}

function parse(args: readonly string[]): Arguments {
  const boundNames = new Set(SUBJECTS.flatMap(({ defaults }) => Object.keys(defaults)));
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries([...boundNames].map((name) => [name, { type: 'string' as const }])),
      model: { type: 'string' },
      mutant: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      'states-max': { type: 'string' },
    },
  });
  const given = values as Record<string, string | boolean | undefined>;
  const named = SUBJECTS.filter(({ name }) => values.model === undefined || name === values.model);
  if (named.length === 0) throw new Error(`there is no model ${values.model}`);
  const isOf = ({ mutants }: Subject): boolean => mutants.some(({ name }) => name === values.mutant);
  const subjects = values.mutant === undefined ? named : named.filter(isOf);
  const [subject] = subjects;
  if (subject === undefined) throw new Error(`there is no mutant ${values.mutant}`);
  const bounds: Record<string, number> = {};
  for (const name of boundNames) {
    const text = given[name];
    if (typeof text !== 'string') continue;
    if (subjects.length > 1) throw new Error(`--${name} needs --model`);
    if (!(name in subject.defaults)) throw new Error(`the model of ${subject.name} has no --${name}`);
    bounds[name] = wholeNumber(name, text);
  }
  if (subjects.length === 1) subject.check(bounds);
  const most = values['states-max'];
  const hasBounds = Object.keys(bounds).length > 0;
  return {
    ...{ subjects, bounds, isTracing: values.trace === true },
    mutant: subject.mutants.find(({ name }) => name === values.mutant),
    wants: values.mutant !== undefined ? 'mutant' : values.mutants ? 'mutants' : hasBounds ? 'rules' : 'all',
    statesMax: most === undefined ? Number.POSITIVE_INFINITY : wholeNumber('states-max', most),
  };
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${option} takes a whole number, not ${text}`);
  return Number(text);
}

function main(args: readonly string[]): number {
  let parsed: Arguments;
  try {
    parsed = parse(args);
  } catch (error) {
    print(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const { subjects, wants, mutant } = parsed;
  let failed = 0;
  for (const subject of subjects) {
    if (wants === 'rules' || wants === 'all') failed += checkRules(parsed, subject);
    if (wants === 'mutants' || wants === 'all') failed += huntAll(parsed, subject);
    if (mutant !== undefined) failed += huntOne(parsed, subject, mutant);
  }
  return failed > 0 ? 1 : 0;
}

/** The rules as they are, through the whole space. */
function checkRules({ bounds, statesMax, isTracing }: Arguments, subject: Subject): number {
  print(`model of ${subject.about}`);
  const started = performance.now();
  const run = subject.run(bounds, undefined, {
    statesMax,
    onDepth: ({ depth, frontier, states, transitions }) =>
      print(
        `depth ${pad(depth, 3)}  frontier ${pad(frontier, 9)}  states ${pad(states, 10)}  ` +
          `transitions ${pad(transitions, 11)}  ${secondsSince(started)}`,
      ),
  });
  print(`       ${run.bounds}`);
  print(`       messages in flight: not bounded; ${run.bytes} bytes a state`);
  printTotals(run.report, started);
  if (run.report.violation !== undefined) {
    printTrace(run, isTracing);
    return 1;
  }
  const { isComplete } = run.report;
  print(isComplete ? 'the whole space was visited: no violation' : 'gave up before the whole space was visited');
  return isComplete ? 0 : 1;
}

function hunt({ bounds, statesMax }: Arguments, subject: Subject, mutant: SubjectMutant): Run {
  return subject.run({ ...mutant.bounds, ...bounds }, mutant.name, { statesMax });
}

function huntOne(parsed: Arguments, subject: Subject, mutant: SubjectMutant): number {
  const started = performance.now();
  const run = hunt(parsed, subject, mutant);
  print(`mutant ${mutant.name} leaves out ${mutant.rule}`);
  print(`model: ${run.bounds}`);
  printTotals(run.report, started);
  if (run.report.violation === undefined) {
    print('SURVIVED: no violation within these bounds');
    return 1;
  }
  printTrace(run, parsed.isTracing);
  return 0;
}

function huntAll(parsed: Arguments, subject: Subject): number {
  print('| mutant | left out | bounds | states until found | steps | what broke | time |');
  print('| --- | --- | --- | ---: | ---: | --- | ---: |');
  let survivors = 0;
  for (const mutant of subject.mutants) {
    const started = performance.now();
    const { report } = hunt(parsed, subject, mutant);
    if (report.violation === undefined) survivors++;
    const steps = report.violation?.path.length ?? '';
    const what = report.violation?.what ?? 'SURVIVED';
    print(
      `| \`${mutant.name}\` | ${mutant.rule} | ${describeDifference(mutant)} | ${report.states.toLocaleString('en')} ` +
        `| ${steps} | ${what} | ${secondsSince(started)} |`,
    );
  }
  print(survivors === 0 ? 'every mutant died' : `${survivors} survived`);
  return survivors === 0 ? 0 : 1;
}

function describeDifference({ bounds }: SubjectMutant): string {
  const given = Object.entries(bounds);
  return given.length === 0 ? 'default' : given.map(([name, value]) => `${name} ${value}`).join(', ');
}

function printTrace({ report, trace }: Run, withStates: boolean): void {
  if (report.violation === undefined) return;
  print(`VIOLATION ${report.violation.what}`);
  for (const [index, { what, state }] of trace().entries()) {
    print(`${pad(index + 1, 3)}. ${what}`);
    if (withStates) for (const line of state) print(`        ${line}`);
  }
}

function printTotals(report: SearchReport, started: number): void {
  print(
    `states ${report.states.toLocaleString('en')}, transitions ${report.transitions.toLocaleString('en')}, ` +
      `depth ${report.depth}, largest frontier ${report.frontierMax.toLocaleString('en')}, ` +
      `${Math.ceil(report.memoryBytes / 2 ** 20)} MiB, ${secondsSince(started)}`,
  );
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = main(process.argv.slice(2));
