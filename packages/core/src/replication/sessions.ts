/**
 * What a partition remembers of its clients' writes, so that a retry gets the first attempt's answer (RIFL, Lee et
 * al., SOSP 2015: the completion record lies in the same log record as the write, so it survives a fail-over with it).
 *
 * `done` and `rolledBack` follow from decided records alone and are the same on every replica. `inProgress` and `refused`
 * are the primary's: writes and abort markers in its log that are not decided, and answers it gave without logging anything.
 */
import type { ErrorCode } from '../errors.ts';
import type { ClientId, Epoch, Lsn } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { CheckpointSession, CompletionRecord, LogRecord } from '../messages.ts';

interface Session {
  /** The client has the answers of every seq below and will not ask again. */
  ackedBelow: number;
  readonly done: Map<number, { readonly epoch: Epoch; readonly lsn: Lsn }>;
  /** By an abort marker: never carried out. */
  readonly rolledBack: Set<number>;
  readonly inProgress: Map<number, Lsn>;
  readonly refused: Map<number, RememberedRefusal>;
  /** At the primary: when it last asked, by the monotonic clock; undefined: not since this shard's promotion. */
  activeMs: number | undefined;
}

/** `absent`: a delete found nothing, which is no error. */
export type RememberedRefusal = ErrorCode | 'absent';

export type Attempt =
  | { readonly is: 'new' }
  | { readonly is: 'done'; readonly epoch: Epoch; readonly lsn: Lsn }
  | { readonly is: 'in_progress'; readonly lsn: Lsn }
  | { readonly is: 'rolled_back' }
  | { readonly is: 'refused'; readonly refusal: RememberedRefusal }
  | { readonly is: 'stale' }
  | { readonly is: 'outside_window' };

const ENDED = {
  ackedBelow: 0,
  done: new Map<number, { epoch: Epoch; lsn: Lsn }>(),
  rolledBack: new Set<number>(),
} as const;
const NEW: Attempt = { is: 'new' };

export class Sessions {
  readonly #byClient = new Map<ClientId, Session>();

  get clientCount(): number {
    return this.#byClient.size;
  }

  /** Of the client that has most: what is remembered of its writes, and those without an outcome. */
  get rememberedMax(): number {
    let max = 0;
    for (const { done, rolledBack, refused, inProgress } of this.#byClient.values()) {
      max = Math.max(max, done.size + rolledBack.size + refused.size + inProgress.size);
    }
    return max;
  }

  /** `ackedBelow` is the request's: a client whose writes log nothing moves its window by that alone. */
  find(clientId: ClientId, seq: number, ackedBelow = 0): Attempt {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return NEW;
    if (seq < session.ackedBelow) return { is: 'stale' };
    const done = session.done.get(seq);
    if (done !== undefined) return { is: 'done', ...done };
    if (session.rolledBack.has(seq)) return { is: 'rolled_back' };
    const lsn = session.inProgress.get(seq);
    if (lsn !== undefined) return { is: 'in_progress', lsn };
    const refusal = session.refused.get(seq);
    if (refusal !== undefined) return { is: 'refused', refusal };
    const window = 2 * LIMITS.outstandingPerPartitionMax;
    const isOutside = seq >= Math.max(session.ackedBelow, ackedBelow) + window || session.inProgress.size >= window;
    return isOutside ? { is: 'outside_window' } : NEW;
  }

  /** The client asks: it is not idle. */
  noteActive(clientId: ClientId, nowMs: number): void {
    const session = this.#byClient.get(clientId);
    if (session !== undefined) session.activeMs = nowMs;
  }

  /** At the primary: clients that were idle for so long, with nothing undecided; at most `countMax`. */
  idle(nowMs: number, countMax: number): ClientId[] {
    const clients: ClientId[] = [];
    for (const [clientId, session] of this.#byClient) {
      session.activeMs ??= nowMs;
      const isIdle = session.inProgress.size === 0 && nowMs - session.activeMs >= LIMITS.sessionIdleMs;
      if (isIdle && clients.push(clientId) >= countMax) break;
    }
    return clients;
  }

  begin(record: LogRecord): void {
    if (record.kind === 'session') return;
    if (record.clientId !== '') this.#session(record.clientId).inProgress.set(record.seq, record.lsn);
  }

  /** The record is decided: committed, or rolled back and then new again unless the primary remembers its answer. */
  end(record: LogRecord, committed: boolean): void {
    if (record.clientId === '') return;
    if (record.kind === 'session') {
      if (committed) this.#expire(record.clientId);
      return;
    }
    const session = this.#session(record.clientId);
    // A retry may already stand in the log under the same seq, when this one was rolled back.
    if (session.inProgress.get(record.seq) === record.lsn) session.inProgress.delete(record.seq);
    if (committed && record.seq >= session.ackedBelow) {
      if (record.kind === 'abortMarker') session.rolledBack.add(record.seq);
      else session.done.set(record.seq, { epoch: record.epoch, lsn: record.lsn });
    }
    this.acknowledge(record.clientId, record.ackedBelow);
  }

  /** A definitive not-applied answer was given: a late copy of an earlier attempt must get the same. */
  refuse(clientId: ClientId, seq: number, refusal: RememberedRefusal): void {
    const session = this.#session(clientId);
    if (seq >= session.ackedBelow) session.refused.set(seq, refusal);
  }

  /** The client is told that this record was rolled back. */
  rollBack(record: LogRecord): void {
    if (record.clientId === '') return;
    const session = this.#session(record.clientId);
    if (session.inProgress.get(record.seq) !== record.lsn) return;
    session.inProgress.delete(record.seq);
    this.refuse(record.clientId, record.seq, 'replication_voted_to_rollback');
  }

  acknowledge(clientId: ClientId, ackedBelow: number): void {
    const session = this.#session(clientId);
    if (ackedBelow <= session.ackedBelow) return;
    session.ackedBelow = ackedBelow;
    for (const table of [session.done, session.rolledBack, session.refused]) {
      // They were put in about in the order of their seq: stopping at the first that stays keeps this constant per
      // write; one that was passed over goes when those before it do.
      for (const seq of table.keys()) {
        if (seq >= ackedBelow) break;
        table.delete(seq);
      }
    }
  }

  /** A primary that steps down forgets what only it knew. */
  forgetUndecided(): void {
    for (const session of this.#byClient.values()) {
      session.inProgress.clear();
      session.refused.clear();
      session.activeMs = undefined;
    }
  }

  /** `only`: of these clients, also of those that have no session any more: they come with nothing. */
  *checkpoint(only?: ReadonlySet<ClientId>): Generator<CheckpointSession> {
    for (const clientId of only ?? this.#byClient.keys()) {
      const { ackedBelow, done, rolledBack } = this.#byClient.get(clientId) ?? ENDED;
      const records: CompletionRecord[] = [];
      for (const [seq, { epoch, lsn }] of done) records.push({ seq, epoch, lsn });
      yield { clientId, ackedBelow, done: records, rolledBack: [...rolledBack] };
    }
  }

  /** Before what comes of it in a dirty round. */
  forget(clientId: ClientId): void {
    this.#byClient.delete(clientId);
  }

  restore({ clientId, ackedBelow, done, rolledBack }: CheckpointSession): void {
    const session = this.#session(clientId);
    for (const { seq, epoch, lsn } of done) {
      if (seq >= session.ackedBelow) session.done.set(seq, { epoch, lsn });
    }
    for (const seq of rolledBack) if (seq >= session.ackedBelow) session.rolledBack.add(seq);
    this.acknowledge(clientId, ackedBelow);
  }

  /** If it came back meanwhile, what it has undecided finds its session, as new as on every replica. */
  #expire(clientId: ClientId): void {
    const inProgress = this.#byClient.get(clientId)?.inProgress;
    this.#byClient.delete(clientId);
    for (const [seq, lsn] of inProgress ?? []) this.#session(clientId).inProgress.set(seq, lsn);
  }

  #session(clientId: ClientId): Session {
    let session = this.#byClient.get(clientId);
    if (session === undefined) {
      session = {
        ackedBelow: 0,
        done: new Map(),
        rolledBack: new Set(),
        inProgress: new Map(),
        refused: new Map(),
        activeMs: undefined,
      };
      this.#byClient.set(clientId, session);
    }
    return session;
  }
}
