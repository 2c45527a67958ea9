/** `held`: another process has the lock. `damaged`: not what was written. `io`: the system refused. */
export type JournalErrorKind = 'held' | 'damaged' | 'io';

/** Its message is one clear line for the operator. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly kind: JournalErrorKind;

  constructor(kind: JournalErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export function journalIoError(path: string, cause: unknown): JournalError {
  return new JournalError('io', `journal ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
}
