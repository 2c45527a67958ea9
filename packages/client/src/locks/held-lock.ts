/**
 * A lock that we have, as long as it is renewed in time.
 *
 *     │ sent ───▶ written                              ends here, at the earliest │
 *     │<─────────── leaseMs by our clock ──────────▶│ lost: `signal`     ▲
 *     │<── a third ──▶│ renewed                      └── what is left over ──┘
 *
 * The time counts from the sending of the last renewal that was acknowledged, for its primary counts from later. What the
 * entry lives longer covers what a primary's clock may be ahead: a second after a fail-over and one part in a hundred
 * (docs/internals/expiry.md). Who is stopped longer than its lease learns of the loss late, as everywhere: that is
 * what the token is for.
 */
import { GridError, LIMITS } from '@ostraca/core';
import type { ClientMachine } from '../client-machine.ts';
import type { ClientAnswer } from '../pending.ts';
import type { Timer } from '../timers.ts';
import { type EntryVersion, isGone, type LockEntry } from './lock-entry.ts';

/** A lock between programs, from `grid.lock()`. */
export interface GridLock extends AsyncDisposable {
  readonly name: string;
  /**
   * Greater than that of everybody who had the lock before. Give it along with what the lock protects, and let that
   * refuse lesser ones: then a program that was stopped past its lease does no harm when it wakes.
   */
  readonly token: bigint;
  /** Aborted when the lock is lost: not renewed in time, or gone. Before somebody else gets it, unless this process or its machine stood still. */
  readonly signal: AbortSignal;
  /**
   * Resolves when the lock is free, and when it was lost before. Disposing of the lock does the same.
   *
   * @throws {@link GridError} `unavailable`, `timeout`, ...: it is free after its lease at the latest.
   */
  release(): Promise<void>;
}

export interface HeldSettings {
  readonly machine: ClientMachine;
  readonly leaseMs: number;
  readonly operationTimeoutMs: number;
  readonly version: EntryVersion;
  /** Of what got it. */
  readonly sentMs: number;
}

/** How long the entry lives without renewal. */
export function entryTtlMs(leaseMs: number): number {
  return Math.ceil(leaseMs * 1.02) + 1_100;
}

type State = 'held' | 'gone' | 'silent' | 'closed' | 'released';

const WHY = {
  gone: 'it had ended at its primary',
  silent: 'no renewal was acknowledged in time',
  closed: 'the client was closed',
} as const;

export class HeldLock implements GridLock {
  readonly name: string;
  readonly token: bigint;
  readonly #entry: LockEntry;
  readonly #settings: HeldSettings;
  readonly #lost = new AbortController();
  #state: State = 'held';
  #goodUntilMs = 0;
  #loss: Timer | undefined;
  #renewal: Timer | undefined;
  #releasing: Promise<void> | undefined;

  constructor(entry: LockEntry, settings: HeldSettings) {
    this.name = entry.name;
    this.#entry = entry;
    this.#settings = settings;
    const { epoch, lsn } = settings.version;
    this.token = (BigInt(epoch) << 64n) | BigInt(lsn);
    this.#onGood(settings.sentMs);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    const before = this.#state;
    if (before === 'gone' || before === 'closed') return;
    this.#state = 'released';
    this.#stopTimers();
    const { version, operationTimeoutMs } = this.#settings;
    const result = await this.#entry.answerTo({ kind: 'delete', version }, operationTimeoutMs);
    if (before === 'held' && result instanceof GridError && !isGone(result)) throw result;
  }

  #onGood(sentMs: number): void {
    const { machine, leaseMs } = this.#settings;
    this.#stopTimers();
    this.#goodUntilMs = sentMs + leaseMs;
    const onClosed = (): void => this.#lose('closed');
    this.#loss = machine.timers.at(this.#goodUntilMs, () => this.#lose('silent'), onClosed);
    this.#renewal = machine.timers.at(sentMs + leaseMs / 3, (nowMs) => this.#renew(nowMs));
  }

  /** A turn's worth of time, not of patience: one that takes long is given up, for the next counts from later. */
  #renew(sentMs: number): void {
    const { leaseMs, version } = this.#settings;
    const timeoutMs = Math.min(Math.ceil(leaseMs / 3), LIMITS.operationTimeoutMsMax);
    this.#entry.ask({ kind: 'touch', version }, timeoutMs, (result) => this.#onRenewed(sentMs, result));
  }

  #onRenewed(sentMs: number, result: ClientAnswer | GridError): void {
    if (this.#state !== 'held') return;
    const { machine, leaseMs } = this.#settings;
    if (isGone(result)) return this.#lose('gone');
    const nowMs = this.#entry.nowMs();
    if (!(result instanceof GridError)) {
      if (sentMs + leaseMs > nowMs) this.#onGood(sentMs);
      else this.#lose('silent');
      return;
    }
    if (this.#goodUntilMs > nowMs) {
      this.#renewal = machine.timers.at(nowMs + leaseMs / 30, (dueMs) => this.#renew(dueMs));
    }
  }

  #lose(state: 'gone' | 'silent' | 'closed'): void {
    if (this.#state !== 'held') return;
    this.#state = state;
    this.#stopTimers();
    const details = { ...this.#entry.facts, token: `${this.token}`, reason: `the lock was lost: ${WHY[state]}` };
    this.#lost.abort(new GridError('aborted', { outcome: 'not_applied', details }));
  }

  #stopTimers(): void {
    const { timers } = this.#settings.machine;
    timers.cancel(this.#loss);
    timers.cancel(this.#renewal);
  }
}
