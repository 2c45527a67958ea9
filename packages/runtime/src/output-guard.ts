/**
 * Output that a peer does not take. Past the soft limit we stop reading it: whoever does not read its answers asks
 * nothing more. Past the hard limit we hang up.
 *
 * Only the accepting side stops reading. If both did, two peers with a lot to say to each other would each wait for
 * the other to read, for ever; the dialling side reads on, so one of the two queues always drains. What the dialling
 * side may have queued is bounded by its own windows (LIMITS.replicationWindowBytes, a client's maxPendingBytes); it
 * hangs up on a queue that stands still.
 */
import { LIMITS } from '@ostraca/core';

export type Verdict = 'go' | 'pause' | 'resume' | 'give_up';

/** A dialled peer that is over the hard limit has so much of the usual patience. */
const HARD_PATIENCE = 1 / 3;

export interface OutputGuardOptions {
  readonly accepted: boolean;
  readonly stuckMs: number;
}

export class OutputGuard {
  readonly #accepted: boolean;
  readonly #stuckMs: number;
  #paused = false;
  /** Of the last time that bytes left, or that there was little to leave. */
  #progressAtMs = 0;

  constructor(options: OutputGuardOptions) {
    this.#accepted = options.accepted;
    this.#stuckMs = options.stuckMs;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** `beforeBytes` were queued before a frame was added, `afterBytes` with it. */
  onSent(beforeBytes: number, afterBytes: number, nowMs: number): Verdict {
    if (beforeBytes <= LIMITS.outputSoftBytes) this.#progressAtMs = nowMs;
    // One burst may pass the hard limit, more on top of a queue that waits already may not.
    const waited = beforeBytes > LIMITS.outputSoftBytes;
    if (this.#accepted && waited && afterBytes > LIMITS.outputHardBytes) return 'give_up';
    return this.judge(afterBytes, nowMs);
  }

  onDrained(queuedBytes: number, nowMs: number): Verdict {
    this.#progressAtMs = nowMs;
    return this.judge(queuedBytes, nowMs);
  }

  judge(queuedBytes: number, nowMs: number): Verdict {
    if (queuedBytes <= LIMITS.outputSoftBytes) {
      this.#progressAtMs = nowMs;
      if (!this.#paused || queuedBytes > LIMITS.outputSoftBytes / 2) return 'go';
      this.#paused = false;
      return 'resume';
    }
    const patienceMs = queuedBytes > LIMITS.outputHardBytes ? this.#stuckMs * HARD_PATIENCE : this.#stuckMs;
    if (nowMs - this.#progressAtMs > patienceMs) return 'give_up';
    if (this.#paused || !this.#accepted) return 'go';
    this.#paused = true;
    return 'pause';
  }

  /** We have been away for so long: nobody could have made progress with us. */
  forgive(lateMs: number): void {
    this.#progressAtMs += lateMs;
  }
}
