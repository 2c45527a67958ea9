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
import type { CheckpointSession, LogRecord } from '../messages.ts';
import { SeqWindow } from './seq-window.ts';

interface Session {
  /** The client has the answers of every seq below and will not ask again. */
  ackedBelow: number;
  /** Those carried out, and those in progress. */
  readonly writes: SeqWindow;
  /** By an abort marker: never carried out. */
  readonly rolledBack: Set<number>;
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

const ENDED = { ackedBelow: 0, writes: new SeqWindow(), rolledBack: new Set<number>() } as const;
const NEW: Attempt = { is: 'new' };

export class Sessions {
  readonly #byClient = new Map<ClientId, Session>();

  get clientCount(): number {
    return this.#byClient.size;
  }

  /** Of the client that has most: what is remembered of its writes, and those without an outcome. */
  get rememberedMax(): number {
    let max = 0;
    for (const { writes, rolledBack, refused } of this.#byClient.values()) {
      max = Math.max(max, writes.doneCount + writes.inProgressCount + rolledBack.size + refused.size);
    }
    return max;
  }

  /** `ackedBelow` is the request's: a client whose writes log nothing moves its window by that alone. */
  find(clientId: ClientId, seq: number, ackedBelow = 0): Attempt {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return NEW;
    if (seq < session.ackedBelow) return { is: 'stale' };
    const { writes, rolledBack, refused } = session;
    const lsn = writes.lsnOf(seq);
    const epoch = writes.epochOf(seq);
    if (epoch > 0) return { is: 'done', epoch, lsn };
    if (rolledBack.size > 0 && rolledBack.has(seq)) return { is: 'rolled_back' };
    if (lsn > 0) return { is: 'in_progress', lsn };
    const refusal = refused.size > 0 ? refused.get(seq) : undefined;
    if (refusal !== undefined) return { is: 'refused', refusal };
    const window = 2 * LIMITS.outstandingPerPartitionMax;
    const isOutside = seq >= Math.max(session.ackedBelow, ackedBelow) + window || writes.inProgressCount >= window;
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
      const isIdle = session.writes.inProgressCount === 0 && nowMs - session.activeMs >= LIMITS.sessionIdleMs;
      if (isIdle && clients.push(clientId) >= countMax) break;
    }
    return clients;
  }

  begin(record: LogRecord): void {
    if (record.kind === 'session') return;
    if (record.clientId === '') return;
    // The client has said so itself, whatever becomes of the record.
    this.acknowledge(record.clientId, record.ackedBelow);
    this.#session(record.clientId).writes.begin(record.seq, record.lsn);
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
    session.writes.endProgress(record.seq, record.lsn);
    this.#acknowledge(session, record.ackedBelow);
    if (!committed || record.seq < session.ackedBelow) return;
    if (record.kind === 'abortMarker') session.rolledBack.add(record.seq);
    else session.writes.done(record.seq, record.epoch, record.lsn);
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
    if (!session.writes.endProgress(record.seq, record.lsn)) return;
    this.refuse(record.clientId, record.seq, 'replication_voted_to_rollback');
  }

  acknowledge(clientId: ClientId, ackedBelow: number): void {
    this.#acknowledge(this.#session(clientId), ackedBelow);
  }

  #acknowledge(session: Session, ackedBelow: number): void {
    if (ackedBelow <= session.ackedBelow) return;
    session.ackedBelow = ackedBelow;
    session.writes.dropBelow(ackedBelow);
    for (const table of [session.rolledBack, session.refused]) {
      if (table.size === 0) continue;
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
      session.writes.forgetProgress();
      session.refused.clear();
      session.activeMs = undefined;
    }
  }

  /** `only`: of these clients, also of those that have no session any more: they come with nothing. */
  *checkpoint(only?: ReadonlySet<ClientId>): Generator<CheckpointSession> {
    for (const clientId of only ?? this.#byClient.keys()) {
      const { ackedBelow, writes, rolledBack } = this.#byClient.get(clientId) ?? ENDED;
      yield { clientId, ackedBelow, done: [...writes.decided()], rolledBack: [...rolledBack] };
    }
  }

  /** Before what comes of it in a dirty round. */
  forget(clientId: ClientId): void {
    this.#byClient.delete(clientId);
  }

  restore({ clientId, ackedBelow, done, rolledBack }: CheckpointSession): void {
    const session = this.#session(clientId);
    this.#acknowledge(session, ackedBelow);
    for (const { seq, epoch, lsn } of done) session.writes.done(seq, epoch, lsn);
    for (const seq of rolledBack) if (seq >= session.ackedBelow) session.rolledBack.add(seq);
  }

  /** If it came back meanwhile, what it has undecided finds its session, as new as on every replica. */
  #expire(clientId: ClientId): void {
    const writes = this.#byClient.get(clientId)?.writes;
    this.#byClient.delete(clientId);
    for (const [seq, lsn] of writes?.inProgress() ?? []) this.#session(clientId).writes.begin(seq, lsn);
  }

  #session(clientId: ClientId): Session {
    let session = this.#byClient.get(clientId);
    if (session === undefined) {
      session = {
        ackedBelow: 0,
        writes: new SeqWindow(),
        rolledBack: new Set(),
        refused: new Map(),
        activeMs: undefined,
      };
      this.#byClient.set(clientId, session);
    }
    return session;
  }
}
