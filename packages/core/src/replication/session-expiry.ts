/**
 * Clients come and go; what a partition remembers of one that went must go too, on every replica at the same lsn. So a
 * session ends by a record of the log, and only when its client has been idle, by the primary's clock since its
 * promotion, for far longer than any client retries.
 */
import { NO_MAP } from '../ids.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { appendRecord, othersInSync, type Primary, tryDecide } from './primary.ts';

/** Of one partition at one look. */
const EXPIRED_MAX = 16;

/** Called once a second or so. */
export function expireSessions(shard: Shard, primary: Primary, ports: ShardPorts): void {
  if (primary.handOver.state !== 'no' || othersInSync(shard).length < shard.policy.minSyncReplicas) return;
  const idle = shard.sessions.idle(ports.nowMs(), EXPIRED_MAX);
  if (idle.length === 0) return;
  for (const clientId of idle) {
    appendRecord(shard, primary, {
      kind: 'session',
      clientId,
      seq: 0,
      ackedBelow: 0,
      map: NO_MAP,
      operations: [],
      aborted: [],
    });
  }
  tryDecide(shard, ports);
}
