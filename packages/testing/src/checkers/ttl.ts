/**
 * Time to live (I-TTL): who has seen a key expired never sees that value again, and no value goes before its time. A
 * history does not tell when an entry expired, so each write is held against the earliest end that it can have.
 */
import { must } from '@ostraca/core';
import {
  compareVersions,
  formatOperation,
  type Operation,
  type Version,
  type Violation,
  writtenValue,
} from './history.ts';
import { searchLinearization } from './linearizability.ts';
import { checkWitness, witnessOf } from './witness.ts';

export interface TtlTerms {
  /** Of a value, as it was written; undefined: for ever. */
  readonly ttlMsOf: (value: string) => number | undefined;
  /** When primaries of the key's partition were promoted, ascending: each begins ahead by a ceiling at most. */
  readonly promotionsMs: readonly number[];
}

/** A ceiling is one second ahead of the clock. */
const AHEAD_MS = 1_100;
/** Two clocks that run one part in a hundred fast, one of them drawn on by as much. */
const FAST = 0.97;
const SEARCHED_OPERATIONS_MAX = 40;

/** All operations of one key. */
export function checkTtl(operations: readonly Operation[], terms: TtlTerms): Violation[] {
  const ends = earliestEnds(operations, terms);
  const violations = [
    ...checkWitness(operations, (absence, present) => mayHaveExpired(operations, ends, { absence, present })),
    ...checkReturns(operations),
  ];
  if (violations.length > 0 || operations.length > SEARCHED_OPERATIONS_MAX) return violations;
  const expiries = [...ends].map(([value, endMs]): Operation => {
    const result = { kind: 'unknown', code: 'expiry' } as const;
    const times = { invokedMs: endMs, returnedMs: Number.POSITIVE_INFINITY };
    return { process: 'clock', key: operations[0]?.key ?? '', action: { kind: 'expire', value }, result, ...times };
  });
  if (searchLinearization([...operations, ...expiries]) !== 'not linearizable') return [];
  const story = [...operations].sort((a, b) => a.invokedMs - b.invokedMs).map(formatOperation);
  return [{ rule: 'I-TTL', what: `no order explains the answers:\n    ${story.join('\n    ')}` }];
}

/** The earliest time at which a value may be gone, by value. */
function earliestEnds(operations: readonly Operation[], { ttlMsOf, promotionsMs }: TtlTerms): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { action, invokedMs } of operations) {
    const value = writtenValue(action);
    const ttlMs = value === undefined ? undefined : ttlMsOf(value);
    if (value === undefined || ttlMs === undefined) continue;
    let endMs = invokedMs + ttlMs * FAST;
    for (const atMs of promotionsMs) if (atMs >= invokedMs && atMs <= endMs) endMs -= AHEAD_MS;
    ends.set(value, Math.max(endMs, invokedMs));
  }
  return ends;
}

/** The value that was there, or one that may have taken its place since, can have come to its end. */
function mayHaveExpired(
  operations: readonly Operation[],
  ends: ReadonlyMap<string, number>,
  { absence, present }: { readonly absence: Operation; readonly present: Operation },
): boolean {
  const presentVersion = must(witnessOf(present), 'a version');
  const presentValue =
    present.result.kind === 'observed' && present.result.seen.kind === 'entry'
      ? present.result.seen.value
      : writtenValue(present.action);
  return operations.some((write) => {
    const value = writtenValue(write.action);
    if (value === undefined || write.invokedMs > absence.returnedMs) return false;
    if ((ends.get(value) ?? Number.POSITIVE_INFINITY) > absence.returnedMs) return false;
    if (value === presentValue) return true;
    const version = witnessOf(write);
    if (write.result.kind === 'unknown') return true;
    return version !== undefined && compareVersions(version, presentVersion) > 0;
  });
}

/** What was there before an absence does not come back after it. */
function checkReturns(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const absences = operations.filter(({ result }) => result.kind === 'observed' && result.seen.kind === 'absent');
  for (const absence of absences) {
    let newest: Version | undefined;
    for (const operation of operations) {
      const version = witnessOf(operation);
      if (version === undefined || operation.returnedMs >= absence.invokedMs) continue;
      if (newest === undefined || compareVersions(version, newest) > 0) newest = version;
    }
    if (newest === undefined) continue;
    for (const operation of operations) {
      if (operation.result.kind !== 'observed' || operation.result.seen.kind !== 'entry') continue;
      if (operation.invokedMs <= absence.returnedMs) continue;
      if (compareVersions(operation.result.seen.version, newest) > 0) continue;
      violations.push({ rule: 'I-TTL', what: `${formatOperation(operation)} after ${formatOperation(absence)}` });
    }
  }
  return violations;
}
