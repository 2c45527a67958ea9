/** Pauses of another process's event loop, which only that process can see. */
import type { Child } from '../children.ts';

const PRELOAD = new URL('./preload.js', import.meta.url).href;
const ANSWER_MS = 30_000;

export interface Pauses {
  readonly count: number;
  readonly maxMs: number;
  /** Percent and milliseconds, ascending: so many of the counts are not over that. */
  readonly percentiles: readonly (readonly [number, number])[];
}

export interface PausesMessage extends Pauses {
  readonly type: 'pauses';
}

/** For the Node.js of a process whose pauses will be asked for. */
export const PAUSE_ARGS = ['--import', PRELOAD];

/** Since it was asked last. */
export async function takePauses(child: Child): Promise<Pauses> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${child.name} says nothing of its pauses`)), ANSWER_MS);
    const onMessage = (message: unknown): void => {
      if ((message as PausesMessage).type !== 'pauses') return;
      clearTimeout(timer);
      child.process.off('message', onMessage);
      resolve(message as PausesMessage);
    };
    child.process.on('message', onMessage);
    void child.ended.then((how) => reject(new Error(`${child.name} ended with ${how}:\n${child.log()}`)));
    child.process.kill('SIGUSR2');
  });
}

/** How many counts are not over each bound, but over the one before; one more for those over the last. */
export function countsWithin({ count, percentiles }: Pauses, boundsMs: readonly number[]): number[] {
  const counts: number[] = new Array(boundsMs.length + 1).fill(0);
  let before = 0;
  for (const [percent, ms] of percentiles) {
    const found = boundsMs.findIndex((bound) => ms <= bound);
    const index = found < 0 ? boundsMs.length : found;
    counts[index] = (counts[index] as number) + ((percent - before) * count) / 100;
    before = percent;
  }
  return counts.map(Math.round);
}
