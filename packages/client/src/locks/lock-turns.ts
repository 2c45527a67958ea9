/** Of the tasks of one client that want the same lock, one asks for it; the others wait here, in their order. */
import type { GridError } from '@ostraca/core';
import type { Timers } from '../timers.ts';

export interface TurnWait {
  readonly endMs: number;
  readonly signal: AbortSignal | undefined;
  /** What the waiting ends with instead. */
  readonly failures: Readonly<Record<'late' | 'aborted' | 'closed', () => GridError>>;
}

export class LockTurns {
  readonly #timers: Timers;
  /** By name, while somebody has the turn: who comes next. */
  readonly #next = new Map<string, Set<() => void>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  async take(name: string, { endMs, signal, failures }: TurnWait): Promise<void> {
    const next = this.#next.get(name);
    if (next === undefined) {
      this.#next.set(name, new Set());
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (failure: () => GridError): void => {
        end();
        reject(failure());
      };
      const onAbort = (): void => leave(failures.aborted);
      const timer = this.#timers.at(
        endMs,
        () => leave(failures.late),
        () => leave(failures.closed),
      );
      const end = (): void => {
        next.delete(go);
        this.#timers.cancel(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const go = (): void => {
        end();
        resolve();
      };
      next.add(go);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort);
    });
  }

  /** By whom has the turn. */
  pass(name: string): void {
    const next = this.#next.get(name);
    const [go] = next ?? [];
    if (go === undefined) this.#next.delete(name);
    else go();
  }
}
