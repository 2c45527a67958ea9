/** Memory: what is used, what is the limit, what gave way or was refused. */
import type { Registry } from 'prom-client';
import { type ContainerFacts, merged, ofMaps } from './container-metrics.ts';
import { addCounter, addGauge, byLabel } from './metrics.ts';

export function addMemoryMetrics(registry: Registry, { status, metrics }: ContainerFacts): void {
  addGauge(registry, {
    name: 'ostraca_memory_bytes',
    help: 'What this container counts against its limit, by kind: stores, logs, and an estimate of the rest.',
    labels: ['kind'],
    read: () => {
      const { storeBytes: store, logBytes: log, otherBytes: other } = status().memory;
      return byLabel('kind', { store, log, other });
    },
  });
  addGauge(registry, {
    name: 'ostraca_memory_limit_bytes',
    help: 'The limit of this container; 0: none.',
    read: () => [{ value: status().memory.limitBytes }],
  });
  addGauge(registry, {
    name: 'ostraca_map_charged_bytes',
    help: 'What counts against maxBytes of a map, in all partitions of this container: records and their share of the index.',
    labels: ['grid', 'map', 'role'],
    read: () => ofMaps(status(), 'chargedBytes'),
  });
  addGauge(registry, {
    name: 'ostraca_map_limit_bytes',
    help: 'maxBytes of maps that have one, times the partitions of this container.',
    labels: ['grid', 'map', 'role'],
    read: () =>
      merged(
        status().shards.flatMap(({ grid, role, maps }) =>
          maps
            .filter(({ maxBytes }) => maxBytes > 0)
            .map(({ map, maxBytes }) => ({ labels: { grid, map, role }, value: maxBytes })),
        ),
      ),
  });
  addCounter(registry, {
    name: 'ostraca_evictions_total',
    help: 'Entries that primaries here evicted because their map was full.',
    read: () => [{ value: metrics().counters.entries_evicted }],
  });
  addCounter(registry, {
    name: 'ostraca_full_total',
    help: 'Writes that were refused for want of room, by limit: that of their map, or that of the container.',
    labels: ['limit'],
    read: () => {
      const { refused_by_map: map, refused_by_memory: container } = metrics().counters;
      return byLabel('limit', { map, container });
    },
  });
}
