/** Writes at a steady rate beside a closed loop: an open loop, whose writes do not wait for each other. */
import { KeySequence, ValuePool } from './key-sequence.ts';
import type { Target } from './target.ts';
import type { Task } from './task.ts';

const STEP_MS = 5;
/** A system that cannot keep up is not buried: what does not fit is left out, and the figures say what was done. */
const IN_FLIGHT_MAX = 4_096;

export interface SteadyWrites {
  /** Rejects when a write fails; does not resolve. */
  readonly failed: Promise<never>;
  end(): void;
}

export function writeSteadily(target: Target, task: Task): SteadyWrites {
  const { writesPerSecond = 0 } = task;
  let fail: (reason: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  if (writesPerSecond === 0) return { failed, end: () => {} };
  const keys = new KeySequence({ ...task, seed: task.seed + 7 });
  const values = new ValuePool(task.valueBytes, task.seed);
  let inFlight = 0;
  let written = 0;
  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * writesPerSecond);
    for (; written < due; written++) {
      if (inFlight >= IN_FLIGHT_MAX) continue;
      inFlight += 1;
      const key = keys.next();
      target.set(key, values.of(keys.index)).then(() => {
        inFlight -= 1;
      }, fail);
    }
  }, STEP_MS);
  return { failed, end: () => clearInterval(timer) };
}
