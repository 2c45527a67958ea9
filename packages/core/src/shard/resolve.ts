/**
 * What became of a write whose client will not send it again (ResolveOrAbort). If the sessions know it, that is the
 * answer. If not, "never heard of it" proves nothing: an attempt may still be on its way, wait here for a key or a lease,
 * or lie in the log of a replica that has not reconciled. So an abort marker is logged under the write's own number,
 * and decided like any record (D1). Then every copy that can be promoted holds the marker and no attempt of the write,
 * and whoever comes late finds the marker in the sessions.
 *
 *     client ── resolveOrAbort 7 ──▶ sessions: 7 unknown ──▶ append abortMarker 7 ── D1 ──▶ rolledBack
 *            ── write 7 (late) ────▶ sessions: 7 in progress, later rolled back ──────────▶ rolledBack
 *
 * Below minSyncReplicas nothing is decided, the marker neither. Then it goes as with a retry of the write: a refusal
 * that rests on A2, and is remembered by this primary. That is enough, for attempts bear the epoch of their route, and
 * none of a later epoch will be sent.
 */
import { NO_MAP } from '../ids.ts';
import type { ResolveOrAbort } from '../messages.ts';
import { appendRecord, othersInSync, type Primary, tryDecide } from '../replication/primary.ts';
import { answerFromMemory, attach, notApplied } from './outcomes.ts';
import type { ShardPorts } from './ports.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';

export function resolveOrAbort(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message }: { readonly request: PendingRequest; readonly message: ResolveOrAbort },
): void {
  if (answerFromMemory(shard, primary, ports, { request, message })) return;
  const { id, seq, ackedBelow } = message;
  if (ports.mutated('resolveWithoutMarker')) {
    ports.answer(request, { type: 'rolledBack', id });
    return;
  }
  const inSync = othersInSync(shard).length;
  const required = shard.policy.minSyncReplicas;
  if (inSync < required) {
    const details = { partition: shard.partition, inSync, required };
    notApplied(shard, primary, ports, { request, message, refusal: 'too_few_sync_replicas', details });
    return;
  }
  const { clientId } = request;
  const fields = { clientId, seq, ackedBelow, map: NO_MAP, operations: [], aborted: [] };
  const record = appendRecord(shard, primary, { kind: 'abortMarker', ...fields });
  attach(primary, record.lsn, request);
  if (inSync === 0) tryDecide(shard, ports);
}
