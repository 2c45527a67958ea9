/**
 * Locks by name, for `grid.lock()`. One is an entry that lives as long as it is renewed.
 *
 * Those who want the same lock wait at its primary, in the order in which they came; of one client, one at a time, so that
 * a thousand tasks that want one lock do not fill the memory that the primary has for their client.
 */
import { GridError, LIMITS } from '@ostraca/core';
import type { GridContext } from '../calls.ts';
import { checkCount, checkOptions, checkSignal, invalid } from '../check-options.ts';
import type { ClientAnswer } from '../pending.ts';
import { entryTtlMs, type GridLock, HeldLock } from './held-lock.ts';
import { type EntryVersion, isGone, LockEntry } from './lock-entry.ts';
import { LockTurns } from './lock-turns.ts';

export interface LockOptions {
  /** Without renewal, which goes by itself, the lock is lost after so many milliseconds. Default 10_000; 1_000 to 600_000. */
  readonly leaseMs?: number | undefined;
  /** How long to wait for it, in milliseconds. Default: `operationTimeoutMs`; at most 60_000. 0: only if it is free. */
  readonly waitMs?: number | undefined;
  /** Gives the waiting up, at once: `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

const LEASE_MS_MIN = 1_000;
const LEASE_MS_MAX = 600_000;
/** With less than this left it is not asked again. */
const ASK_MS_MIN = 20;

interface Waiting {
  readonly leaseMs: number;
  readonly waitMs: number;
  /** By the host's clock. */
  readonly endMs: number;
  readonly signal: AbortSignal | undefined;
}

export class Locks {
  readonly #context: GridContext;
  readonly #turns: LockTurns;

  constructor(context: GridContext) {
    this.#context = context;
    this.#turns = new LockTurns(context.host.machine.timers);
  }

  async lock(name: string, options: LockOptions = {}): Promise<GridLock> {
    if (typeof name !== 'string' || name === '') throw invalid('name', 'must be a text that is not empty');
    const waiting = this.#parse(options);
    const entry = new LockEntry(this.#context, name);
    const { signal, endMs, waitMs } = waiting;
    await this.#turns.take(name, {
      endMs,
      signal,
      failures: {
        late: () => notInTime(entry, { waitMs }),
        aborted: () => aborted(entry, signal),
        closed: () => new GridError('closed', { outcome: 'not_applied', details: entry.facts }),
      },
    });
    try {
      return await this.#acquire(entry, waiting);
    } finally {
      this.#turns.pass(name);
    }
  }

  #parse(options: LockOptions): Waiting {
    checkOptions(options, { known: ['leaseMs', 'waitMs', 'signal'] });
    const { leaseMs = 10_000, waitMs = this.#context.operationTimeoutMs } = options;
    checkCount('leaseMs', leaseMs, LEASE_MS_MAX);
    if (leaseMs < LEASE_MS_MIN) throw invalid('leaseMs', `must be at least ${LEASE_MS_MIN}`);
    if (waitMs !== 0) checkCount('waitMs', waitMs, LIMITS.operationTimeoutMsMax);
    return { leaseMs, waitMs, endMs: this.#context.host.nowMs() + waitMs, signal: checkSignal(options.signal) };
  }

  async #acquire(entry: LockEntry, waiting: Waiting): Promise<HeldLock> {
    const { leaseMs, waitMs, endMs, signal } = waiting;
    for (;;) {
      if (signal?.aborted) throw aborted(entry, signal);
      const sentMs = entry.nowMs();
      const version = await this.#ask(entry, waiting);
      if (version !== undefined) {
        const goodMs = await this.#goodSince(entry, { version, sentMs, leaseMs });
        if (signal?.aborted) {
          this.#drop(entry, version);
          throw aborted(entry, signal);
        }
        const { machine } = this.#context.host;
        const { operationTimeoutMs } = this.#context;
        if (goodMs !== undefined)
          return new HeldLock(entry, { machine, leaseMs, operationTimeoutMs, version, sentMs: goodMs });
      }
      if (endMs - entry.nowMs() < ASK_MS_MIN) throw notInTime(entry, { waitMs });
    }
  }

  /** @returns undefined: it was given up before its time, or refused although time is left, and may be asked again. */
  async #ask(entry: LockEntry, { leaseMs, waitMs, endMs, signal }: Waiting): Promise<EntryVersion | undefined> {
    const ttlMs = entryTtlMs(leaseMs);
    const result = await (waitMs === 0
      ? entry.answerTo({ kind: 'insert', ttlMs }, this.#context.operationTimeoutMs)
      : this.#askAbortable(entry, { ttlMs, timeoutMs: Math.max(1, Math.ceil(endMs - entry.nowMs())), signal }));
    if (!(result instanceof GridError)) return versionOf(result);
    if (result.code === 'lock_timeout' || result.code === 'duplicate_key') {
      throw notInTime(entry, { waitMs, cause: result });
    }
    // It was found that nothing came of it: its time was over, or others needed its place in the primary's memory.
    if (result.code === 'timeout' && result.outcome === 'not_applied' && waitMs !== 0) return undefined;
    throw result;
  }

  /** When it is given up, it is not forgotten: what was acquired all the same is deleted. */
  #askAbortable(
    entry: LockEntry,
    {
      ttlMs,
      timeoutMs,
      signal,
    }: { readonly ttlMs: number; readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<ClientAnswer | GridError> {
    const { host } = this.#context;
    return new Promise((resolve) => {
      let isGivenUp = false;
      const pending = entry.ask({ kind: 'acquire', ttlMs }, timeoutMs, (result) => {
        signal?.removeEventListener('abort', onAbort);
        if (!isGivenUp) resolve(result);
        else if (!(result instanceof GridError)) this.#drop(entry, versionOf(result));
      });
      const onAbort = (): void => {
        isGivenUp = true;
        resolve(aborted(entry, signal));
        host.turn((nowMs) => host.machine.settle(pending, signal?.reason, nowMs));
      };
      if (pending.state !== 'done') signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Since when it is sure to be ours: who had to wait for it does not know when it was written, and renews it first.
   *
   * @returns undefined: it has ended meanwhile.
   */
  async #goodSince(
    entry: LockEntry,
    { version, sentMs, leaseMs }: { readonly version: EntryVersion; readonly sentMs: number; readonly leaseMs: number },
  ): Promise<number | undefined> {
    if (entry.nowMs() - sentMs <= leaseMs / 3) return sentMs;
    const renewedMs = entry.nowMs();
    const result = await entry.answerTo({ kind: 'touch', version }, this.#context.operationTimeoutMs);
    if (isGone(result)) return undefined;
    const isLate = entry.nowMs() - renewedMs >= leaseMs;
    if (result instanceof GridError || isLate) this.#drop(entry, version);
    if (result instanceof GridError) throw result;
    return isLate ? undefined : renewedMs;
  }

  /** Nobody waits for it; if it fails, the lock ends by itself. */
  #drop(entry: LockEntry, version: EntryVersion): void {
    entry.ask({ kind: 'delete', version }, this.#context.operationTimeoutMs, () => {});
  }
}

function versionOf(answer: ClientAnswer): EntryVersion {
  if (answer.type === 'writeAnswer') return answer;
  throw new GridError('protocol_version', { details: { reason: `write answered by ${answer.type}` } });
}

function notInTime(
  entry: LockEntry,
  { waitMs, cause }: { readonly waitMs: number; readonly cause?: GridError },
): GridError {
  return new GridError('lock_timeout', { details: { ...cause?.details, ...entry.facts, waitMs }, cause });
}

function aborted(entry: LockEntry, signal: AbortSignal | undefined): GridError {
  return new GridError('aborted', { outcome: 'not_applied', details: entry.facts, cause: signal?.reason });
}
