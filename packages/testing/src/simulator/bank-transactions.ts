/** A bank in each partition: transfers between accounts of both maps, and looks at all of them at once. */
import { asPartitionId, type PartitionId, type Random } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import { type BankRead, type BankTransfer, checkBank } from '../checkers/isolation/bank.ts';
import { type PartitionPlace, placeIn, type TransactionMap } from './list-transactions.ts';
import { pick } from './scenario.ts';
import type { TransactionEnd, TransactionRun } from './transaction-run.ts';

/** Of an account that nobody has written yet. */
const INITIAL = 100;
/** In each map. */
const ACCOUNTS = 2;

interface Bank {
  readonly accounts: readonly PartitionPlace[];
  readonly transfers: BankTransfer[];
  readonly reads: BankRead[];
}

export interface BankPlay {
  readonly process: string;
  readonly startMs: number;
  readonly partition: PartitionId;
}

export class BankTransactions {
  readonly #banks: readonly Bank[];

  constructor(maps: readonly TransactionMap[], numberOfPartitions: number) {
    this.#banks = Array.from({ length: numberOfPartitions }, (_, index) => ({
      accounts: maps.flatMap((map) => accountsOf(map, { partition: asPartitionId(index), numberOfPartitions })),
      transfers: [],
      reads: [],
    }));
  }

  get places(): readonly PartitionPlace[] {
    return this.#banks.flatMap(({ accounts }) => accounts);
  }

  /** @returns what is to be called with its end. */
  play(run: TransactionRun, random: Random, { process, startMs, partition }: BankPlay): (end: TransactionEnd) => void {
    const bank = this.#bankOf(partition);
    if (random.below(3) === 0) {
      const balances: [string, number][] = [];
      readInTurn(run, [...bank.accounts], balances);
      return ({ outcome }) => {
        if (outcome === 'committed') bank.reads.push({ process, startMs, balances });
      };
    }
    const from = pick(random, bank.accounts);
    const to = pick(random, bank.accounts);
    const amount = 1 + random.below(30);
    let isMade = false;
    run.read(from, 'exclusive', (value) => {
      const balance = balanceOf(value);
      // Who has too little, or pays himself, changes nothing.
      if (balance < amount || from === to) return run.commit();
      run.read(to, 'exclusive', (other) => {
        isMade = true;
        run.write(from, `${balance - amount}`);
        run.write(to, `${balanceOf(other) + amount}`);
        run.commit();
      });
    });
    return ({ outcome }) => {
      if (isMade) bank.transfers.push({ from: from.name, to: to.name, amount, outcome });
    };
  }

  judge(partition: PartitionId, finals: ReadonlyMap<string, string | undefined>): Violation[] {
    const { accounts, transfers, reads } = this.#bankOf(partition);
    const names = accounts.map(({ name }) => name);
    const initial = new Map(names.map((name) => [name, INITIAL]));
    const balances = names.map((name): [string, number] => [name, balanceOf(finals.get(name))]);
    const isRead = names.every((name) => finals.has(name));
    const final = isRead ? { process: 'checker', startMs: 0, balances } : undefined;
    return checkBank({ initial, transfers, reads, final });
  }

  #bankOf(partition: PartitionId): Bank {
    return this.#banks[partition] as Bank;
  }
}

function readInTurn(run: TransactionRun, left: PartitionPlace[], balances: [string, number][]): void {
  const account = left.shift();
  if (account === undefined) return run.commit();
  run.read(account, 'shared', (value) => {
    balances.push([account.name, balanceOf(value)]);
    readInTurn(run, left, balances);
  });
}

function accountsOf(
  map: TransactionMap,
  { partition, numberOfPartitions }: { readonly partition: PartitionId; readonly numberOfPartitions: number },
): PartitionPlace[] {
  const accounts: PartitionPlace[] = [];
  for (let number = 0; accounts.length < ACCOUNTS; number++) {
    const place = placeIn(map, `account${number}`, numberOfPartitions);
    if (place.partition === partition) accounts.push(place);
  }
  return accounts;
}

function balanceOf(value: string | undefined): number {
  return value === undefined ? INITIAL : Number(value);
}
