/** Transactions and locks of a container, for Prometheus. How long locks were waited for is in the duration of `kind="lock"`. */
import type { Container } from '@ostraca/core';
import type { Registry } from 'prom-client';
import { type ContainerFacts, merged } from './container-metrics.ts';
import { addCounter, addGauge } from './metrics.ts';

export interface TransactionFacts extends Pick<ContainerFacts, 'metrics' | 'topology'> {
  readonly transactions: () => ReturnType<Container['transactions']>;
}

export function addTransactionMetrics(registry: Registry, { metrics, topology, transactions }: TransactionFacts): void {
  addCounter(registry, {
    name: 'ostraca_transactions_total',
    help: 'Transactions that came to their commit, by outcome: committed, or the code of the error.',
    labels: ['grid', 'outcome'],
    read: () =>
      merged(
        metrics()
          .operations.filter(({ kind }) => kind === 'commit')
          .map(({ map, outcome, count }) => ({
            labels: {
              grid: topology()?.maps[map]?.mapSet.grid ?? 'unknown',
              outcome: outcome === 'ok' ? 'committed' : outcome,
            },
            value: count,
          })),
      ),
  });
  const plain = (name: string, help: string, key: keyof ReturnType<typeof metrics>['counters']): void =>
    addCounter(registry, { name, help, read: () => [{ value: metrics().counters[key] }] });
  plain('ostraca_lock_waits_total', 'Requests that had to wait for a lock.', 'lock_waits');
  plain('ostraca_lock_timeouts_total', 'Requests that waited for a lock for too long.', 'lock_timeouts');
  plain('ostraca_deadlocks_total', 'Transactions that were ended to break a deadlock.', 'deadlocks');
  plain(
    'ostraca_transactions_abandoned_total',
    'Transactions with locks that were ended because their client was silent.',
    'transactions_abandoned',
  );
  const now = (name: string, help: string, key: 'transactionCount' | 'lockCount' | 'lockWaitCount'): void =>
    addGauge(registry, { name, help, read: () => [{ value: transactions()[key] }] });
  now('ostraca_transactions_open', 'Transactions that hold locks here, or wait for some.', 'transactionCount');
  now('ostraca_locks_held', 'Locks that are held here, those by name and intentions on maps included.', 'lockCount');
  now('ostraca_lock_waiters', 'Requests that wait for a lock here.', 'lockWaitCount');
}
