/** What came out: a cell is one contender in one row with so many in flight, over all rounds. */
import type { LatencyMicros, Measurement, Wait } from './driver/task.ts';
import type { Family } from './rows.ts';
import { median, spread } from './statistics.ts';

export interface Cell {
  readonly row: string;
  readonly inFlight: number;
  readonly contender: string;
  readonly family: Family;
  readonly wait: Wait;
  readonly system: string;
  readonly rounds: Measurement[];
}

/** Medians over the rounds. */
export interface Summary {
  readonly operationsPerSecond: number;
  readonly spread: number;
  readonly latency: LatencyMicros;
  readonly cpuMicros: Readonly<Record<string, number>>;
  readonly residentBytes: Readonly<Record<string, number>>;
}

export function summaryOf({ rounds }: Cell): Summary {
  const over = (read: (round: Measurement) => number): number => median(rounds.map(read));
  const parts = Object.keys(rounds[0]?.usage ?? {});
  const byPart = (read: (round: Measurement, part: string) => number): Record<string, number> =>
    Object.fromEntries(parts.map((part) => [part, over((round) => read(round, part))]));
  return {
    operationsPerSecond: over((round) => round.operationsPerSecond),
    spread: spread(rounds.map((round) => round.operationsPerSecond)),
    latency: {
      p50: over(({ latency }) => latency.p50),
      p99: over(({ latency }) => latency.p99),
      p999: over(({ latency }) => latency.p999),
      max: over(({ latency }) => latency.max),
    },
    cpuMicros: byPart((round, part) => round.usage[part]?.cpuMicrosPerOperation ?? Number.NaN),
    residentBytes: byPart((round, part) => round.usage[part]?.residentBytes ?? Number.NaN),
  };
}

/** Those beside which a cell stands: the same row and number in flight. */
export function besides(cells: readonly Cell[], { row, inFlight }: Pick<Cell, 'row' | 'inFlight'>): Cell[] {
  return cells.filter((cell) => cell.row === row && cell.inFlight === inFlight);
}

/** The fastest RESP client of those that acknowledge writes that way. */
export function bestResp(cells: readonly Cell[], wait: Wait): Cell | undefined {
  const speed = (cell: Cell): number => summaryOf(cell).operationsPerSecond;
  const candidates = cells.filter((cell) => cell.family === 'resp' && cell.wait === wait);
  return candidates.sort((a, b) => speed(b) - speed(a))[0];
}
