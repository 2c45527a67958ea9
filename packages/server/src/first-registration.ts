import {
  type ErrorCode,
  FAILURE_DETECTION_LEVELS,
  GridError,
  type Policy,
  strictestFailureDetection,
} from '@ostraca/core';
import { monotonicMs } from '@ostraca/runtime';
import type { RegistrationEvents } from './registration.ts';

const REACH_CATALOG_MS = 10_000;
/** A catalog that was started with us counts everybody in its journal as alive for 2 s; longer than that. */
const RESTARTED_CATALOG_MS = 3_000;

export interface FirstRegistrationOptions {
  readonly catalogs: readonly string[];
  /** Why there is no connection to a catalog, for people; empty: no reason known. */
  readonly lastFailure: () => string;
}

/** From the start to the first registration, or to the moment at which trying on makes no sense. */
export class FirstRegistration implements RegistrationEvents {
  readonly done: Promise<void>;
  readonly #catalogs: readonly string[];
  #resolve: () => void = () => {};
  #reject: (error: GridError) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #nameTaken = false;

  constructor({ catalogs, lastFailure }: FirstRegistrationOptions) {
    this.#catalogs = catalogs;
    this.done = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    }).finally(() => clearTimeout(this.#timer));
    // It is awaited a little later than it can fail.
    this.done.catch(() => {});
    this.#timer = setTimeout(() => {
      const details = {
        catalogs: catalogs.join(', '),
        reason: lastFailure() || 'no answer',
        waitedMs: REACH_CATALOG_MS,
      };
      this.#reject(new GridError('unavailable', { details }));
    }, REACH_CATALOG_MS);
  }

  onRegistered(): void {
    this.#resolve();
  }

  onRefused(code: ErrorCode, reason: string): void {
    if (code !== 'name_in_use') {
      this.#reject(new GridError(code, { details: { reason } }));
      return;
    }
    if (this.#nameTaken) return;
    this.#nameTaken = true;
    clearTimeout(this.#timer);
    void this.#waitForName(reason);
  }

  /** The predecessor may be dead, with a lease that still runs: after twice that time, but at least 3 s, it is alive. */
  async #waitForName(reason: string): Promise<void> {
    const startedAtMs = monotonicMs();
    const waitMs = Math.max(2 * (await suspectAfterMsOf(this.#catalogs)), RESTARTED_CATALOG_MS);
    const leftMs = Math.max(0, startedAtMs + waitMs - monotonicMs());
    this.#timer = setTimeout(() => {
      this.#reject(new GridError('name_in_use', { details: { reason, waitedMs: waitMs } }));
    }, leftMs);
  }
}

async function suspectAfterMsOf(catalogs: readonly string[]): Promise<number> {
  for (const url of catalogs) {
    try {
      const signal = AbortSignal.timeout(2_000);
      const response = await fetch(new URL('/api/policy', url.replace(/^ws/, 'http')), { signal });
      return strictestFailureDetection((await response.json()) as Policy).suspectAfterMs;
    } catch {
      // Another one may say it.
    }
  }
  return FAILURE_DETECTION_LEVELS.relaxed.suspectAfterMs;
}
