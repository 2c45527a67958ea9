/** A run's results as Markdown. */
import { type Goal, judge } from './goals.ts';
import { type Limits, type Verdict, verdictOf, wantedText } from './limits.ts';
import { markdownTable, percent, short } from './markdown.ts';
import { besides, bestResp, type Cell, summaryOf } from './results.ts';
import type { Row } from './rows.ts';
import type { Figure } from './trials/trial.ts';

const MEBIBYTE = 1024 * 1024;

export function rowTable(row: Row, cells: readonly Cell[]): string {
  const ofRow = cells.filter((cell) => cell.row === row.name).sort((a, b) => a.inFlight - b.inFlight);
  const waits = row.replicas === 0 ? (['none'] as const) : (['each', 'group'] as const);
  const head = ['in flight', 'client', 'server', 'ops/s', 'spread', '% of floor'];
  head.push(
    ...waits.map((wait) => (wait === 'none' ? '× best RESP' : wait === 'each' ? '× WAIT each' : '× WAIT group')),
  );
  head.push('p50 µs', 'p99 µs', 'p99.9 µs', 'client µs/op', 'server µs/op', 'server MiB');
  const lines = ofRow.map((cell) => {
    const neighbours = besides(ofRow, cell);
    const { operationsPerSecond, spread, latency, cpuMicros, residentBytes } = summaryOf(cell);
    const over = (other: Cell | undefined): number =>
      other === undefined ? Number.NaN : operationsPerSecond / summaryOf(other).operationsPerSecond;
    return [
      String(cell.inFlight),
      cell.contender,
      cell.system,
      short(operationsPerSecond),
      percent(spread),
      percent(over(neighbours.find(({ family }) => family === 'floor'))),
      ...waits.map((wait) => short(over(bestResp(neighbours, wait)))),
      short(latency.p50),
      short(latency.p99),
      short(latency.p999),
      short(cpuMicros.client ?? Number.NaN),
      ofServers(cpuMicros, short),
      ofServers(residentBytes, (bytes) => short(bytes / MEBIBYTE)),
    ];
  });
  return `${markdownTable(head, lines)}\n`;
}

/** A line of the table of goals. */
export interface GoalLine extends Limits {
  readonly text: string;
  readonly inFlight?: number;
  readonly unit: string;
  readonly measured: number | undefined;
  readonly verdict: Verdict;
}

export function goalLines(goals: readonly Goal[], cells: readonly Cell[], figures: readonly Figure[]): GoalLine[] {
  const ofRows = goals.map((goal): GoalLine => {
    const { measured, verdict } = judge(goal, cells);
    return { ...goal, measured, verdict };
  });
  return [...ofRows, ...figures.map((figure) => ({ ...figure, verdict: verdictOf(figure.measured, figure) }))];
}

export function goalTable(lines: readonly GoalLine[]): string {
  const rows = lines.map(({ text, inFlight, unit, measured, verdict, ...limits }) => {
    const figure = measured === undefined ? '-' : `${short(measured)} ${unit}`;
    return [text, inFlight === undefined ? '' : String(inFlight), wantedText(limits, unit), figure, verdict];
  });
  return `${markdownTable(['goal', 'in flight', 'wanted', 'measured', ''], rows)}\n`;
}

/** `1.20 + 0.80`: the primary, then the others. */
function ofServers(figures: Readonly<Record<string, number>>, format: (figure: number) => string): string {
  const servers = Object.entries(figures).filter(([part]) => part !== 'client');
  return servers.length === 0 ? '-' : servers.map(([, figure]) => format(figure)).join(' + ');
}
