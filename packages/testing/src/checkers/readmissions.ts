/**
 * Who flaps comes back later each time: 1 s after its first eviction, 2 s after the next, up to 60 s, unless too few are
 * in sync. Judged by what the catalog said, within an epoch, for the next primary begins to count anew; and a little
 * generously, for the primary counts by its own clock.
 */
import { type PartitionConfig, sameRid } from '@ostraca/core';
import type { Violation } from './history.ts';

const FIRST_MS = 1_000;
const MAX_MS = 60_000;
/** Of time in S, or away, after which it may begin anew. */
const ANEW_MS = 58_000;
const CLOCKS = 0.97;

interface Coming {
  evictions: number;
  evictedMs: number;
  addedMs: number;
}

export class Readmissions {
  readonly violations: Violation[] = [];
  readonly #newest = new Map<number, PartitionConfig>();
  readonly #comings = new Map<string, Coming>();
  readonly #minSyncReplicas: number;

  constructor(minSyncReplicas: number) {
    this.#minSyncReplicas = minSyncReplicas;
  }

  observe(config: PartitionConfig, atMs: number): void {
    const before = this.#newest.get(config.partition);
    if (before !== undefined && (config.epoch < before.epoch || config.version <= before.version)) return;
    this.#newest.set(config.partition, config);
    // One that was not seen between the two may have changed S too.
    if (before?.epoch !== config.epoch || before.version + 1 !== config.version) return this.#forget(config.partition);
    for (const rid of before.sync) {
      const left = !config.sync.some(({ incarnation }) => incarnation === rid.incarnation);
      if (left && !before.leaving.some((one) => sameRid(one, rid))) this.#onEvicted(keyOf(config, rid), atMs);
    }
    for (const rid of config.sync) {
      if (before.sync.some(({ incarnation }) => incarnation === rid.incarnation)) continue;
      this.#onAdded({ before, container: rid.container, key: keyOf(config, rid), atMs });
    }
  }

  #forget(partition: number): void {
    for (const key of this.#comings.keys()) if (key.startsWith(`${partition}/`)) this.#comings.delete(key);
  }

  #onEvicted(key: string, atMs: number): void {
    const known = this.#comings.get(key);
    const isSteady = known === undefined || atMs - known.addedMs >= ANEW_MS;
    this.#comings.set(key, { evictions: isSteady ? 1 : known.evictions + 1, evictedMs: atMs, addedMs: atMs });
  }

  #onAdded(added: {
    readonly before: PartitionConfig;
    readonly container: string;
    readonly key: string;
    readonly atMs: number;
  }): void {
    const { before, container, key, atMs } = added;
    const known = this.#comings.get(key);
    if (known === undefined) return;
    const waitMs = Math.min(MAX_MS, FIRST_MS * 2 ** (known.evictions - 1));
    const awayMs = atMs - known.evictedMs;
    known.addedMs = atMs;
    if (awayMs >= ANEW_MS) this.#comings.delete(key);
    if (before.sync.length - 1 < this.#minSyncReplicas || awayMs >= CLOCKS * waitMs) return;
    const times = `${known.evictions} evictions, back ${Math.round(awayMs)} ms after the last`;
    this.violations.push({ rule: 'flapping', what: `partition ${before.partition}, ${container}: ${times}` });
  }
}

function keyOf({ partition }: PartitionConfig, { incarnation }: { incarnation: string }): string {
  return `${partition}/${incarnation}`;
}
