/**
 * A function as a transaction, run again when others were faster.
 *
 * What is run again: an attempt that failed by a message of its own, so that nothing of it was or will be written, and
 * that may go well the next time. What is not: an error of the function itself, and a commit of which nobody could say by the
 * deadline what became of it.
 */
import { type GridError, type Key, LIMITS } from '@ostraca/core';
import type { GridContext } from '../calls.ts';
import { checkCount, checkOptions, checkSignal, checkTimeout, invalid } from '../check-options.ts';
import { newTransactionalMap } from './remote-transactional-map.ts';
import { Transaction } from './transaction.ts';
import type { TransactionalMap, TransactionalMapOptions } from './transactional-map.ts';

export interface TransactionOptions {
  /** How often it is run again after the first time. Default 5. */
  readonly retries?: number | undefined;
  /** So long each call, and the commit, may wait for locks; then `lock_timeout`. Default 1_000. */
  readonly lockTimeoutMs?: number | undefined;
  /** Of all attempts together. Default: `operationTimeoutMs`; at most 60_000. */
  readonly deadlineMs?: number | undefined;
  /** Ends it, at once: `aborted`. Of a commit that was sent the outcome is then `unknown`. */
  readonly signal?: AbortSignal | undefined;
}

/** What a transaction offers to its function. */
export interface TransactionScope {
  /** @throws {@link GridError} `invalid_argument`: an unknown option or codec. */
  map<K extends Key = Key, V = unknown>(name: string, options?: TransactionalMapOptions<V>): TransactionalMap<K, V>;
}

export async function runTransaction<Result>(
  context: GridContext,
  act: (transaction: TransactionScope) => Result | Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  if (typeof act !== 'function') throw invalid('act', 'must be a function');
  checkOptions(options, { known: ['retries', 'lockTimeoutMs', 'deadlineMs', 'signal'] });
  const { host, operationTimeoutMs } = context;
  const { retries = 5 } = options;
  if (retries !== 0) checkCount('retries', retries);
  const lockTimeoutMs = checkLockTimeout(options.lockTimeoutMs);
  const signal = checkSignal(options.signal);
  const endMs = host.nowMs() + checkTimeout('deadlineMs', options.deadlineMs ?? operationTimeoutMs);
  for (let failures = 0; ; ) {
    const transaction = new Transaction(context, { lockTimeoutMs, endMs, signal });
    try {
      const result = await act({ map: (name, mapOptions) => newTransactionalMap(() => transaction, name, mapOptions) });
      await transaction.commit();
      return result;
    } catch (error) {
      transaction.rollback();
      const failure = transaction.isOwnError(error) ? (transaction.failure ?? error) : error;
      failures += 1;
      if (!transaction.isOwnError(failure) || !mayRunAgain(failure) || failures > retries) throw failure;
      await new Promise<void>((resolve) => host.turn((nowMs) => host.machine.pause(failures, resolve, nowMs)));
      if (host.nowMs() >= endMs) throw failure;
    }
  }
}

export function checkLockTimeout(lockTimeoutMs = 1_000): number {
  return checkCount('lockTimeoutMs', lockTimeoutMs, LIMITS.operationTimeoutMsMax);
}

function mayRunAgain({ code, outcome, retry }: GridError): boolean {
  if (outcome !== 'not_applied') return false;
  // The primary took its client for dead, or had ended it to break a deadlock of which we did not hear.
  return (
    retry === 'with_new_transaction' || code === 'replication_voted_to_rollback' || code === 'transaction_not_active'
  );
}
