/**
 * A history as NDJSON, a line for each operation: {process, key, op, type, value?, version?, expected?,
 * expectedValue?, seen?, code?, t0, t1}. `type` is `ok`, `fail` (it had no effect; `seen` says what it found instead,
 * `code` why) or `unknown`; times are milliseconds of the machine's monotonic clock, and `t1` is null as long as the
 * effect may still come.
 */
import type { Action, Observation, Operation, Result, Version } from '../checkers/history.ts';
import { LineFile, readLines } from './line-file.ts';

interface Line {
  readonly process: string;
  readonly key: string;
  readonly op: Action['kind'];
  readonly type: 'ok' | 'fail' | 'unknown';
  readonly value?: string;
  readonly version?: Version;
  readonly expected?: Version;
  readonly expectedValue?: string;
  readonly seen?: Observation['kind'];
  readonly code?: string;
  readonly t0: number;
  readonly t1: number | null;
}

export class HistoryFile {
  readonly #file: LineFile;

  constructor(path: string) {
    this.#file = new LineFile(path);
  }

  get count(): number {
    return this.#file.count;
  }

  add(operation: Operation): void {
    this.#file.add(lineOf(operation));
  }

  close(): void {
    this.#file.close();
  }
}

export async function readHistory(path: string, add: (operation: Operation) => void): Promise<void> {
  await readLines(path, (line) => add(operationOf(line as Line)));
}

export function lineOf({ process, key, action, result, invokedMs, returnedMs }: Operation): Line {
  const written =
    action.kind === 'swap'
      ? { value: action.value, expected: action.expected, expectedValue: action.expectedValue }
      : 'value' in action
        ? { value: action.value }
        : {};
  const t1 = returnedMs === Number.POSITIVE_INFINITY ? null : returnedMs;
  return { process, key, op: action.kind, ...outcomeOf(action, result), ...written, t0: invokedMs, t1 };
}

function outcomeOf(action: Action, result: Result): Pick<Line, 'type' | 'value' | 'version' | 'seen' | 'code'> {
  switch (result.kind) {
    case 'applied':
      return { type: 'ok', version: result.version };
    case 'observed': {
      const { seen } = result;
      if (seen.kind === 'entry') return { type: 'ok', seen: 'entry', value: seen.value, version: seen.version };
      return { type: action.kind === 'get' ? 'ok' : 'fail', seen: seen.kind };
    }
    case 'not_applied':
      return { type: 'fail', code: result.code };
    case 'unknown':
      return { type: 'unknown', code: result.code };
  }
}

export function operationOf(line: Line): Operation {
  const { process, key, t0, t1 } = line;
  const returnedMs = t1 ?? Number.POSITIVE_INFINITY;
  return { process, key, action: actionOf(line), result: resultOf(line), invokedMs: t0, returnedMs };
}

function actionOf({ op, value = '', expected = { epoch: 0, lsn: 0 }, expectedValue = '' }: Line): Action {
  switch (op) {
    case 'get':
    case 'delete':
    case 'clear':
      return { kind: op };
    case 'swap':
      return { kind: op, value, expected, expectedValue };
    default:
      return { kind: op, value };
  }
}

function resultOf({ type, seen, value = '', version, code = '' }: Line): Result {
  if (seen === 'entry' && version !== undefined) return { kind: 'observed', seen: { kind: 'entry', value, version } };
  if (seen !== undefined && seen !== 'entry') return { kind: 'observed', seen: { kind: seen } };
  if (type === 'ok' && version !== undefined) return { kind: 'applied', version };
  return type === 'fail' ? { kind: 'not_applied', code } : { kind: 'unknown', code };
}
