/** A client's request inside a container: a record in a table, not a suspended function. */
import type { ClientId, ConnectionId } from '../ids.ts';
import type { RequestMessage } from '../messages.ts';

export interface PendingRequest {
  readonly connection: ConnectionId;
  readonly clientId: ClientId;
  readonly message: RequestMessage;
  readonly receivedMs: number;
  /** By our clock; a little before the caller gives up, so that it learns what it waited for. */
  readonly deadlineMs: number;
}
