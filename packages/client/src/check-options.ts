/** Options as the application gave them: an unknown one is refused, never ignored. */
import { GridError, LIMITS } from '@ostraca/core';

export interface KnownOptions {
  readonly known: readonly string[];
  /** Known by name, not built yet. */
  readonly later?: readonly string[];
}

/** @throws {@link GridError} `invalid_argument`, naming the option. */
export function checkOptions(options: object | undefined, { known, later = [] }: KnownOptions): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) throw invalid('options', 'must be an object');
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name) || value === undefined) continue;
    if (later.includes(name)) throw notSupportedYet(name);
    throw invalid(name, `is no option here; known: ${known.join(', ')}`);
  }
}

/** A whole number of milliseconds or bytes, at least 1. */
export function checkCount(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw invalid(name, `must be a whole number from 1 to ${max}`);
}

export function checkTimeout(name: string, value: number): number {
  return checkCount(name, value, LIMITS.operationTimeoutMsMax);
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalid('signal', 'must be an AbortSignal');
}

/** @throws {@link GridError} `invalid_argument`, naming the argument. */
export function checkIterable<T>(name: string, value: Iterable<T>): Iterable<T> {
  if (typeof (value as Partial<Iterable<T>> | null | undefined)?.[Symbol.iterator] === 'function') return value;
  throw invalid(name, 'must be iterable');
}

export function notSupportedYet(what: string): GridError {
  return invalid(what, 'not supported yet');
}

export function invalid(argument: string, reason: string): GridError {
  return new GridError('invalid_argument', { details: { argument, reason } });
}
