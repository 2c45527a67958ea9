/** `npm run model -- [options]` */
import { parseArgs } from 'node:util';
import { type Bounds, checkBounds, DEFAULT_BOUNDS, describeBounds } from './bounds.ts';
import type { SearchReport } from './breadth-first.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { type Model, modelOf } from './rules.ts';
import { search } from './search.ts';
import { tell } from './trace.ts';

const BOUND_NAMES = Object.keys(DEFAULT_BOUNDS) as (keyof Bounds)[];
const OPTION_OF: Record<keyof Bounds, string> = {
  replicas: 'replicas',
  minSync: 'min',
  transactions: 'transactions',
  retries: 'retries',
  crashes: 'crashes',
  changes: 'changes',
  promotions: 'promotions',
  refusals: 'refusals',
};

const USAGE = `npm run model -- [options]
  --mutant NAME  with one rule broken, until that is found: ${MUTANTS.map(({ name }) => name).join(', ')}
  --mutants      each of them in turn; one that survives fails
  --trace        with the state after each step
  --states-max N give up after so many states
  bounds: ${BOUND_NAMES.map((name) => `--${OPTION_OF[name]} ${DEFAULT_BOUNDS[name]}`).join(' ')}`;

interface Arguments {
  readonly bounds: Partial<Bounds>;
  readonly mutants: readonly Mutant[];
  readonly isTracing: boolean;
  readonly statesMax: number;
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(BOUND_NAMES.map((name) => [OPTION_OF[name], { type: 'string' as const }])),
      mutant: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      'states-max': { type: 'string' },
    },
  });
  const given = values as Record<string, string | boolean | undefined>;
  const bounds: Partial<Record<keyof Bounds, number>> = {};
  for (const name of BOUND_NAMES) {
    const text = given[OPTION_OF[name]];
    if (typeof text === 'string') bounds[name] = wholeNumber(OPTION_OF[name], text);
  }
  const mutants = values.mutants ? MUTANTS : MUTANTS.filter(({ name }) => name === values.mutant);
  if (values.mutant !== undefined && mutants.length === 0) throw new Error(`there is no mutant ${values.mutant}`);
  checkBounds({ ...DEFAULT_BOUNDS, ...bounds });
  const most = values['states-max'];
  return {
    bounds,
    mutants,
    isTracing: values.trace === true,
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
  if (parsed.mutants.length === 1) return huntOne(parsed, parsed.mutants[0] as Mutant);
  return parsed.mutants.length > 0 ? huntAll(parsed) : checkRules(parsed);
}

/** The rules as they are, through the whole space. */
function checkRules(parsed: Arguments): number {
  const bounds = { ...DEFAULT_BOUNDS, ...parsed.bounds };
  const model = modelOf(bounds);
  print(`model: ${describeBounds(bounds)}`);
  print(`       messages in flight: not bounded; ${model.layout.bytes} bytes a state`);
  const started = performance.now();
  const report = search(model, {
    statesMax: parsed.statesMax,
    onDepth: ({ depth, frontier, states, transitions }) =>
      print(
        `depth ${pad(depth, 3)}  frontier ${pad(frontier, 9)}  states ${pad(states, 10)}  ` +
          `transitions ${pad(transitions, 11)}  ${secondsSince(started)}`,
      ),
  });
  printTotals(report, started);
  if (report.violation !== undefined) {
    printTrace(model, report, parsed.isTracing);
    return 1;
  }
  print(report.isComplete ? 'the whole space was visited: no violation' : 'gave up before the whole space was visited');
  return report.isComplete ? 0 : 1;
}

function hunt(parsed: Arguments, mutant: Mutant): { readonly model: Model; readonly report: SearchReport } {
  const bounds = { ...DEFAULT_BOUNDS, ...mutant.bounds, ...parsed.bounds };
  const model = modelOf(bounds, mutant.name);
  return { model, report: search(model, { statesMax: parsed.statesMax }) };
}

function huntOne(parsed: Arguments, mutant: Mutant): number {
  const started = performance.now();
  const { model, report } = hunt(parsed, mutant);
  print(`mutant ${mutant.name} leaves out ${mutant.rule}`);
  print(`model: ${describeBounds(model.bounds)}`);
  printTotals(report, started);
  if (report.violation === undefined) {
    print('SURVIVED: no violation within these bounds');
    return 1;
  }
  printTrace(model, report, parsed.isTracing);
  return 0;
}

function huntAll(parsed: Arguments): number {
  print('| mutant | left out | bounds | states until found | steps | what broke | time |');
  print('| --- | --- | --- | ---: | ---: | --- | ---: |');
  let survivors = 0;
  for (const mutant of parsed.mutants) {
    const started = performance.now();
    const { report } = hunt(parsed, mutant);
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

function describeDifference({ bounds }: Mutant): string {
  const given = BOUND_NAMES.filter((name) => bounds[name] !== undefined);
  return given.length === 0 ? 'default' : given.map((name) => `${name} ${bounds[name]}`).join(', ');
}

function printTrace(model: Model, report: SearchReport, withStates: boolean): void {
  if (report.violation === undefined) return;
  print(`VIOLATION ${report.violation.what}`);
  for (const [index, { what, state }] of tell(model, report.violation.path).entries()) {
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
