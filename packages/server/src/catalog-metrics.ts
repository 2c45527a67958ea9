import type { CatalogStatus, Note } from '@ostraca/core';
import { Histogram, type Registry } from 'prom-client';
import { addCounter, addGauge, type NoteCounts, type Samples } from './metrics.ts';

export interface CatalogFacts {
  readonly status: () => CatalogStatus;
  readonly notes: NoteCounts;
  readonly journalBytes: () => number;
}

export function addCatalogMetrics(registry: Registry, { status, notes, journalBytes }: CatalogFacts): void {
  addGauge(registry, {
    name: 'ostraca_containers',
    help: 'Containers by state: alive, suspect (connection lost, lease still running), dead.',
    labels: ['state'],
    read: () => containersByState(status()),
  });
  addGauge(registry, {
    name: 'ostraca_partitions',
    help: 'Partitions by state: placed, unplaced, lost (no copy left that may be promoted).',
    labels: ['grid', 'state'],
    read: () => partitionsByState(status()),
  });
  addGauge(registry, {
    name: 'ostraca_in_sync_set_size',
    help: 'Copies in the smallest in-sync set of the grid, the primary included.',
    labels: ['grid'],
    read: () => smallestInSyncSets(status()),
  });
  addCounter(registry, {
    name: 'ostraca_failovers_total',
    help: 'Promotions of a replica to primary.',
    read: () => [{ value: notes.of('promoted') }],
  });
  addCounter(registry, {
    name: 'ostraca_partitions_lost_total',
    help: 'Partitions that went on although some of what they had decided may be lost.',
    read: () => [{ value: notes.of('partition_lost_data') }],
  });
  addGauge(registry, {
    name: 'ostraca_journal_bytes',
    help: 'Size of the journal; 0 when it is in memory.',
    read: () => [{ value: journalBytes() }],
  });
}

/** Measures each promotion from the moment that the old primary's container fell silent or lost its connection. */
export class FailoverClock {
  readonly #suspectAtMs = new Map<string, number>();
  readonly #seconds: Histogram;

  constructor(registry: Registry) {
    this.#seconds = new Histogram({
      name: 'ostraca_failover_duration_seconds',
      help: 'From the first suspicion of a container to the promotion of a replica of one of its partitions.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    });
  }

  onNote({ event, facts }: Note, nowMs: number): void {
    const container = String(facts.container ?? '');
    if (event === 'container_suspect' || event === 'container_dead') {
      if (!this.#suspectAtMs.has(container)) this.#suspectAtMs.set(container, nowMs);
    } else if (event === 'container_registered' || event === 'container_back') this.#suspectAtMs.delete(container);
    else if (event === 'promoted') {
      const sinceMs = this.#suspectAtMs.get(String(facts.from ?? ''));
      if (sinceMs !== undefined) this.#seconds.observe((nowMs - sinceMs) / 1_000);
    }
  }
}

function containersByState({ containers }: CatalogStatus): Samples {
  const counts = { alive: 0, suspect: 0, dead: 0 };
  for (const { alive, suspect } of containers) counts[!alive ? 'dead' : suspect ? 'suspect' : 'alive'] += 1;
  return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
}

function partitionsByState({ partitions }: CatalogStatus): Samples {
  const counts = new Map<string, { placed: number; unplaced: number; lost: number }>();
  for (const { grid, config } of partitions) {
    const ofGrid = counts.get(grid) ?? { placed: 0, unplaced: 0, lost: 0 };
    ofGrid[config === null ? 'unplaced' : config.lost ? 'lost' : 'placed'] += 1;
    counts.set(grid, ofGrid);
  }
  return [...counts].flatMap(([grid, ofGrid]) =>
    Object.entries(ofGrid).map(([state, value]) => ({ labels: { grid, state }, value })),
  );
}

function smallestInSyncSets({ partitions }: CatalogStatus): Samples {
  const smallest = new Map<string, number>();
  for (const { grid, config } of partitions) {
    const size = config === null || config.lost ? 0 : config.sync.length;
    smallest.set(grid, Math.min(smallest.get(grid) ?? size, size));
  }
  return [...smallest].map(([grid, value]) => ({ labels: { grid }, value }));
}
