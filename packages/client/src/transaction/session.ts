/** Transactions in the explicit form: begin, commit and roll back where the application says. */
import { GridError, type Key } from '@ostraca/core';
import type { GridContext } from '../calls.ts';
import { checkOptions, checkSignal, checkTimeout, invalid } from '../check-options.ts';
import { newTransactionalMap } from './remote-transactional-map.ts';
import { checkLockTimeout, type TransactionOptions } from './run-transaction.ts';
import { Transaction } from './transaction.ts';
import type { TransactionalMap, TransactionalMapOptions } from './transactional-map.ts';

export interface BeginOptions extends Pick<TransactionOptions, 'lockTimeoutMs' | 'signal'> {
  /** The transaction fails with `timeout` when it is not over by then. Default: none; each call has `operationTimeoutMs`. */
  readonly deadlineMs?: number | undefined;
}

/** One transaction at a time, one after another. */
export interface Session extends AsyncDisposable {
  /** Whether calls are part of a transaction: from `begin` to commit, roll-back or failure. */
  readonly isActive: boolean;
  /** Sends nothing. @throws {@link GridError} `invalid_argument`: the one before is not over. */
  begin(options?: BeginOptions): Promise<void>;
  /** Serves every transaction of the session. Outside of one its calls are `transaction_not_active`. */
  map<K extends Key = Key, V = unknown>(name: string, options?: TransactionalMapOptions<V>): TransactionalMap<K, V>;
  /**
   * Resolves when everything is written, at one moment, and everything that was read was still so at that moment.
   *
   * @throws {@link GridError} with `retry: 'with_new_transaction'` and the outcome `not_applied`, `version_conflict`,
   *   `deadlock`, `lock_timeout` and `transaction_failed_over`: run it again from `begin`. `timeout`, `aborted` and
   *   `closed` after it was sent: outcome `unknown`. `transaction_not_active`: it had failed before (`cause`).
   */
  commit(): Promise<void>;
  /** Nothing is written. May be called when nothing is open. Disposing of the session does it too. */
  rollback(): Promise<void>;
}

export function newSession(context: GridContext): Session {
  return new ClientSession(context);
}

class ClientSession implements Session {
  readonly #context: GridContext;
  #transaction: Transaction | undefined;

  constructor(context: GridContext) {
    this.#context = context;
  }

  get isActive(): boolean {
    return this.#transaction?.isActive ?? false;
  }

  async begin(options: BeginOptions = {}): Promise<void> {
    checkOptions(options, { known: ['lockTimeoutMs', 'deadlineMs', 'signal'] });
    if (this.isActive) throw invalid('begin', 'the transaction before it is not over');
    const { deadlineMs } = options;
    const endMs =
      deadlineMs === undefined ? undefined : this.#context.host.nowMs() + checkTimeout('deadlineMs', deadlineMs);
    const lockTimeoutMs = checkLockTimeout(options.lockTimeoutMs);
    this.#transaction = new Transaction(this.#context, { lockTimeoutMs, endMs, signal: checkSignal(options.signal) });
  }

  map<K extends Key = Key, V = unknown>(name: string, options?: TransactionalMapOptions<V>): TransactionalMap<K, V> {
    return newTransactionalMap<K, V>(() => this.#current(), name, options);
  }

  async commit(): Promise<void> {
    await this.#current().commit();
  }

  async rollback(): Promise<void> {
    this.#transaction?.rollback();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.rollback();
  }

  #current(): Transaction {
    if (this.#transaction === undefined)
      throw new GridError('transaction_not_active', { details: { state: 'not begun' } });
    return this.#transaction;
  }
}
