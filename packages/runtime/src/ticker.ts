import { monotonicMs } from './clock.ts';
import type { Ticker, TickOptions } from './platform.ts';

/**
 * Ticks that are judged after the sockets were read. After a stall of ours (a long turn, SIGSTOP) the timer fires
 * first, while what peers sent meanwhile still waits in the kernel: a tick judged there would take our own silence
 * for theirs. An immediate runs after the poll phase, which has read it.
 */
export function startTicker(options: TickOptions): Ticker {
  let planned = monotonicMs() + options.tickMs;
  let stopped = false;
  let alive = !options.unref;
  let timer = plan();

  function plan(): NodeJS.Timeout {
    const next = setTimeout(() => setImmediate(tick), options.tickMs);
    if (!alive) next.unref();
    return next;
  }

  function tick(): void {
    if (stopped) return;
    const nowMs = monotonicMs();
    const lateMs = Math.max(0, nowMs - planned);
    planned = nowMs + options.tickMs;
    // Planned first, so that a machine that throws does not stop the clock of those who want to say so.
    timer = plan();
    options.onTick(nowMs, lateMs);
  }

  return {
    keepAlive(on) {
      alive = on;
      if (on) timer.ref();
      else timer.unref();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
