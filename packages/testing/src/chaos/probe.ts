/** One writer per partition that never rests: when could nobody write there, and for how long? */
import { type Grid, GridError } from '@ostraca/client';
import { encodeKey, partitionOf } from '@ostraca/core';
import { pause } from './grid-processes.ts';
import { monotonicMs } from './monotonic.ts';

export const PROBES = 'probes';

export interface ProbeWrite {
  readonly key: string;
  readonly value: string;
  readonly version: string;
  readonly invokedMs: number;
  readonly returnedMs: number;
}

export interface ProbeOptions {
  readonly grid: Grid;
  readonly partitions: number;
  /** Between two writes to a partition. */
  readonly paceMs: number;
  /** Of a write that was acknowledged. */
  readonly onWrite?: (write: ProbeWrite) => void;
  /** Of one that was not. */
  readonly onFailure?: (write: Omit<ProbeWrite, 'version'>, error: GridError) => void;
}

/** From the end of the last write that succeeded to the end of the next. */
export interface Outage {
  readonly partition: number;
  readonly startMs: number;
  readonly lengthMs: number;
}

/** A gap that is not longer is the pace, the clock's step, or a busy machine. */
const OUTAGE_MS_MIN = 250;

export class Probes {
  readonly outages: Outage[] = [];
  readonly #options: ProbeOptions;
  /** By partition. */
  readonly #lastOkMs: number[];
  /** When the last write that succeeded was begun. */
  readonly #lastStartMs: number[];
  #running: Promise<void>[] = [];
  #isStopped = false;
  #values = 0;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#lastOkMs = new Array<number>(options.partitions).fill(0);
    this.#lastStartMs = new Array<number>(options.partitions).fill(0);
  }

  start(): void {
    const nowMs = monotonicMs();
    this.#lastOkMs.fill(nowMs);
    this.#running = probeKeys(this.#options.partitions).map((key, partition) => this.#probe(partition, key));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  /**
   * Until a write that was begun after this moment has succeeded in each of these partitions.
   *
   * @returns When each did.
   */
  async writableSince(sinceMs: number, partitions: readonly number[], deadlineMs: number): Promise<number[]> {
    while (partitions.some((partition) => (this.#lastStartMs[partition] ?? 0) < sinceMs)) {
      if (monotonicMs() - sinceMs > deadlineMs) {
        const missing = partitions.filter((partition) => (this.#lastStartMs[partition] ?? 0) < sinceMs);
        throw new Error(`no writes within ${deadlineMs} ms in partitions ${missing.join(', ')}`);
      }
      await pause(2);
    }
    return partitions.map((partition) => this.#lastOkMs[partition] ?? 0);
  }

  async #probe(partition: number, key: string): Promise<void> {
    const { grid, paceMs, onWrite, onFailure } = this.#options;
    const map = grid.map<string, string>(PROBES);
    while (!this.#isStopped) {
      this.#values += 1;
      const value = `probe.${this.#values}`;
      const invokedMs = monotonicMs();
      try {
        const version = await map.set(key, value, { deadlineMs: 10_000 });
        const returnedMs = monotonicMs();
        const lengthMs = returnedMs - (this.#lastOkMs[partition] ?? returnedMs);
        if (lengthMs > OUTAGE_MS_MIN) this.outages.push({ partition, startMs: returnedMs - lengthMs, lengthMs });
        this.#lastOkMs[partition] = returnedMs;
        this.#lastStartMs[partition] = invokedMs;
        onWrite?.({ key, value, version, invokedMs, returnedMs });
        await pause(paceMs);
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        onFailure?.({ key, value, invokedMs, returnedMs: monotonicMs() }, error);
        await pause(Math.min(paceMs, 10));
      }
    }
  }
}

/** By partition, one key that lies in it. */
export function probeKeys(partitions: number): string[] {
  const keys = new Array<string | undefined>(partitions).fill(undefined);
  let missing = partitions;
  for (let index = 0; missing > 0; index++) {
    const key = `probe-${index}`;
    const partition = partitionOf(encodeKey(key), partitions, []);
    if (keys[partition] !== undefined) continue;
    keys[partition] = key;
    missing -= 1;
  }
  return keys.filter((key) => key !== undefined);
}
