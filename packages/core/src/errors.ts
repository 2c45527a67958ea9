/**
 * Every failure that a caller can see: one class, one table. The numbers travel on the wire and are never used
 * again; the names are metric labels and the keys of docs/errors.md (a test holds the two together).
 */

/** `not_applied`: the write had no effect and never will have. `unknown`: it may have had, or may yet. */
export type Outcome = 'not_applied' | 'unknown';
export type RetryAdvice = 'never' | 'now' | 'with_new_transaction';

interface ErrorCodeFacts {
  readonly number: number;
  readonly outcome: Outcome;
  readonly retry: RetryAdvice;
  readonly says: string;
}

export const ERROR_CODES = {
  not_primary: {
    number: 1,
    outcome: 'not_applied',
    retry: 'now',
    says: 'the contacted container is not the primary of the partition',
  },
  unavailable: {
    number: 2,
    outcome: 'not_applied',
    retry: 'now',
    says: 'the partition has no primary that can be reached',
  },
  timeout: { number: 3, outcome: 'unknown', retry: 'never', says: 'no outcome by the deadline' },
  replication_voted_to_rollback: {
    number: 4,
    outcome: 'not_applied',
    retry: 'now',
    says: 'the replicas did not give enough votes, the write was rolled back',
  },
  too_few_sync_replicas: {
    number: 5,
    outcome: 'not_applied',
    retry: 'now',
    says: 'fewer in-sync replicas than minSyncReplicas',
  },
  duplicate_key: { number: 6, outcome: 'not_applied', retry: 'never', says: 'the key is already there' },
  key_not_found: { number: 7, outcome: 'not_applied', retry: 'never', says: 'the key is not there' },
  version_conflict: {
    number: 8,
    outcome: 'not_applied',
    retry: 'with_new_transaction',
    says: 'the entry has another version',
  },
  lock_timeout: {
    number: 9,
    outcome: 'not_applied',
    retry: 'with_new_transaction',
    says: 'a lock was not granted in time',
  },
  deadlock: {
    number: 10,
    outcome: 'not_applied',
    retry: 'with_new_transaction',
    says: 'the transaction was chosen to break a deadlock',
  },
  transaction_spans_partitions: {
    number: 11,
    outcome: 'not_applied',
    retry: 'never',
    says: 'one transaction touches one partition',
  },
  transaction_not_active: {
    number: 12,
    outcome: 'not_applied',
    retry: 'never',
    says: 'the transaction has ended or was never begun',
  },
  transaction_failed_over: {
    number: 13,
    outcome: 'not_applied',
    retry: 'with_new_transaction',
    says: 'the primary changed while the transaction was open',
  },
  undefined_grid: { number: 14, outcome: 'not_applied', retry: 'never', says: 'there is no grid of this name' },
  undefined_map: { number: 15, outcome: 'not_applied', retry: 'never', says: 'the grid has no map of this name' },
  invalid_argument: { number: 16, outcome: 'not_applied', retry: 'never', says: 'an argument is not valid' },
  too_large: {
    number: 17,
    outcome: 'not_applied',
    retry: 'never',
    says: 'a key, a value or a batch is over its limit',
  },
  overloaded: {
    number: 18,
    outcome: 'not_applied',
    retry: 'now',
    says: 'a limit on waiting work or on memory is reached',
  },
  aborted: { number: 19, outcome: 'unknown', retry: 'never', says: 'the caller aborted the call' },
  closed: { number: 20, outcome: 'unknown', retry: 'never', says: 'the client was closed' },
  unauthenticated: { number: 21, outcome: 'not_applied', retry: 'never', says: 'the user or the password is wrong' },
  forbidden: { number: 22, outcome: 'not_applied', retry: 'never', says: 'the user may not do this' },
  loader_failed: { number: 23, outcome: 'not_applied', retry: 'never', says: 'the Loader refused' },
  loader_unavailable: {
    number: 24,
    outcome: 'not_applied',
    retry: 'now',
    says: 'the database of the Loader cannot be reached',
  },
  data_loss: { number: 25, outcome: 'unknown', retry: 'never', says: 'decided history was lost' },
  session_expired: {
    number: 26,
    outcome: 'unknown',
    retry: 'never',
    says: 'the request is older than what the partition remembers of this client',
  },
  wrong_partition: {
    number: 27,
    outcome: 'not_applied',
    retry: 'never',
    says: 'client and server disagree about the partition of a key',
  },
  name_in_use: {
    number: 28,
    outcome: 'not_applied',
    retry: 'now',
    says: 'a container of this name is alive elsewhere',
  },
  incompatible_policy: {
    number: 29,
    outcome: 'not_applied',
    retry: 'never',
    says: 'the policy differs from the one in the journal',
  },
  protocol_version: {
    number: 30,
    outcome: 'not_applied',
    retry: 'never',
    says: 'the two sides share no protocol version',
  },
} as const satisfies Record<string, ErrorCodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

const codesByNumber = new Map<number, ErrorCode>(
  (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => [ERROR_CODES[code].number, code]),
);

/** A number from the wire; an unknown one (of a newer peer) is `unavailable` to us: not applied, try again. */
export function errorCodeOf(number: number): ErrorCode {
  return codesByNumber.get(number) ?? 'unavailable';
}

/** Facts for the log, for people and for tests, for example `{ partition: 7, deadlineMs: 10_000 }`. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface GridErrorOptions {
  readonly details?: ErrorDetails;
  /** Only where a code has two outcomes: a read's `timeout` is `not_applied`. */
  readonly outcome?: Outcome;
  readonly cause?: unknown;
}

/** The only error this product throws on purpose. Anything else that escapes is a bug in it. */
export class GridError extends Error {
  override readonly name = 'GridError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** Whether the write may have taken effect. */
  readonly outcome: Outcome;

  constructor(code: ErrorCode, options: GridErrorOptions = {}) {
    super(describe(code, options.details), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.outcome = options.outcome ?? ERROR_CODES[code].outcome;
  }

  /** What a caller may do: nothing, the same call again, or the transaction from its start. */
  get retry(): RetryAdvice {
    return ERROR_CODES[this.code].retry;
  }
}

function describe(code: ErrorCode, details: ErrorDetails = {}): string {
  const facts = Object.entries(details).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${code}: ${ERROR_CODES[code].says}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}
