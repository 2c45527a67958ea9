/**
 * Counters, each raised by one with `ifVersion`. A counter's value is `n/<unique>`: its height and who raised it. An
 * acknowledged step is never lost or doubled: the successful steps from a version are at most one, they make a chain,
 * and the final height lies between the acknowledged steps and these with all unknown ones.
 */
import { formatOperation, formatVersion, type History, type Operation, type Violation } from './history.ts';

export const heightOf = (value: string): number => Number(value.slice(0, value.indexOf('/')));

const isCounter = (value: string): boolean => value.includes('/');

export interface CounterFinal {
  readonly key: string;
  /** Undefined: the key is absent. */
  readonly value: string | undefined;
}

export function checkCounters(history: History, finals: readonly CounterFinal[]): Violation[] {
  const violations: Violation[] = [];
  const byKey = history.byKey();
  for (const final of finals) violations.push(...checkCounter(byKey.get(final.key) ?? [], final));
  for (const operations of byKey.values()) violations.push(...checkSteps(operations));
  return violations;
}

/** A counter begins with an insert of height 0, and every step adds one. */
function checkCounter(operations: readonly Operation[], { key, value }: CounterFinal): Violation[] {
  let applied = 0;
  let unknown = 0;
  let inserted = false;
  for (const { action, result } of operations) {
    if (action.kind === 'insert' && result.kind === 'applied') inserted = true;
    if (action.kind !== 'swap') continue;
    if (result.kind === 'applied') applied += 1;
    if (result.kind === 'unknown') unknown += 1;
  }
  if (value === undefined) {
    return inserted || applied > 0 ? [{ rule: 'I-ACK', what: `counter ${key} is gone, ${applied} steps with it` }] : [];
  }
  const height = heightOf(value);
  if (height < applied) {
    return [{ rule: 'I-ACK', what: `counter ${key} is at ${height}, but ${applied} steps were acknowledged` }];
  }
  if (height > applied + unknown) {
    const what = `counter ${key} is at ${height}, but only ${applied} steps were acknowledged and ${unknown} are unknown`;
    return [{ rule: 'I-ONCE', what }];
  }
  return [];
}

function checkSteps(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const stepFrom = new Map<string, Operation>();
  for (const operation of operations) {
    const { action, result } = operation;
    if (action.kind !== 'swap' || result.kind !== 'applied') continue;
    const from = formatVersion(action.expected);
    const other = stepFrom.get(from);
    if (other !== undefined) {
      const what = `two steps from ${from}: ${formatOperation(other)} and ${formatOperation(operation)}`;
      violations.push({ rule: 'I-LIN', what });
    }
    stepFrom.set(from, operation);
    // A swap of a plain register has no height.
    if (isCounter(action.value) && heightOf(action.value) !== heightOf(action.expectedValue) + 1) {
      violations.push({ rule: 'I-LIN', what: `a step that is none: ${formatOperation(operation)}` });
    }
  }
  return violations;
}
