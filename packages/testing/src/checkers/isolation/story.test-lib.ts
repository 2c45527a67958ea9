/**
 * Transactions as text, for tests. Operations are separated by blanks: `x+1` appends 1 to x, `x=1,2` reads x as [1, 2],
 * `x=` reads it as absent, `{x=1 y=}` reads the range of x and y.
 */
import type { ListOperation, ListTransaction } from './list-append.ts';

export interface StoryTerms {
  /** Default: a process of its own. */
  readonly process?: string;
  /** Beginning and end. Default [0, 100]: overlaps with every other. */
  readonly ms?: readonly [start: number, end: number];
  readonly outcome?: ListTransaction['outcome'];
}

let processCount = 0;

export function tx(text: string, terms: StoryTerms = {}): ListTransaction {
  const { process = `p${processCount++}`, outcome = 'committed' } = terms;
  const [startMs, endMs] = terms.ms ?? [0, 100];
  const parts = text.match(/\{[^}]*\}|\S+/g) ?? [];
  return {
    process,
    startMs,
    endMs: outcome === 'unknown' ? Number.POSITIVE_INFINITY : endMs,
    outcome,
    operations: parts.map(operationOf),
  };
}

function operationOf(part: string): ListOperation {
  if (part.startsWith('{')) {
    return { kind: 'readAll', entries: part.slice(1, -1).split(' ').map(readOf) };
  }
  if (part.includes('+')) {
    const [key = '', value] = part.split('+');
    return { kind: 'append', key, value: Number(value) };
  }
  const [key, list] = readOf(part);
  return { kind: 'read', key, list };
}

function readOf(part: string): readonly [string, readonly number[]] {
  const [key = '', values = ''] = part.split('=');
  return [key, values === '' ? [] : values.split(',').map(Number)];
}
