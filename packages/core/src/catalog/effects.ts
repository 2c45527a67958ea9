import type { ConnectionId } from '../ids.ts';
import type { Effects } from '../machine.ts';
import type { Message } from '../messages.ts';
import type { CatalogEvent } from './state.ts';

/**
 * What the catalog may do. `send` and `hangUp` of a turn wait until every event journalled so far is durable: nobody
 * obeys a configuration that a crash could take back. `sendNow` does not wait: a heartbeat's answer must not wait
 * for a disk.
 */
export interface CatalogEffects extends Effects {
  journal(event: CatalogEvent): void;
  sendNow(connection: ConnectionId, message: Message): void;
}
