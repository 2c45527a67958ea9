/** What a peer sent is not in the contract. The connection that it came from is of no more use. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** In words for the log and for the goodbye; holds nothing of what was sent but names and sizes. */
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super(`not in the protocol: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
