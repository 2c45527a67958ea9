import { monotonicMs } from './clock.ts';
import { JournalError } from './journal-error.ts';
import type { Platform } from './platform.ts';
import { startTicker } from './ticker.ts';
import { dialSocket } from './ws-socket.ts';

/** sysexits.h: an internal software error. */
const EXIT_SOFTWARE = 70;

export const nodePlatform: Platform = {
  nowMs: monotonicMs,
  // A microtask alone would run in the middle of a wave of promise reactions, a tick alone before it: from a
  // microtask, the tick runs when no reaction is left.
  afterTurn: (act) => queueMicrotask(() => process.nextTick(act)),
  afterReads: (act) => void setImmediate(act),
  startTicks: startTicker,
  dial: dialSocket,
  crash(error) {
    // A disk that is full is no bug: its message says all that there is to say.
    const why = error instanceof JournalError ? error.message : `a bug stopped this process: ${oneLine(error)}`;
    process.stderr.write(`ostraca: ${why}\n`);
    process.exit(EXIT_SOFTWARE);
  },
};

function oneLine(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.replace(/\s*\n\s*/g, ' | ');
}
