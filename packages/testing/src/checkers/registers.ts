/** Registers: every key by the witness, and short histories by search as well. */
import type { History, Violation } from './history.ts';
import { formatOperation } from './history.ts';
import { searchLinearization } from './linearizability.ts';
import { erasOf } from './losses.ts';
import { checkWitness } from './witness.ts';

export interface RegisterReport {
  readonly violations: Violation[];
  readonly keyCount: number;
  readonly searchedCount: number;
  readonly undecidedCount: number;
}

const SEARCHED_OPERATIONS_MAX = 60;

/** `lossesOf`: when the key's partition went on with a loss. */
export function checkRegisters(
  history: History,
  lossesOf: (key: string) => readonly number[] = () => [],
): RegisterReport {
  const violations: Violation[] = [];
  let searchedCount = 0;
  let undecidedCount = 0;
  const byKey = history.byKey();
  for (const [key, operations] of byKey) {
    const lossesMs = lossesOf(key);
    if (lossesMs.length > 0) {
      // What an era begins with is not known, so a search would have nothing to start from.
      for (const era of erasOf(operations, lossesMs)) violations.push(...checkWitness(era));
      continue;
    }
    const refuted = checkWitness(operations);
    violations.push(...refuted);
    if (refuted.length > 0 || operations.length > SEARCHED_OPERATIONS_MAX) continue;
    searchedCount += 1;
    const verdict = searchLinearization(operations);
    if (verdict === 'undecided') undecidedCount += 1;
    if (verdict !== 'not linearizable') continue;
    const story = [...operations].sort((a, b) => a.invokedMs - b.invokedMs).map(formatOperation);
    violations.push({ rule: 'I-LIN', what: `no order explains the answers for ${key}:\n    ${story.join('\n    ')}` });
  }
  return { violations, keyCount: byKey.size, searchedCount, undecidedCount };
}
