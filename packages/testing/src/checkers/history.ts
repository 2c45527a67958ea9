/**
 * What the clients saw. Every operation on one key is an entry of its own; times are virtual real time, which no
 * process sees. Values are unique over a whole history, so a value names the write that it came from.
 */
export interface Version {
  readonly epoch: number;
  readonly lsn: number;
}

export type Action =
  | { readonly kind: 'get' }
  | { readonly kind: 'set' | 'insert' | 'update'; readonly value: string }
  /** A set that asks for the very version of `expected`. */
  | { readonly kind: 'swap'; readonly value: string; readonly expected: Version; readonly expectedValue: string }
  | { readonly kind: 'delete' }
  /** Renews the time to live of what is there. */
  | { readonly kind: 'touch' }
  /** Nobody's call: this value came to its end. Only checkers add it. */
  | { readonly kind: 'expire'; readonly value: string }
  /** Of the whole map: does not tell whether the key was there. */
  | { readonly kind: 'clear' };

/** `absent` and `present` are what a negative answer says of the key; `other` that it has another version. */
export type Observation =
  | { readonly kind: 'entry'; readonly value: string; readonly version: Version }
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'other' };

export type Result =
  /** A write took effect under this version. */
  | { readonly kind: 'applied'; readonly version: Version }
  /** A read, or a write that was refused because of what it found. */
  | { readonly kind: 'observed'; readonly seen: Observation }
  /** It had no effect, and says nothing of the state. */
  | { readonly kind: 'not_applied'; readonly code: string }
  /** It may have had an effect, or may yet. */
  | { readonly kind: 'unknown'; readonly code: string };

export interface Operation {
  readonly process: string;
  readonly key: string;
  readonly action: Action;
  readonly result: Result;
  readonly invokedMs: number;
  /** Infinity when the result is unknown. */
  readonly returnedMs: number;
}

export interface Violation {
  /** Name of the promise that was broken. */
  readonly rule: string;
  readonly what: string;
}

export class History {
  readonly operations: Operation[] = [];

  add(operation: Operation): void {
    this.operations.push(operation);
  }

  byKey(): Map<string, Operation[]> {
    const byKey = new Map<string, Operation[]>();
    for (const operation of this.operations) {
      const ofKey = byKey.get(operation.key);
      if (ofKey === undefined) byKey.set(operation.key, [operation]);
      else ofKey.push(operation);
    }
    return byKey;
  }
}

export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.lsn - b.lsn;
}

export function formatVersion(version: Version): string {
  return `${version.epoch}.${version.lsn}`;
}

/** The value that a write writes; undefined for what writes none. */
export function writtenValue(action: Action): string | undefined {
  return 'value' in action && action.kind !== 'expire' ? action.value : undefined;
}

export function formatOperation(operation: Operation): string {
  const { action, result } = operation;
  const seconds = (ms: number): string => (ms === Number.POSITIVE_INFINITY ? '…' : (ms / 1_000).toFixed(4));
  const value = writtenValue(action);
  const expected = action.kind === 'swap' ? ` if ${formatVersion(action.expected)}` : '';
  const did = `${action.kind}(${operation.key}${value === undefined ? '' : `, ${value}`}${expected})`;
  return `[${seconds(operation.invokedMs)} … ${seconds(operation.returnedMs)}] ${operation.process} ${did} → ${formatResult(result)}`;
}

function formatResult(result: Result): string {
  switch (result.kind) {
    case 'applied':
      return `applied ${formatVersion(result.version)}`;
    case 'observed':
      return result.seen.kind === 'entry'
        ? `${result.seen.value} at ${formatVersion(result.seen.version)}`
        : result.seen.kind;
    default:
      return `${result.kind} (${result.code})`;
  }
}
