/**
 * Is there an order of one key's operations that explains all answers and respects real time? The search of Wing and
 * Gong with the memo of Lowe ("Testing for linearizability", 2017): linearize any operation that began before every
 * pending one ended, remember (set of linearized operations, state), go back where it leads nowhere. Versions are
 * hidden from it, so it checks the witness's word as well.
 *
 * An operation of unknown outcome stays open for ever and may be left out. Exponential at worst: for short histories.
 */
import { must } from '@ostraca/core';
import type { Operation } from './history.ts';

export type Verdict = 'linearizable' | 'not linearizable' | 'undecided';

/** The value; undefined: absent. */
type State = string | undefined;

const STATES_MAX = 50_000;

export function searchLinearization(all: readonly Operation[], initial?: string): Verdict {
  const operations = all
    .filter(
      ({ action, result }) => result.kind !== 'not_applied' && !(action.kind === 'get' && result.kind === 'unknown'),
    )
    .sort((a, b) => a.invokedMs - b.invokedMs);
  const certain = operations.filter(({ result }) => result.kind !== 'unknown').length;
  const done = new Array<boolean>(operations.length).fill(false);
  const seen = new Set<string>();
  let budget = STATES_MAX;

  const search = (state: State, left: number): Verdict => {
    if (left === 0) return 'linearizable';
    const memo = `${done.map((isDone) => (isDone ? 1 : 0)).join('')}${state ?? ''}`;
    if (seen.has(memo)) return 'not linearizable';
    seen.add(memo);
    budget -= 1;
    if (budget < 0) return 'undecided';
    let firstEndMs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < operations.length; index++) {
      const operation = must(operations[index], 'operation');
      if (!done[index]) firstEndMs = Math.min(firstEndMs, operation.returnedMs);
    }
    for (let index = 0; index < operations.length; index++) {
      const operation = must(operations[index], 'operation');
      if (operation.invokedMs > firstEndMs) break;
      if (done[index]) continue;
      const next = apply(operation, state);
      if (next === 'impossible') continue;
      done[index] = true;
      const verdict = search(next.state, left - (operation.result.kind === 'unknown' ? 0 : 1));
      done[index] = false;
      if (verdict !== 'not linearizable') return verdict;
    }
    return 'not linearizable';
  };
  return search(initial, certain);
}

function apply({ action, result }: Operation, state: State): { state: State } | 'impossible' {
  if (result.kind === 'observed') {
    const { seen } = result;
    switch (seen.kind) {
      case 'entry':
        return state === seen.value ? { state } : 'impossible';
      case 'absent':
        return state === undefined ? { state } : 'impossible';
      case 'present':
        return state !== undefined ? { state } : 'impossible';
      case 'other':
        return action.kind === 'swap' && state === action.expectedValue ? 'impossible' : { state };
    }
  }
  switch (action.kind) {
    case 'get':
    case 'touch':
      return { state };
    case 'expire':
      return state === action.value ? { state: undefined } : 'impossible';
    case 'set':
      return { state: action.value };
    case 'insert':
      return state === undefined ? { state: action.value } : 'impossible';
    case 'update':
      return state !== undefined ? { state: action.value } : 'impossible';
    case 'swap':
      return state === action.expectedValue ? { state: action.value } : 'impossible';
    case 'clear':
      return { state: undefined };
    case 'delete':
      return state !== undefined ? { state: undefined } : 'impossible';
  }
}
