/** A bank in each partition, half of its accounts with locks: transfers, and reads of all accounts at once. */
import type { Grid, TransactionScope } from '@ostraca/client';
import { must } from '@ostraca/core';
import { runAttempts, type Terms } from './attempts.ts';
import { ACCOUNT_BALANCE, type Account, accountsOf, LOCKED_SAVINGS, SAVINGS } from './places.ts';
import type { BankReadRecord, TransferRecord } from './record.ts';
import { pick, type Worker } from './worker.ts';

export interface BankCallerOptions {
  readonly grid: Grid;
  readonly partitions: number;
  readonly remember: (record: TransferRecord | BankReadRecord) => void;
}

interface Transfer {
  from: string;
  to: string;
  amount: number;
}

const AMOUNT_MAX = 40;

export class BankCaller {
  readonly #options: BankCallerOptions;
  readonly #accounts: readonly (readonly Account[])[];

  constructor(options: BankCallerOptions) {
    this.#options = options;
    const { partitions } = options;
    this.#accounts = Array.from({ length: partitions }, (_, partition) => accountsOf(partition, partitions));
  }

  /** Before anybody transfers anything. @throws a GridError. */
  async open(partition: number): Promise<void> {
    const accounts = this.#accountsIn(partition);
    await this.#options.grid.transaction(async (scope) => {
      for (const account of accounts) await balances(scope, account).insert(account.key, ACCOUNT_BALANCE);
    });
  }

  async transfer({ partition, process, random }: Worker, terms: Terms): Promise<void> {
    const { grid, remember } = this.#options;
    const accounts = this.#accountsIn(partition);
    const from = pick(random, accounts);
    const to = pick(
      random,
      accounts.filter((account) => account !== from),
    );
    const asked = 1 + random.below(AMOUNT_MAX);
    const how = random.below(2) === 0 ? 'get' : 'getForUpdate';
    await runAttempts<Transfer>(grid, terms, {
      newTrail: () => ({ from: from.name, to: to.name, amount: 0 }),
      act: async (scope, trail) => {
        // What is read in one turn shares a frame where the map's strategy lets it.
        const [left = 0, right = 0] = await Promise.all([
          balances(scope, from)[how](from.key),
          balances(scope, to)[how](to.key),
        ]);
        if (left < asked) return true;
        trail.amount = asked;
        await balances(scope, from).set(from.key, left - asked);
        await balances(scope, to).set(to.key, right + asked);
        return true;
      },
      onEnd: (trail, ending) => remember({ type: 'transfer', partition, process, ...ending, ...trail }),
    });
  }

  async read({ partition, process }: Omit<Worker, 'random'>, terms: Terms): Promise<void> {
    const { grid, remember } = this.#options;
    const accounts = this.#accountsIn(partition);
    await runAttempts<[string, number][]>(grid, terms, {
      newTrail: () => [],
      act: async (scope, trail) => {
        for (const map of [SAVINGS, LOCKED_SAVINGS]) {
          const own = accounts.filter((account) => account.map === map);
          const found = await scope.map<string, number>(map).getAll(own.map(({ key }) => key));
          for (const { key, name } of own) if (found.has(key)) trail.push([name, found.get(key) ?? 0]);
        }
        return true;
      },
      onEnd: (trail, ending) => remember({ type: 'bankRead', partition, process, ...ending, balances: trail }),
    });
  }

  #accountsIn(partition: number): readonly Account[] {
    return must(this.#accounts[partition], 'a bank for each partition');
  }
}

function balances(scope: TransactionScope, { map }: Account): ReturnType<typeof scope.map<string, number>> {
  return scope.map<string, number>(map);
}
