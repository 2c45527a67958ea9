/**
 * Histories of a store that runs one transaction at a time, each at a moment between its beginning and its end. Faults
 * break the store, or change what one read answered.
 */
import { must, newRandom, type Random } from '@ostraca/core';
import type { ListOperation, ListTransaction } from './list-append.ts';

export interface HistoryTerms {
  readonly seed: number;
  readonly transactions: number;
  /** Keys that are used at a time. */
  readonly keys: number;
  /** How many values a key takes before another takes its place. */
  readonly valuesOfKey: number;
  readonly operationsMax: number;
  /** One in so many is rolled back, and another one in so many has an unknown outcome. 0: none. */
  readonly badOneIn: number;
  /** Whether all keys are read in the end. */
  readonly final: boolean;
  /** Place in the history of a transaction whose appends the store forgets, or, of a rolled-back one, keeps. */
  readonly forgets?: number;
  readonly keeps?: number;
}

export const SMALL: Omit<HistoryTerms, 'seed'> = {
  transactions: 40,
  keys: 4,
  valuesOfKey: 12,
  operationsMax: 5,
  badOneIn: 8,
  final: true,
};

const MOMENT_MS = 10;

export function randomHistory(terms: HistoryTerms): ListTransaction[] {
  return new Store(terms).run();
}

/** The lists to which a transaction has appended. */
type View = Map<string, readonly number[]>;

class Store {
  private readonly terms: HistoryTerms;
  private readonly random: Random;
  private readonly lists = new Map<string, readonly number[]>();
  private readonly names: string[];
  private readonly appendCounts = new Map<string, number>();
  private readonly freeAtMs: number[] = [];
  private keyCount = 0;

  constructor(terms: HistoryTerms) {
    this.terms = terms;
    this.random = newRandom(terms.seed);
    this.names = Array.from({ length: terms.keys }, () => this.newKey());
  }

  run(): ListTransaction[] {
    const { transactions, final } = this.terms;
    const history = Array.from({ length: transactions }, (_, index) => this.transaction(index));
    if (final) {
      const startMs = (transactions + 100) * MOMENT_MS;
      const operations = [...this.appendCounts.keys()].map((key): ListOperation => this.read(key, new Map()));
      history.push({ process: 'final', startMs, endMs: startMs + 1, outcome: 'committed', operations });
    }
    return history;
  }

  private transaction(index: number): ListTransaction {
    const outcome = this.drawOutcome();
    const atMs = (index + 1) * MOMENT_MS;
    const { startMs, endMs, process } = this.times(atMs);
    const own: View = new Map();
    const count = 1 + this.random.below(this.terms.operationsMax);
    const operations = Array.from({ length: count }, () => this.operation(own));
    const isApplied = outcome === 'committed' || (outcome === 'unknown' && this.random.below(2) === 0);
    const isKept = index === this.terms.keeps || (isApplied && index !== this.terms.forgets);
    if (isKept) for (const [key, list] of own) this.lists.set(key, list);
    return { process, startMs, endMs: outcome === 'unknown' ? Number.POSITIVE_INFINITY : endMs, outcome, operations };
  }

  private drawOutcome(): ListTransaction['outcome'] {
    const { badOneIn } = this.terms;
    const draw = badOneIn === 0 ? 2 : this.random.below(badOneIn);
    return draw === 0 ? 'rolledBack' : draw === 1 ? 'unknown' : 'committed';
  }

  /** Processes run one transaction at a time; no two moments are equal. */
  private times(atMs: number): { startMs: number; endMs: number; process: string } {
    const startMs = atMs - this.random.unit() * 6 * MOMENT_MS;
    const endMs = atMs + this.random.unit() * 6 * MOMENT_MS;
    let process = this.freeAtMs.findIndex((freeAtMs) => freeAtMs < startMs);
    if (process < 0) process = this.freeAtMs.length;
    this.freeAtMs[process] = endMs;
    return { startMs, endMs, process: `p${process}` };
  }

  private operation(own: View): ListOperation {
    const place = this.random.below(this.names.length);
    const key = must(this.names[place], 'key');
    const draw = this.random.below(10);
    if (draw === 0) {
      const entries = this.names.map((name): readonly [string, readonly number[]] => [name, this.list(name, own)]);
      return { kind: 'readAll', entries };
    }
    if (draw < 5) return this.read(key, own);
    const value = (this.appendCounts.get(key) ?? 0) + 1;
    this.appendCounts.set(key, value);
    own.set(key, [...this.list(key, own), value]);
    if (value === this.terms.valuesOfKey) this.names[place] = this.newKey();
    return { kind: 'append', key, value };
  }

  private read(key: string, own: View): ListOperation {
    return { kind: 'read', key, list: this.list(key, own) };
  }

  private list(key: string, own: View): readonly number[] {
    return own.get(key) ?? this.lists.get(key) ?? [];
  }

  private newKey(): string {
    const key = `k${this.keyCount++}`;
    this.appendCounts.set(key, 0);
    return key;
  }
}

/** The same history, but one read answers another list. */
export function withList(
  history: readonly ListTransaction[],
  at: { transaction: number; operation: number },
  list: readonly number[],
): ListTransaction[] {
  return history.map((transaction, index) => {
    if (index !== at.transaction) return transaction;
    const operations = transaction.operations.map((operation, place) =>
      place === at.operation && operation.kind === 'read' ? { ...operation, list } : operation,
    );
    return { ...transaction, operations };
  });
}

export interface PlacedRead {
  readonly transaction: number;
  readonly operation: number;
  readonly key: string;
  readonly list: readonly number[];
}

/** Reads of committed transactions, but for the one in the end. */
export function readsIn(history: readonly ListTransaction[]): PlacedRead[] {
  return history.flatMap(({ operations, outcome, process }, transaction) =>
    operations.flatMap((operation, place) =>
      operation.kind === 'read' && outcome === 'committed' && process !== 'final'
        ? [{ transaction, operation: place, key: operation.key, list: operation.list }]
        : [],
    ),
  );
}
