/** Its message is one clear line for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
