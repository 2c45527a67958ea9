/** A transaction of the client library, attempt by attempt, with the outcome of each. */
import { type Grid, GridError, type TransactionScope } from '@ostraca/client';
import { monotonicMs } from '../monotonic.ts';

export interface Ending {
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: 'committed' | 'rolledBack' | 'unknown';
  readonly code?: string;
}

export interface Terms {
  /** By `begin` and `commit`, once, and not by a function that is run again. */
  readonly isExplicit: boolean;
  readonly lockTimeoutMs: number;
  readonly deadlineMs: number;
}

export interface Attempts<Trail> {
  /** What an attempt has seen and done so far is in it, whatever becomes of the attempt. */
  readonly newTrail: () => Trail;
  /** False: it is to be rolled back. */
  readonly act: (scope: TransactionScope, trail: Trail) => Promise<boolean>;
  readonly onEnd: (trail: Trail, ending: Ending) => void;
}

/** Thrown by a function that wants nothing written. */
const CHANGED_MIND = new Error('changed its mind');

/** Resolves when it is over, however it went. */
export async function runAttempts<Trail>(grid: Grid, terms: Terms, attempts: Attempts<Trail>): Promise<void> {
  let open: { readonly trail: Trail; readonly startMs: number } | undefined;
  const begin = (): Trail => {
    const trail = attempts.newTrail();
    open = { trail, startMs: monotonicMs() };
    return trail;
  };
  const end = (outcome: Ending['outcome'], code?: string): void => {
    if (open === undefined) return;
    const { trail, startMs } = open;
    const endMs = outcome === 'unknown' ? Number.POSITIVE_INFINITY : monotonicMs();
    open = undefined;
    attempts.onEnd(trail, { startMs, endMs, outcome, ...(code === undefined ? {} : { code }) });
  };
  const attempt = async (scope: TransactionScope): Promise<void> => {
    // The library runs it again only when nothing of the attempt before was or will be written.
    end('rolledBack', 'run again');
    if (!(await attempts.act(scope, begin()))) throw CHANGED_MIND;
  };
  try {
    await (terms.isExplicit ? runSession(grid, terms, attempt) : runFunction(grid, terms, attempt));
    end('committed');
  } catch (error) {
    if (error === CHANGED_MIND) end('rolledBack', 'changed its mind');
    else if (error instanceof GridError) end(error.outcome === 'not_applied' ? 'rolledBack' : 'unknown', error.code);
    else throw error;
  }
}

type Attempt = (scope: TransactionScope) => Promise<void>;

async function runFunction(grid: Grid, { lockTimeoutMs, deadlineMs }: Terms, attempt: Attempt): Promise<void> {
  await grid.transaction(attempt, { lockTimeoutMs, deadlineMs });
}

async function runSession(grid: Grid, { lockTimeoutMs, deadlineMs }: Terms, attempt: Attempt): Promise<void> {
  const session = grid.session();
  try {
    await session.begin({ lockTimeoutMs, deadlineMs });
    await attempt(session);
    await session.commit();
  } finally {
    await session.rollback();
  }
}
