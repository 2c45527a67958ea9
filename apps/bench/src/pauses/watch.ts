/** Pauses of this process's own event loop. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Pauses } from './pauses.ts';

const RESOLUTION_MS = 1;

export class PauseWatch {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Since the last time. */
  take(): Pauses {
    // It counts from one timer to the next, so each count has the time in between as well.
    const millis = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
    const { count, max, percentiles } = this.#histogram;
    const taken = {
      count,
      maxMs: count === 0 ? 0 : millis(max),
      percentiles: [...percentiles].map(([percent, nanos]) => [Number(percent), millis(Number(nanos))] as const),
    };
    this.#histogram.reset();
    return taken;
  }

  end(): void {
    this.#histogram.disable();
  }
}
