/** What a client does all day with transactions. Each worker stays with one partition, as each transaction does. */
import type { Grid } from '@ostraca/client';
import type { Random } from '@ostraca/core';
import { pause } from '../grid-processes.ts';
import type { Terms } from './attempts.ts';
import { BankCaller } from './bank-caller.ts';
import { ListCaller } from './list-caller.ts';
import type { TransactionRecord } from './record.ts';
import { pick, type Worker } from './worker.ts';

export interface TransactionWorkloadOptions {
  readonly name: string;
  /** The place of this client among all of them, so that no two append the same number. */
  readonly client: number;
  readonly grid: Grid;
  readonly random: Random;
  readonly partitions: number;
  readonly workersPerPartition: number;
  /** Mean rest of a worker between two transactions. */
  readonly thinkMs: number;
  readonly remember: (record: TransactionRecord) => void;
}

const VALUES_PER_CLIENT = 1e9;
const DEADLINES_MS = [1_000, 3_000, 10_000, 10_000];
const LOCK_TIMEOUTS_MS = [100, 500, 2_000];

export class TransactionWorkload {
  readonly #options: TransactionWorkloadOptions;
  readonly #lists: ListCaller;
  readonly #bank: BankCaller;
  readonly #running: Promise<void>[] = [];
  #isStopped = false;
  #values = 0;

  constructor(options: TransactionWorkloadOptions) {
    this.#options = options;
    const { grid, partitions, remember, client } = options;
    const newValue = (): number => {
      this.#values += 1;
      return client * VALUES_PER_CLIENT + this.#values;
    };
    this.#lists = new ListCaller({ grid, partitions, newValue, remember });
    this.#bank = new BankCaller({ grid, partitions, remember });
  }

  start(): void {
    const { name, partitions, workersPerPartition, random } = this.#options;
    for (let partition = 0; partition < partitions; partition++) {
      for (let worker = 0; worker < workersPerPartition; worker++) {
        const process = `${name}.${partition}.${worker}`;
        this.#running.push(this.#work({ process, partition, random: random.fork() }));
      }
    }
  }

  /** Every transaction is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #work(worker: Worker): Promise<void> {
    while (!this.#isStopped) {
      await pause(worker.random.unit() * 2 * this.#options.thinkMs);
      await this.#transact(worker);
    }
  }

  async #transact(worker: Worker): Promise<void> {
    const { random } = worker;
    const terms: Terms = {
      isExplicit: random.below(6) === 0,
      lockTimeoutMs: pick(random, LOCK_TIMEOUTS_MS),
      deadlineMs: pick(random, DEADLINES_MS),
    };
    const draw = random.below(100);
    if (draw < 60) await this.#lists.transact(worker, terms);
    else if (draw < 68) await this.#lists.appendAlone(worker, terms);
    else if (draw < 88) await this.#bank.transfer(worker, terms);
    else await this.#bank.read(worker, terms);
  }
}
