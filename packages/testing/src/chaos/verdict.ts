/** The histories of a run before the checkers of the simulator. */
import { type CounterFinal, checkCounters } from '../checkers/counters.ts';
import { formatOperation, History, type Operation, type Violation } from '../checkers/history.ts';
import { checkRegisters } from '../checkers/registers.ts';
import { COUNTERS, DELETED } from './caller.ts';

export interface Verdict {
  readonly violations: readonly Violation[];
  /** By the key that a violation names first. */
  readonly stories: ReadonlyMap<string, readonly string[]>;
  readonly operations: number;
  readonly applied: number;
  readonly refused: number;
  readonly unknown: number;
  readonly reads: number;
  readonly keys: number;
  /** Keys whose history was searched as well, versions hidden. */
  readonly searched: number;
  readonly undecided: number;
}

/** Keys judged at a time: the judge says how far it is in between. */
const BATCH_KEYS = 500;

/**
 * @param finals - Of each counter, read after everything was over.
 * @param onProgress - Part of the keys that are judged.
 */
export function judge(
  history: History,
  finals: readonly CounterFinal[],
  onProgress: (part: number) => void = () => {},
): Verdict {
  const violations: Violation[] = [];
  let searched = 0;
  let undecided = 0;
  let judged = 0;
  const byKey = history.byKey();
  let batch = new History();
  const judgeBatch = (): void => {
    const report = checkRegisters(batch);
    violations.push(...report.violations);
    searched += report.searchedCount;
    undecided += report.undecidedCount;
    batch = new History();
    onProgress(judged / byKey.size);
  };
  for (const operations of byKey.values()) {
    batch.operations.push(...operations);
    judged += 1;
    if (judged % BATCH_KEYS === 0) judgeBatch();
  }
  judgeBatch();
  violations.push(...checkCounters(history, finals));
  return {
    violations,
    stories: storiesOf(violations, byKey),
    ...countsOf(history),
    keys: byKey.size,
    searched,
    undecided,
  };
}

function countsOf({ operations }: History): Pick<Verdict, 'operations' | 'applied' | 'refused' | 'unknown' | 'reads'> {
  const counts = { operations: operations.length, applied: 0, refused: 0, unknown: 0, reads: 0 };
  for (const { action, result } of operations) {
    if (action.kind === 'get') counts.reads += 1;
    else if (result.kind === 'applied' || result === DELETED || isDeleted(result)) counts.applied += 1;
    else if (result.kind === 'unknown') counts.unknown += 1;
    else counts.refused += 1;
  }
  return counts;
}

function isDeleted(result: Operation['result']): boolean {
  return result.kind === 'unknown' && DELETED.kind === 'unknown' && result.code === DELETED.code;
}

function storiesOf(
  violations: readonly Violation[],
  byKey: ReadonlyMap<string, readonly Operation[]>,
): Map<string, string[]> {
  const stories = new Map<string, string[]>();
  for (const { what } of violations) {
    const key = /[a-z]+\/[\w.-]+/.exec(what)?.[0];
    const operations = key === undefined ? undefined : byKey.get(key);
    if (key === undefined || operations === undefined || stories.has(key)) continue;
    stories.set(key, [...operations].sort((a, b) => a.invokedMs - b.invokedMs).map(formatOperation));
  }
  return stories;
}

/** What the last reads of `reader` found of each counter. */
export function finalsOf(history: History, reader: string): CounterFinal[] {
  const finals: CounterFinal[] = [];
  for (const { process, key, action, result } of history.operations) {
    if (process !== reader || action.kind !== 'get' || result.kind !== 'observed') continue;
    if (!key.startsWith(`${COUNTERS}/`)) continue;
    finals.push({ key, value: result.seen.kind === 'entry' ? result.seen.value : undefined });
  }
  return finals;
}
