/**
 * Evictions are writes that no client asked for. A primary decides them, and at that moment the entry is gone for
 * everybody: so they join the history as removals that take no time, and no checker needs an excuse for an absent key.
 */
import type { LogRecord, Shard } from '@ostraca/core';
import type { History } from '../checkers/history.ts';
import { MAPS } from './places.ts';
import { SCRATCH } from './scenario.ts';

export class Evictions {
  readonly #history: History;
  readonly #nameOf: (key: Uint8Array) => string;
  /** A new primary decides again what the one before it decided: the first time counts. */
  readonly #seen = new Set<string>();

  /** `nameOf`: how the history calls a key. */
  constructor(history: History, nameOf: (key: Uint8Array) => string) {
    this.#history = history;
    this.#nameOf = nameOf;
  }

  /** A primary has just decided a record. */
  onDecided({ log, decidedLsn, partition, config }: Shard, atMs: number): void {
    const record = log.at(decidedLsn);
    if (!isEviction(record) || log.abortRecordOf(decidedLsn) !== undefined) return;
    const { epoch, lsn } = record;
    const name = `${partition}/${config.lineage}/${epoch}.${lsn}`;
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    for (const { key } of record.operations) {
      this.#history.add({
        process: 'primary',
        key: this.#nameOf(key),
        action: { kind: 'clear' },
        result: { kind: 'applied', version: { epoch, lsn } },
        invokedMs: atMs,
        returnedMs: atMs,
      });
    }
  }
}

/** By whatever kind of record: nothing in this map has an end. */
function isEviction({ kind, map }: LogRecord): boolean {
  return map === MAPS.indexOf(SCRATCH) && (kind === 'evict' || kind === 'expire');
}
