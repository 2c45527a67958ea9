import { type Container, DURATION_BOUNDS_MS, type MapId, type Topology } from '@ostraca/core';
import type { Registry } from 'prom-client';
import { addMemoryMetrics } from './memory-metrics.ts';
import { addCounter, addGauge, addHistogram, byLabel, type Labels, type Samples } from './metrics.ts';
import { addTransactionMetrics } from './transaction-metrics.ts';

type ContainerStatus = ReturnType<Container['status']>;
type ContainerMetrics = ReturnType<Container['metrics']>;

export interface ContainerFacts {
  readonly status: () => ContainerStatus;
  readonly metrics: () => ContainerMetrics;
  readonly transactions: () => ReturnType<Container['transactions']>;
  /** Undefined until the catalog has told the policy. */
  readonly topology: () => Topology | undefined;
}

export function addContainerMetrics(registry: Registry, facts: ContainerFacts): void {
  addOperationMetrics(registry, facts);
  addShardMetrics(registry, facts.status);
  addMemoryMetrics(registry, facts);
  addReplicationMetrics(registry, facts);
  addTransactionMetrics(registry, facts);
}

function addOperationMetrics(registry: Registry, { metrics, topology }: ContainerFacts): void {
  const labelsOf = (map: MapId): Labels => {
    const found = topology()?.maps[map];
    return { grid: found?.mapSet.grid ?? 'unknown', map: found?.policy.name ?? 'unknown' };
  };
  addCounter(registry, {
    name: 'ostraca_operations_total',
    help: 'Requests answered, by map, kind and outcome (ok, or the code of the error).',
    labels: ['grid', 'map', 'kind', 'outcome'],
    read: () =>
      merged(
        metrics().operations.map(({ map, kind, outcome, count }) => ({
          labels: { ...labelsOf(map), kind, outcome },
          value: count,
        })),
      ),
  });
  addCounter(registry, {
    name: 'ostraca_rejected_requests_total',
    help: 'Requests answered by an error, by its code.',
    labels: ['code'],
    read: () =>
      merged(
        metrics()
          .operations.filter(({ outcome }) => outcome !== 'ok')
          .map(({ outcome, count }) => ({ labels: { code: outcome }, value: count })),
      ),
  });
  addHistogram(registry, {
    name: 'ostraca_operation_duration_seconds',
    help: 'From the receipt of a request to its answer.',
    bounds: DURATION_BOUNDS_MS.map((ms) => ms / 1_000),
    read: () =>
      metrics().durations.map(({ map, kind, counts, sumMs }) => ({
        labels: { ...labelsOf(map), kind },
        counts,
        sum: sumMs / 1_000,
      })),
  });
}

function addShardMetrics(registry: Registry, status: () => ContainerStatus): void {
  addGauge(registry, {
    name: 'ostraca_shards',
    help: 'Shards of this container by role and state.',
    labels: ['grid', 'role', 'state'],
    read: () => merged(status().shards.map(({ grid, role, state }) => ({ labels: { grid, role, state }, value: 1 }))),
  });
  addGauge(registry, {
    name: 'ostraca_entries',
    help: 'Entries of the shards of this container.',
    labels: ['grid', 'map', 'role'],
    read: () => ofMaps(status(), 'entries'),
  });
  addGauge(registry, {
    name: 'ostraca_entry_bytes',
    help: 'Bytes of the keys and values of these entries.',
    labels: ['grid', 'map', 'role'],
    read: () => ofMaps(status(), 'bytes'),
  });
  addGauge(registry, {
    name: 'ostraca_log_bytes',
    help: 'Bytes of the log records that the shards of this container keep.',
    labels: ['grid', 'role'],
    read: () =>
      merged(status().shards.map(({ grid, role, logBytes }) => ({ labels: { grid, role }, value: logBytes }))),
  });
  addGauge(registry, {
    name: 'ostraca_waiting_requests',
    help: 'Requests that wait in this container, for a lease or for a write before them.',
    labels: ['grid'],
    read: () =>
      merged(status().shards.map(({ grid, waitingRequests }) => ({ labels: { grid }, value: waitingRequests }))),
  });
  addGauge(registry, {
    name: 'ostraca_registered',
    help: 'Whether the catalog knows this container: 1 or 0.',
    read: () => [{ value: status().registered ? 1 : 0 }],
  });
}

function addReplicationMetrics(registry: Registry, { status, metrics }: ContainerFacts): void {
  const primaries = (): ContainerStatus['shards'] => status().shards.filter(({ role }) => role === 'primary');
  addGauge(registry, {
    name: 'ostraca_in_sync_set_size',
    help: 'Copies in the smallest in-sync set of the primaries of this container, the primary included.',
    labels: ['grid'],
    read: () =>
      merged(
        primaries().map(({ grid, inSync }) => ({ labels: { grid }, value: inSync })),
        Math.min,
      ),
  });
  addGauge(registry, {
    name: 'ostraca_replication_lag_transactions',
    help: 'Log records that the slowest replica of the primaries of this container has not acknowledged.',
    labels: ['grid'],
    read: () =>
      merged(
        primaries().flatMap(({ grid, followers }) => followers.map(({ lag }) => ({ labels: { grid }, value: lag }))),
        Math.max,
      ),
  });
  const counters = (): ContainerMetrics['counters'] => metrics().counters;
  const plain = (name: string, help: string, key: keyof ContainerMetrics['counters']): void =>
    addCounter(registry, { name, help, read: () => [{ value: counters()[key] }] });
  plain('ostraca_votes_against_total', 'Votes against a record.', 'votes_against');
  plain('ostraca_failovers_total', 'Promotions of a shard of this container to primary.', 'failovers');
  plain(
    'ostraca_replica_evictions_total',
    'Replicas that primaries here took out of an in-sync set.',
    'replica_evictions',
  );
  plain(
    'ostraca_replica_additions_total',
    'Replicas that primaries here took into an in-sync set.',
    'replica_additions',
  );
  plain(
    'ostraca_digest_differences_total',
    'Replicas here whose state was not that of their primary; each began again by a checkpoint.',
    'digest_differences',
  );
  plain(
    'ostraca_dirty_rounds_total',
    'Rounds by which replicas caught up that had been too slow for the log.',
    'dirty_rounds',
  );
  plain('ostraca_records_rolled_back_total', 'Log records that were rolled back.', 'records_rolled_back');
  addCounter(registry, {
    name: 'ostraca_checkpoints_total',
    help: 'Checkpoints that primaries here sent, by outcome.',
    labels: ['outcome'],
    read: () => {
      const { checkpoints_started: started, checkpoints_completed: completed } = counters();
      return byLabel('outcome', { started, completed });
    },
  });
}

export function ofMaps({ shards }: ContainerStatus, what: 'entries' | 'bytes' | 'chargedBytes'): Samples {
  return merged(
    shards.flatMap(({ grid, role, maps }) =>
      maps.map((map) => ({ labels: { grid, map: map.map, role }, value: map[what] })),
    ),
  );
}

/** One sample for each set of labels. */
export function merged(samples: Samples, merge = (a: number, b: number): number => a + b): Samples {
  const byKey = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { labels = {}, value } of samples) {
    const key = JSON.stringify(labels);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { labels, value });
    else known.value = merge(known.value, value);
  }
  return [...byKey.values()];
}
