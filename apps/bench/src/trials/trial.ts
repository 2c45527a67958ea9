/** A trial measures what is no row: memory, pauses, checkpoints. It starts what it needs, and ends it. */
import type { Distribution, Task } from '../driver/task.ts';
import type { Limits } from '../limits.ts';
import type { BenchOptions } from '../options.ts';
import type { RunContext } from '../run.ts';

export interface Figure extends Limits {
  readonly text: string;
  readonly measured: number;
  readonly unit: string;
}

/** A line of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface TrialResult {
  readonly figures: readonly Figure[];
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
  /** What a reader must know. */
  readonly note?: string;
  readonly series?: readonly Series[];
}

export interface Trial {
  readonly name: string;
  readonly title: string;
  /** Left out by `--quick`. */
  readonly isLong: boolean;
  readonly run: (context: RunContext) => Promise<TrialResult>;
}

export type PlainTask = Omit<Task, 'endpoint' | 'servers'>;

export function plainTask(options: BenchOptions, more: Partial<PlainTask> & Pick<PlainTask, 'work'>): PlainTask {
  const distribution: Distribution = 'uniform';
  const { keys, seed, warmUpSeconds, seconds } = options;
  return { inFlight: 1, keys, valueBytes: 100, distribution, seed, warmUpSeconds, seconds, ...more };
}

/** How many entries: as the command line says, or few for `--quick`. */
export function entriesOf({ entries, isQuick }: BenchOptions, full: number, quick: number): number {
  return entries ?? (isQuick ? quick : full);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
