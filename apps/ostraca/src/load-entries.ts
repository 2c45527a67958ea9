import type { GridMap } from '@ostraca/client';
import { type Key, LIMITS } from '@ostraca/core';
import { SingleBar } from 'cli-progress';

export interface LoadOptions {
  /** After every batch: how many entries are acknowledged. */
  readonly onProgress?: (count: number) => void;
}

/** Batches under way at a time: enough to keep every container busy, few enough to stop soon after a failure. */
const BATCHES_MAX = 8;

/** Writes all entries by setAll in large batches. Resolves to their number once all are acknowledged. */
export async function loadEntries<EntryKey extends Key, Value>(
  map: GridMap<EntryKey, Value>,
  entries: Iterable<readonly [EntryKey, Value]> | AsyncIterable<readonly [EntryKey, Value]>,
  { onProgress }: LoadOptions = {},
): Promise<number> {
  const underWay = new Set<Promise<void>>();
  let count = 0;
  let failure: { readonly error: unknown } | undefined;
  let batch: (readonly [EntryKey, Value])[] = [];
  const send = (): void => {
    const size = batch.length;
    const sent: Promise<void> = map.setAll(batch).then(
      () => {
        count += size;
        onProgress?.(count);
        underWay.delete(sent);
      },
      (error: unknown) => {
        failure ??= { error };
        underWay.delete(sent);
      },
    );
    underWay.add(sent);
    batch = [];
  };
  for await (const entry of entries) {
    batch.push(entry);
    if (batch.length < LIMITS.recordOperationsMax) continue;
    send();
    if (underWay.size >= BATCHES_MAX) await Promise.race(underWay);
    if (failure !== undefined) break;
  }
  if (batch.length > 0 && failure === undefined) send();
  await Promise.all(underWay);
  if (failure !== undefined) throw failure.error;
  return count;
}

export interface Progress {
  update(done: number, entries: number): void;
  stop(): void;
}

/** A bar on a terminal; nothing elsewhere, for a log is no place for one. */
export function newProgress(total: number, { isTerminal }: { readonly isTerminal: boolean }): Progress {
  if (!isTerminal) return { update: () => {}, stop: () => {} };
  const startedAtMs = performance.now();
  const bar = new SingleBar({
    format: '{bar} {percentage}%  {entries} entries  {rate} a second',
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  bar.start(total, 0, { entries: 0, rate: 0 });
  return {
    update(done, entries) {
      const rate = Math.round(entries / Math.max(0.001, (performance.now() - startedAtMs) / 1_000));
      bar.update(Math.min(done, total), { entries: inDigits(entries), rate: inDigits(rate) });
    },
    stop: () => bar.stop(),
  };
}

/** 138398 as 138,398. */
export function inDigits(count: number): string {
  return count.toLocaleString('en-US');
}
