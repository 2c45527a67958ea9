/**
 * For `node --import`: watches how long the event loop is away, and tells it to the process that started this one, by
 * the channel, at each SIGUSR2, which also starts a new count.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { PausesMessage } from './pauses.ts';

const RESOLUTION_MS = 1;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();

process.on('SIGUSR2', () => {
  // It counts from one timer to the next, so each count has the time in between as well.
  const millis = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
  const percentiles = [...histogram.percentiles].map(
    ([percent, nanos]) => [Number(percent), millis(Number(nanos))] as const,
  );
  const message: PausesMessage = { type: 'pauses', count: histogram.count, maxMs: millis(histogram.max), percentiles };
  process.send?.(message);
  histogram.reset();
});
