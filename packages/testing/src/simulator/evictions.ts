/**
 * Evictions are writes that no client asked for. A primary decides them, and at that moment the entry is gone for
 * everybody: so they join the history as removals that take no time, and no checker needs an excuse for an absent key.
 */
import { type LogRecord, must, type Shard } from '@ostraca/core';
import type { History } from '../checkers/history.ts';
import { MAPS, type Place } from './places.ts';
import { SCRATCH } from './scenario.ts';

export class Evictions {
  readonly #history: History;
  readonly #places: () => readonly Place[];
  /** A new primary decides again what the one before it decided: the first time counts. */
  readonly #seen = new Set<string>();
  count = 0;

  constructor(history: History, places: () => readonly Place[]) {
    this.#history = history;
    this.#places = places;
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
      this.count++;
      this.#history.add({
        process: 'primary',
        key: must(this.#nameOf(key), 'a key that somebody wrote'),
        action: { kind: 'clear' },
        result: { kind: 'applied', version: { epoch, lsn } },
        invokedMs: atMs,
        returnedMs: atMs,
      });
    }
  }

  #nameOf(key: Uint8Array): string | undefined {
    return this.#places().find(({ map, bytes }) => map === SCRATCH && isSame(bytes, key))?.name;
  }
}

/** By whatever kind of record: nothing in this map has an end. */
function isEviction({ kind, map }: LogRecord): boolean {
  return map === MAPS.indexOf(SCRATCH) && (kind === 'evict' || kind === 'expire');
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
