/**
 * A load whose every answer is kept, and judged against what the grid holds in the end: unique keys, each written
 * once, and counters that several writers step by `ifVersion`.
 */
import { type Grid, GridError, type GridMap } from '@ostraca/client';
import { encodeKey, partitionOf } from '@ostraca/core';

interface CounterValue {
  readonly count: number;
}

export interface Verdict {
  readonly acknowledged: number;
  readonly rolledBack: number;
  readonly unknown: number;
  readonly counterSteps: number;
  readonly counterUnknown: number;
  /** Acknowledged, and not there. */
  readonly missing: string[];
  /** Answered as not applied, and there. */
  readonly present: string[];
  /** Counters beyond what acknowledged and unknown steps allow, each with its figures. */
  readonly wrongCounters: string[];
  readonly reasons: Readonly<Record<string, number>>;
}

export class Workload {
  readonly #grid: Grid;
  readonly #orders: GridMap<string, string>;
  readonly #counters: GridMap<string, CounterValue>;
  readonly #unique = new Map<string, 'acknowledged' | 'rolled_back' | 'unknown'>();
  readonly #steps = new Map<string, { done: number; unknown: number }>();
  readonly #reasons = new Map<string, number>();
  #running: Promise<void>[] = [];
  #stop = false;

  constructor(grid: Grid) {
    this.#grid = grid;
    this.#orders = grid.map<string, string>('orders');
    this.#counters = grid.map<string, CounterValue>('counters');
  }

  get acknowledged(): number {
    let count = 0;
    for (const outcome of this.#unique.values()) if (outcome === 'acknowledged') count++;
    return count;
  }

  /** Half of the writers write unique keys, half step counters, four writers to a counter. */
  start(writers: number, paceMs = 1): void {
    for (let writer = 0; writer < writers; writer++) {
      const step = writer % 2 === 0 ? this.#uniqueWriter(writer) : this.#counterWriter(`counter-${writer >> 3}`);
      this.#running.push(this.#loop(step, paceMs));
    }
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#running);
    this.#running = [];
  }

  async judge(): Promise<Verdict> {
    const missing: string[] = [];
    const present: string[] = [];
    const found = await this.#orders.getAll([...this.#unique.keys()]);
    const tally = { acknowledged: 0, rolled_back: 0, unknown: 0 };
    for (const [key, outcome] of this.#unique) {
      tally[outcome]++;
      if (outcome === 'acknowledged' && found.get(key) !== key) missing.push(key);
      if (outcome === 'rolled_back' && found.has(key)) present.push(key);
    }
    const wrongCounters: string[] = [];
    let counterSteps = 0;
    let counterUnknown = 0;
    for (const [key, { done, unknown }] of this.#steps) {
      counterSteps += done;
      counterUnknown += unknown;
      const count = (await this.#counters.get(key))?.count ?? 0;
      if (count < done || count > done + unknown)
        wrongCounters.push(`${key}: ${count}, ${done} done, ${unknown} unknown`);
    }
    return {
      acknowledged: tally.acknowledged,
      rolledBack: tally.rolled_back,
      unknown: tally.unknown,
      counterSteps,
      counterUnknown,
      missing,
      present,
      wrongCounters,
      reasons: Object.fromEntries(this.#reasons),
    };
  }

  async #loop(step: () => Promise<void>, paceMs: number): Promise<void> {
    while (!this.#stop) {
      await step();
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  }

  #uniqueWriter(writer: number): () => Promise<void> {
    let next = 0;
    return async () => {
      const key = `w${writer}-${next++}`;
      try {
        await this.#orders.insert(key, key);
        this.#unique.set(key, 'acknowledged');
      } catch (error) {
        this.#unique.set(key, this.#outcomeOf(error) === 'unknown' ? 'unknown' : 'rolled_back');
      }
    };
  }

  #counterWriter(key: string): () => Promise<void> {
    const steps = this.#steps.get(key) ?? { done: 0, unknown: 0 };
    this.#steps.set(key, steps);
    return async () => {
      let wrote = false;
      try {
        const entry = await this.#counters.getEntry(key);
        wrote = true;
        if (entry === undefined) await this.#counters.insert(key, { count: 1 });
        else await this.#counters.set(key, { count: entry.value.count + 1 }, { ifVersion: entry.version });
        steps.done++;
      } catch (error) {
        if (this.#outcomeOf(error) === 'unknown' && wrote) steps.unknown++;
      }
    };
  }

  #outcomeOf(error: unknown): string {
    if (!(error instanceof GridError)) throw error;
    this.#reasons.set(error.code, (this.#reasons.get(error.code) ?? 0) + 1);
    return error.outcome;
  }

  /** How long, from now, until one write into every partition has succeeded. */
  async untilWritable(partitions: number, deadlineMs: number): Promise<number> {
    const probes = this.#grid.map<number, number>('probes');
    const start = performance.now();
    const keys = probeKeys(partitions);
    await Promise.all(
      keys.map(async (key) => {
        for (;;) {
          try {
            await probes.set(key, key, { deadlineMs: 1_000 });
            return;
          } catch (error) {
            if (!(error instanceof GridError)) throw error;
            if (performance.now() - start > deadlineMs) throw error;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      }),
    );
    return performance.now() - start;
  }
}

/** One key for each partition. */
function probeKeys(partitions: number): number[] {
  const keys: number[] = [];
  const seen = new Set<number>();
  for (let key = 0; seen.size < partitions; key++) {
    const partition = partitionOf(encodeKey(key), partitions, []);
    if (seen.has(partition)) continue;
    seen.add(partition);
    keys.push(key);
  }
  return keys;
}
