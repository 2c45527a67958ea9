/**
 * /metrics. Whoever counts keeps plain numbers; they become samples when somebody asks, so counting costs nothing
 * here. Labels come from closed lists or the policy: never a key, a partition, a client.
 */
import type { Note } from '@ostraca/core';
import type { HostCounters } from '@ostraca/runtime';
import { Counter, collectDefaultMetrics, Gauge, type Metric as PromMetric, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;
export type Samples = readonly { readonly labels?: Labels; readonly value: number }[];

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: () => Samples;
}

/** A registry of its own for each process life, so that a catalog and a container can share a process. */
export function newRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges whose names end like counters: promtool refuses them.
  for (const what of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${what}_total`);
  return registry;
}

export function addGauge(registry: Registry, { name, help, labels = [], read }: Metric): void {
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const sample of read()) this.set(sample.labels ?? {}, sample.value);
    },
  });
}

/** Of a number that only rises, kept elsewhere. */
export function addCounter(registry: Registry, { name, help, labels = [], read }: Metric): void {
  new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const sample of read()) this.inc(sample.labels ?? {}, sample.value);
    },
  });
}

export function byLabel(label: string, values: Readonly<Record<string, number>>): Samples {
  return Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}

export interface TransportFacts {
  readonly counters: () => HostCounters;
  /** Refused by the listener, by reason. */
  readonly refused: () => Readonly<Record<string, number>>;
}

export function addTransportMetrics(registry: Registry, { counters, refused }: TransportFacts): void {
  addGauge(registry, {
    name: 'ostraca_connections',
    help: 'Open connections by the role of the peer.',
    labels: ['role'],
    read: () => byLabel('role', counters().connections),
  });
  addGauge(registry, {
    name: 'ostraca_queue_bytes',
    help: 'Bytes that wait for peers to read them.',
    read: () => [{ value: counters().queuedBytes }],
  });
  addCounter(registry, {
    name: 'ostraca_frames_total',
    help: 'Frames received and sent.',
    labels: ['kind'],
    read: () => byLabel('kind', { received: counters().framesIn, sent: counters().framesOut }),
  });
  addCounter(registry, {
    name: 'ostraca_frame_bytes_total',
    help: 'Bytes of the frames received and sent.',
    labels: ['kind'],
    read: () => byLabel('kind', { received: counters().bytesIn, sent: counters().bytesOut }),
  });
  addCounter(registry, {
    name: 'ostraca_frames_refused_total',
    help: 'Frames that broke the rules, each of which ended its connection.',
    labels: ['reason'],
    read: () => byLabel('reason', counters().framesRefused),
  });
  addCounter(registry, {
    name: 'ostraca_connections_refused_total',
    help: 'Connections that were refused before they could send anything.',
    labels: ['reason'],
    read: () => byLabel('reason', sums(refused(), counters().connectionsRefused)),
  });
}

function sums(...records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) total[key] = (total[key] ?? 0) + value;
  }
  return total;
}

/** Counts the notes of a machine; their events are a closed list in core. */
export class NoteCounts {
  readonly #counts = new Map<string, number>();

  add({ event }: Note): void {
    this.#counts.set(event, this.of(event) + 1);
  }

  of(event: string): number {
    return this.#counts.get(event) ?? 0;
  }

  addTo(registry: Registry): void {
    addCounter(registry, {
      name: 'ostraca_events_total',
      help: 'Events that are also in the log, by name.',
      labels: ['kind'],
      read: () => byLabel('kind', Object.fromEntries(this.#counts)),
    });
  }
}

export interface Histogram {
  readonly labels: Labels;
  /** For each bound how many were over the one before and not over it; one more for those over the last. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface HistogramMetric {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly read: () => readonly Histogram[];
}

/** Of numbers that are counted into their bounds elsewhere, which prom-client's own histogram cannot take over. */
export function addHistogram(registry: Registry, { name, help, bounds, read }: HistogramMetric): void {
  const get = async (): Promise<object> => ({ name, help, type: 'histogram', values: read().flatMap(samplesOf) });
  const samplesOf = ({ labels, counts, sum }: Histogram): object[] => {
    let count = 0;
    const buckets = [...bounds, '+Inf'].map((bound, index) => {
      count += counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  };
  // A registry asks a metric for its name and its samples, and nothing else.
  registry.registerMetric({ name, get } as unknown as PromMetric);
}

/** One reading for all metrics of a scrape. */
export function readOnce<Facts>(read: () => Facts, nowMs: () => number): () => Facts {
  const KEPT_MS = 50;
  let kept: { readonly facts: Facts; readonly atMs: number } | undefined;
  return () => {
    if (kept === undefined || nowMs() - kept.atMs > KEPT_MS) kept = { facts: read(), atMs: nowMs() };
    return kept.facts;
  };
}
