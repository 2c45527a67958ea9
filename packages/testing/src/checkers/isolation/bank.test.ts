// Goal: books that do not balance must be refused, and such that do must not.
import { newRandom } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { type BankHistory, type BankRead, type BankTransfer, checkBank } from './bank.ts';

const initial = new Map([
  ['a', 10],
  ['b', 10],
  ['c', 0],
]);
const transfer = (from: string, to: string, amount: number): BankTransfer => ({
  from,
  to,
  amount,
  outcome: 'committed',
});
const read = (a: number, b: number, c: number, startMs = 5): BankRead => {
  const balances = [['a', a] as const, ['b', b] as const, ['c', c] as const];
  return { process: 'p', startMs, balances };
};

function rulesOf(history: Partial<BankHistory>): string[] {
  return checkBank({ initial, transfers: [], reads: [], final: undefined, ...history }).map(({ rule }) => rule);
}

describe('bank', () => {
  it('accepts reads between transfers', () => {
    const transfers = [transfer('a', 'c', 4), transfer('b', 'a', 1)];
    const reads = [read(10, 10, 0), read(6, 10, 4), read(7, 9, 4)];
    expect(rulesOf({ transfers, reads, final: read(7, 9, 4) })).toEqual([]);
  });

  it('rejects a read that saw one half of a transfer', () => {
    expect(rulesOf({ transfers: [transfer('a', 'c', 4)], reads: [read(6, 10, 0)] })).toEqual(['bank-sum']);
  });

  it('rejects a final sum that is not the first one', () => {
    const rules = rulesOf({ transfers: [transfer('a', 'c', 4)], final: read(6, 10, 8) });
    expect(rules).toEqual(['bank-sum', 'bank-final']);
  });

  it('rejects a transfer that was lost whole, or made twice, although the sum is right', () => {
    const transfers = [transfer('a', 'c', 4)];
    expect(rulesOf({ transfers, final: read(10, 10, 0) })).toEqual(['bank-final', 'bank-final']);
    expect(rulesOf({ transfers, final: read(2, 10, 8) })).toEqual(['bank-final', 'bank-final']);
  });

  it('rejects one that was rolled back and made, and lets one of unknown outcome be either', () => {
    const made = read(6, 10, 4);
    const left = read(10, 10, 0);
    const rolledBack = [{ ...transfer('a', 'c', 4), outcome: 'rolledBack' as const }];
    const unknown = [{ ...transfer('a', 'c', 4), outcome: 'unknown' as const }];
    expect(rulesOf({ transfers: rolledBack, final: made })).toEqual(['bank-final', 'bank-final']);
    expect(rulesOf({ transfers: rolledBack, final: left })).toEqual([]);
    expect(rulesOf({ transfers: unknown, final: made })).toEqual([]);
    expect(rulesOf({ transfers: unknown, final: left })).toEqual([]);
  });

  it('rejects a balance below zero, unless that is allowed', () => {
    const history = { transfers: [transfer('c', 'a', 3)], reads: [read(13, 10, -3)] };
    expect(rulesOf(history)).toEqual(['bank-overdrawn']);
    expect(rulesOf({ ...history, mayOverdraw: true })).toEqual([]);
  });

  it('rejects a read in which an account is missing, twice, or not of the bank', () => {
    const balances = (...of: (readonly [string, number])[]) => [{ ...read(0, 0, 0), balances: of }];
    expect(rulesOf({ reads: balances(['a', 10], ['b', 10]) })).toEqual(['bank-accounts']);
    expect(rulesOf({ reads: balances(['a', 10], ['b', 10], ['c', 0], ['d', 0]) })).toEqual(['bank-accounts']);
    expect(rulesOf({ reads: balances(['a', 10], ['b', 10], ['c', 0], ['c', 0]) })).toEqual(['bank-accounts']);
  });

  it('accepts any serial bank, and rejects it with one half of a transfer missing', () => {
    for (let seed = 1; seed <= 50; seed++) {
      expect(rulesOf(serialBank(seed)), `seed ${seed}`).toEqual([]);
      expect(rulesOf(serialBank(seed, 50)), `seed ${seed}`).toContain('bank-sum');
    }
  });
});

/** `halved`: the transfer that takes and does not give. */
function serialBank(seed: number, halved = -1): BankHistory {
  const random = newRandom(seed);
  const balances = new Map(Array.from({ length: 8 }, (_, index) => [`account${index}`, 100]));
  const first = new Map(balances);
  const accounts = [...balances.keys()];
  const transfers: BankTransfer[] = [];
  const reads: BankRead[] = [];
  const readAll = (startMs: number): BankRead => ({ process: 'p', startMs, balances: [...balances] });
  for (let index = 0; index < 100; index++) {
    const place = random.below(accounts.length);
    const from = accounts[place] ?? '';
    const to = accounts[(place + 1 + random.below(accounts.length - 1)) % accounts.length] ?? '';
    const balance = balances.get(from) ?? 0;
    if (index === halved) {
      transfers.push(transfer(from, to, 1));
      balances.set(from, balance - 1);
      continue;
    }
    const amount = random.below(balance + 1);
    const draw = random.below(10);
    const outcome = draw === 0 ? 'rolledBack' : draw === 1 ? 'unknown' : 'committed';
    transfers.push({ from, to, amount, outcome });
    if (outcome === 'committed' || (outcome === 'unknown' && random.below(2) === 0)) {
      balances.set(from, balance - amount);
      balances.set(to, (balances.get(to) ?? 0) + amount);
    }
    if (random.below(3) === 0) reads.push(readAll(index));
  }
  return { initial: first, transfers, reads, final: readAll(1_000) };
}
