import { uptime } from 'node:os';
import type { Clocks } from '@ostraca/core';

/** Both go on while the machine sleeps, as the monotonic clock does not. */
export const machineClocks: Clocks = {
  wallMs: () => Date.now(),
  bootMs: () => uptime() * 1_000,
};
