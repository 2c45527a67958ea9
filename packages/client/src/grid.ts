/** A connected grid, as the application sees it. */
import type { Key } from '@ostraca/core';
import type { GridContext } from './calls.ts';
import { type GridMap, type MapOptions, newGridMap } from './grid-map.ts';
import type { GridLock } from './locks/held-lock.ts';
import { type LockOptions, Locks } from './locks/locks.ts';
import type { StatusEvent } from './status.ts';
import { runTransaction, type TransactionOptions, type TransactionScope } from './transaction/run-transaction.ts';
import { newSession, type Session } from './transaction/session.ts';

// Engines without it (Node.js before 20.5) get the symbol that TypeScript's `await using` looks for.
(Symbol as { asyncDispose?: symbol }).asyncDispose ??= Symbol.for('Symbol.asyncDispose');

export interface Grid extends AsyncDisposable {
  readonly name: string;
  /**
   * A view of one map; costs nothing, sends nothing. A name that the grid does not have is `undefined_map` at every call.
   *
   * @throws {@link GridError} `invalid_argument`: an unknown option or codec.
   */
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions<V>): GridMap<K, V>;
  /**
   * Runs `act` as one transaction: what it writes by the maps of `transaction` is written when it returns, all at one
   * moment, and what it has read was still so at that moment; when it throws, nothing is written and the error is passed on.
   * `act` is run again, up to `retries` times, when others were faster (`version_conflict`, `deadlock`, `lock_timeout`)
   * or the primary changed (`transaction_failed_over`, `replication_voted_to_rollback`), so it should do nothing else
   * that must happen once. All its keys are of one partition. Maps of `grid` itself are not part of it.
   *
   * @returns what `act` returned.
   * @throws {@link GridError} of the last attempt: `not_applied`, but `timeout`, `aborted` and `closed` of a commit
   *   that was sent, which are `unknown`.
   */
  transaction<Result>(
    act: (transaction: TransactionScope) => Result | Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  /** Transactions that begin and end where the application says; nothing is run again. Costs nothing, sends nothing. */
  session(): Session;
  /**
   * A lock between programs: nobody else has the one of this name until it is released, or lost. It is renewed by itself, and
   * free after its lease when its owner dies. Resolves when it is ours; who waits is served in the order of arrival.
   *
   * @throws {@link GridError} `lock_timeout`: not in `waitMs`. `aborted`: given up. Both leave nothing behind.
   */
  lock(name: string, options?: LockOptions): Promise<GridLock>;
  /** Events from now on, until the grid is closed. A reader that is slow loses the oldest. */
  status(): AsyncIterableIterator<StatusEvent>;
  /** Pending calls fail with `closed`, at once; of a write that was sent the outcome is `unknown`. May be called again. */
  close(): Promise<void>;
}

export function newGrid(context: GridContext): Grid {
  return new RemoteGrid(context);
}

class RemoteGrid implements Grid {
  readonly name: string;
  readonly #context: GridContext;
  readonly #locks: Locks;
  #closing: Promise<void> | undefined;

  constructor(context: GridContext) {
    this.name = context.name;
    this.#context = context;
    this.#locks = new Locks(context);
  }

  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions<V>): GridMap<K, V> {
    return newGridMap<K, V>(this.#context, name, options);
  }

  transaction<Result>(
    act: (transaction: TransactionScope) => Result | Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    return runTransaction(this.#context, act, options);
  }

  session(): Session {
    return newSession(this.#context);
  }

  lock(name: string, options?: LockOptions): Promise<GridLock> {
    return this.#locks.lock(name, options);
  }

  status(): AsyncIterableIterator<StatusEvent> {
    return this.#context.status.subscribe();
  }

  close(): Promise<void> {
    const { host } = this.#context;
    this.#closing ??= (async () => {
      host.turn(() => host.machine.close());
      await host.close('the client closes');
    })();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
