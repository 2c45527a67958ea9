/**
 * A replica that falls out of the in-sync set again and again costs a pause of all writes each time. So one that was
 * evicted comes back after 1 s, the next time after 2 s, and so on up to 60 s; who has been in S for 60 s begins anew.
 * Never while too few are in sync: then a flapping replica is better than none. It is counted for a life of a process: a
 * new one begins at nothing.
 */
import type { PartitionConfig } from '../catalog/config.ts';
import { type Incarnation, type Rid, sameRid } from '../ids.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { BackOff } from './back-off.ts';
import type { Primary } from './primary.ts';

const WAITS = { firstMs: 1_000, maxMs: 60_000 };
/** In S for so long: it does not flap. */
const STEADY_MS = 60_000;

/** What a primary remembers of one life of a container since its own promotion. */
export interface Admission {
  readonly backOff: BackOff;
  /** Undefined: it is not in S. */
  inSyncSinceMs: number | undefined;
}

/** S has changed, by the catalog's word. */
export function noteMembers(shard: Shard, primary: Primary, ports: ShardPorts, before: PartitionConfig): void {
  const { sync } = shard.config;
  for (const rid of before.sync) {
    if (sync.some(({ incarnation }) => incarnation === rid.incarnation)) continue;
    // Who was to leave did as it was told.
    if (!before.leaving.some((leaving) => sameRid(leaving, rid))) noteEvicted(shard, primary, ports, rid);
  }
  for (const { incarnation } of sync) {
    if (incarnation !== shard.rid.incarnation) admissionOf(primary, incarnation).inSyncSinceMs ??= ports.nowMs();
  }
}

function noteEvicted(shard: Shard, primary: Primary, ports: ShardPorts, { container, incarnation }: Rid): void {
  const nowMs = ports.nowMs();
  for (const [other, { backOff, inSyncSinceMs }] of primary.admissions) {
    // Long gone: a process that ended, or whose place is elsewhere.
    if (inSyncSinceMs === undefined && backOff.isOver(nowMs - STEADY_MS)) primary.admissions.delete(other);
  }
  const admission = admissionOf(primary, incarnation);
  if (nowMs - (admission.inSyncSinceMs ?? nowMs) >= STEADY_MS) admission.backOff.forgive();
  admission.inSyncSinceMs = undefined;
  const waitMs = admission.backOff.fail(nowMs);
  if (ports.isDead(incarnation)) return;
  const facts = { partition: shard.partition, container, evictions: admission.backOff.count, waitMs };
  ports.note('readmission_postponed', facts, 'warn');
}

/** Whether it may be made a candidate again. */
export function mayReturn(shard: Shard, primary: Primary, ports: ShardPorts, incarnation: Incarnation): boolean {
  if (shard.config.sync.length - 1 < shard.policy.minSyncReplicas) return true;
  const isOver = primary.admissions.get(incarnation)?.backOff.isOver(ports.nowMs()) ?? true;
  return isOver || ports.mutated('noReadmissionWait');
}

function admissionOf(primary: Primary, incarnation: Incarnation): Admission {
  let admission = primary.admissions.get(incarnation);
  if (admission === undefined) {
    admission = { backOff: new BackOff(WAITS), inSyncSinceMs: undefined };
    primary.admissions.set(incarnation, admission);
  }
  return admission;
}
