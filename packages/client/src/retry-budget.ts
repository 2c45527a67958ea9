/**
 * Against storms of retries: when a primary refuses everybody, everybody's retries must not be what keeps it down. Over
 * a sliding window a client sends at most a tenth as many retries as requests, and a few in any case, so that a small
 * program retries too. A retry that is answered was none too many and gives its place back: what piled up behind a
 * primary that takes requests again flows as fast as that answers.
 *
 * It counts what is sent again because it was refused or because its connection was lost. What a newer route sends
 * elsewhere is not counted: those that were refused by the old primary have not asked the new one yet.
 */
const STEP_MS = 1_000;
const STEPS = 10;
const SHARE = 0.1;
/** In a window, however few requests there were. */
const FLOOR = 100;

interface Step {
  readonly step: number;
  requests: number;
  retries: number;
}

export class RetryBudget {
  /** The newest last; only those that something happened in. */
  #steps: Step[] = [];
  #requests = 0;
  #retries = 0;

  onRequest(nowMs: number): void {
    this.#now(nowMs).requests += 1;
    this.#requests += 1;
  }

  /** One that is sent whatever the budget says, and counts. */
  onRetry(nowMs: number): void {
    this.#now(nowMs).retries += 1;
    this.#retries += 1;
  }

  hasRoom(nowMs: number): boolean {
    this.#now(nowMs);
    return this.#retries < Math.max(FLOOR, SHARE * this.#requests);
  }

  /** A retry was answered. */
  giveBack(): void {
    for (let index = this.#steps.length - 1; index >= 0; index -= 1) {
      const step = this.#steps[index];
      if (step === undefined || step.retries === 0) continue;
      step.retries -= 1;
      this.#retries -= 1;
      return;
    }
  }

  #now(nowMs: number): Step {
    const now = Math.floor(nowMs / STEP_MS);
    let newest = this.#steps.at(-1);
    if (newest === undefined || newest.step < now) {
      newest = { step: now, requests: 0, retries: 0 };
      this.#steps.push(newest);
      while (this.#steps[0] !== undefined && this.#steps[0].step <= now - STEPS) this.#forgetOldest();
    }
    return newest;
  }

  #forgetOldest(): void {
    const oldest = this.#steps.shift();
    this.#requests -= oldest?.requests ?? 0;
    this.#retries -= oldest?.retries ?? 0;
  }
}
