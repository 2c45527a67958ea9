/**
 * A bank: transfers move money between accounts, and reads see all of them at once. The sum never changes, whatever
 * fails; each account has in the end what committed transfers left it; and where transfers look before they take, no
 * account goes below zero. It finds less than lists do, but of any workload that only adds and takes.
 */
import type { Violation } from '../history.ts';

export interface BankTransfer {
  readonly from: string;
  readonly to: string;
  /** At least 0. */
  readonly amount: number;
  readonly outcome: 'committed' | 'rolledBack' | 'unknown';
}

export interface BankRead {
  /** For words only. */
  readonly process: string;
  readonly startMs: number;
  /** Every account. */
  readonly balances: readonly (readonly [account: string, balance: number])[];
}

export interface BankHistory {
  /** What each account began with. */
  readonly initial: ReadonlyMap<string, number>;
  readonly transfers: readonly BankTransfer[];
  /** Of transactions that have committed; those of others promise nothing. */
  readonly reads: readonly BankRead[];
  /** After all has ended; undefined: not read. */
  readonly final: BankRead | undefined;
  /** Transfers do not look before they take. Default false: a balance below zero is a violation. */
  readonly mayOverdraw?: boolean;
}

export function checkBank(history: BankHistory): Violation[] {
  const { reads, final } = history;
  const all = final === undefined ? reads : [...reads, final];
  const violations = all.flatMap((read) => checkRead(read, history));
  return final === undefined ? violations : [...violations, ...checkFinal(final, history)];
}

function checkRead(read: BankRead, { initial, mayOverdraw = false }: BankHistory): Violation[] {
  const who = `${read.process} at ${read.startMs} ms`;
  const seen = new Map(read.balances);
  const missing = [...initial.keys()].filter((account) => !seen.has(account));
  const strange = [...seen.keys()].filter((account) => !initial.has(account));
  const violations: Violation[] = [];
  if (missing.length > 0) violations.push({ rule: 'bank-accounts', what: `${who} did not find ${missing.join(', ')}` });
  if (strange.length > 0) violations.push({ rule: 'bank-accounts', what: `${who} found ${strange.join(', ')}` });
  if (seen.size !== read.balances.length) {
    violations.push({ rule: 'bank-accounts', what: `${who} found an account twice` });
  }
  const [sum, total] = [sumOf(read.balances), sumOf(initial)];
  if (sum !== total) violations.push({ rule: 'bank-sum', what: `${who} found ${sum} in all, of ${total}` });
  if (mayOverdraw) return violations;
  for (const [account, balance] of read.balances) {
    if (balance >= 0) continue;
    violations.push({ rule: 'bank-overdrawn', what: `${who} found ${balance} on ${account}` });
  }
  return violations;
}

/** A transfer of unknown outcome may have been made or not; the sum alone would not miss one that is lost whole. */
function checkFinal(final: BankRead, { initial, transfers }: BankHistory): Violation[] {
  const least = new Map(initial);
  const most = new Map(initial);
  for (const { from, to, amount, outcome } of transfers) {
    if (outcome === 'rolledBack' || from === to) continue;
    const isCertain = outcome === 'committed';
    add(least, from, -amount);
    if (isCertain) add(least, to, amount);
    if (isCertain) add(most, from, -amount);
    add(most, to, amount);
  }
  return final.balances.flatMap(([account, balance]) => {
    const low = least.get(account) ?? 0;
    const high = most.get(account) ?? 0;
    if (balance >= low && balance <= high) return [];
    const expected = low === high ? `${low}` : `between ${low} and ${high}`;
    return [{ rule: 'bank-final', what: `${account} has ${balance} in the end; transfers leave it ${expected}` }];
  });
}

function add(balances: Map<string, number>, account: string, amount: number): void {
  balances.set(account, (balances.get(account) ?? 0) + amount);
}

function sumOf(balances: Iterable<readonly [string, number]>): number {
  let sum = 0;
  for (const [, balance] of balances) sum += balance;
  return sum;
}
