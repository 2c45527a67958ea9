/**
 * The last part of a write's time is not for trying again but for learning what became of it: then it ends as committed or
 * not applied whenever a primary can be reached, and its outcome is unknown only if none could say.
 *
 *     │── attempts ───────────────────────────────────│── resolve ──│
 *     call                                        resolveAt     deadline
 *
 * A tenth of the time, half a second at most, for a grid that answers at all answers sooner; but as long as three
 * answers take in this network, and two ticks of the clock. Never more than half.
 */
const SHARE = 0.1;
const MS_MAX = 500;
const ANSWERS = 3;
const MS_MIN = 40;

export function lastPartMs(timeoutMs: number, usualAnswerMs: number): number {
  const share = Math.min(timeoutMs * SHARE, MS_MAX);
  return Math.min(timeoutMs / 2, Math.max(share, ANSWERS * usualAnswerMs, MS_MIN));
}

/** How long a write usually takes here: a moving mean, in which one that waits for a fail-over does not count as such. */
export class UsualAnswer {
  #ms = 0;
  static readonly #weight = 1 / 8;
  static readonly #msMax = 250;

  get ms(): number {
    return this.#ms;
  }

  note(tookMs: number): void {
    const ms = Math.min(tookMs, UsualAnswer.#msMax);
    this.#ms += (ms - this.#ms) * (this.#ms === 0 ? 1 : UsualAnswer.#weight);
  }
}
