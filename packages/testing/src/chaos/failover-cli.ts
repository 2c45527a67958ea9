/** `npm run failover -- [--level aggressive|typical] [--rounds N] [--max 1|2] [--json]` */
import { parseArgs } from 'node:util';
import { endOnSignals } from './ending.ts';
import { type FailoverReport, LEVELS, type Level, measureFailover, type Round } from './failover.ts';
import { findProgram, type GridProcesses } from './grid-processes.ts';

const USAGE = `npm run failover -- [options]
  --level L       aggressive or typical (both)
  --rounds N      so many kills each (10)
  --max M         maxSyncReplicas, 1 or 2 (2, then 1)
  --json          one JSON object instead of tables
  --program FILE  the program to start (that of this workspace)`;

interface Arguments {
  readonly levels: readonly Level[];
  readonly rounds: number;
  readonly maxima: readonly number[];
  readonly json: boolean;
  readonly program: string;
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      level: { type: 'string' },
      rounds: { type: 'string', default: '10' },
      max: { type: 'string' },
      json: { type: 'boolean', default: false },
      program: { type: 'string' },
    },
  });
  const levels = LEVELS.filter((level) => values.level === undefined || values.level === level);
  if (levels.length === 0) throw new Error(`--level is ${LEVELS.join(' or ')}, not ${values.level}`);
  const rounds = values.rounds ?? '';
  if (!/^[1-9]\d{0,3}$/.test(rounds)) throw new Error(`--rounds takes a whole number, not ${rounds}`);
  if (values.max !== undefined && !/^[12]$/.test(values.max)) throw new Error(`--max is 1 or 2, not ${values.max}`);
  const maxima = values.max === undefined ? [2, 1] : [Number(values.max)];
  return {
    levels,
    rounds: Number(rounds),
    maxima,
    json: values.json === true,
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
  const { levels, rounds, maxima, json, program } = parsed;
  const say = (line: string): void => {
    if (!json) process.stdout.write(`${line}\n`);
  };
  const ending = endOnSignals();
  const reports: FailoverReport[] = [];
  for (const level of levels) {
    for (const maxSyncReplicas of maxima) {
      say(`\nfailureDetection ${level}, 3 containers, minSyncReplicas 1, maxSyncReplicas ${maxSyncReplicas}`);
      say(rowOf(['round', 'killed', 'primaries', 'first', 'last', 'whole grid']));
      const report = await measureFailover({
        program,
        level,
        maxSyncReplicas,
        rounds,
        onStart: (processes) => ending.add((isAsked) => end(processes, isAsked)),
        onRound: (round) => say(rowOf(cellsOf(round))),
      });
      reports.push(report);
      say(describe(report));
    }
  }
  if (json) process.stdout.write(`${JSON.stringify({ reports, ok: reports.every(isMet) })}\n`);
  return reports.every(isMet) ? 0 : 1;
}

function end(processes: GridProcesses, isAsked: boolean): void {
  processes.killAll();
  if (isAsked) processes.removeFolder();
}

function isMet({ medianMs, goalMs }: FailoverReport): boolean {
  return goalMs === undefined || medianMs < goalMs;
}

function describe(report: FailoverReport): string {
  const { medianMs, worstMs, goalMs } = report;
  const goal = goalMs === undefined ? '' : `; median below ${goalMs} ms: ${isMet(report) ? 'yes' : 'NO'}`;
  return `from the kill until all partitions of the killed primary take writes: median ${medianMs.toFixed(0)} ms, worst ${worstMs.toFixed(0)} ms${goal}`;
}

function cellsOf({ round, victim, partitions, firstMs, lastMs, allMs }: Round): string[] {
  return [
    String(round),
    victim,
    String(partitions),
    `${firstMs.toFixed(0)} ms`,
    `${lastMs.toFixed(0)} ms`,
    `${allMs.toFixed(0)} ms`,
  ];
}

function rowOf(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(11)).join('');
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`failover: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
