/** What is to happen at a later time: looked at with each tick of the machine, so it may be a tick late. Few at once. */
export interface Timer {
  readonly dueMs: number;
  readonly act: (nowMs: number) => void;
  /** The client was closed before that. */
  readonly onClosed?: (() => void) | undefined;
}

export class Timers {
  readonly #timers = new Set<Timer>();

  at(dueMs: number, act: Timer['act'], onClosed?: Timer['onClosed']): Timer {
    const timer = { dueMs, act, onClosed };
    this.#timers.add(timer);
    return timer;
  }

  cancel(timer: Timer | undefined): void {
    if (timer !== undefined) this.#timers.delete(timer);
  }

  close(): void {
    for (const timer of [...this.#timers]) if (this.#timers.delete(timer)) timer.onClosed?.();
  }

  onTick(nowMs: number): void {
    if (this.#timers.size === 0) return;
    for (const timer of [...this.#timers]) {
      // One may have cancelled another.
      if (timer.dueMs <= nowMs && this.#timers.delete(timer)) timer.act(nowMs);
    }
  }
}
