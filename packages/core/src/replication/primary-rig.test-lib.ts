/** A primary alone in sync, with a follower `f` that joins: what the test says for it is all that the primary hears. */

import { must } from '../assert.ts';
import { KEEP_ALL, type PartitionConfig } from '../catalog/config.ts';
import { mapSetPolicy } from '../catalog/grid.test-lib.ts';
import { asMapId, asPartitionId, type Rid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { OperationKind, ReplicationMessage } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import { newShard, type Shard } from '../shard/shard.ts';
import type { Follower } from './follower.ts';
import { matchFollowersToConfig } from './followers.ts';
import { appendRecord, becomePrimary, type Primary, tryDecide } from './primary.ts';

export const partition = asPartitionId(0);
export const rid = (container: string, shardInc = 1): Rid => ({ container, incarnation: container, shardInc });

const config: PartitionConfig = {
  ...{ partition, epoch: 1, version: 1, lineage: 'l', primary: rid('p'), sync: [rid('p')], elr: [] },
  ...{ joining: [rid('f')], async: [], leaving: [], keepLsn: KEEP_ALL, waitGrants: false, lost: false },
};

export interface PrimaryRig {
  readonly shard: Shard;
  readonly primary: Primary;
  readonly ports: ShardPorts;
  readonly follower: Follower;
  readonly sent: ReplicationMessage[];
  readonly notes: string[];
}

/** `windowBytes`, `queueBytes`, `retentionBytes`: as of ShardPorts. */
export function primaryWithJoiner(
  limits = { windowBytes: 1_000_000, queueBytes: 1_000_000, retentionBytes: 0 },
): PrimaryRig {
  const sent: ReplicationMessage[] = [];
  const notes: string[] = [];
  const ports = {
    ...{ self: rid('p'), nowMs: () => 1, wallMs: () => 1, leaseNowMs: () => 0, leaseMs: () => 3_000 },
    ...{ toCatalog: () => true, toPrimary: () => {}, answer: () => {}, answerError: () => {}, isOpen: () => true },
    ...{ acts: () => {}, catalogLeaseUntilMs: () => 1_000, isDead: () => false, nextChangeId: () => 1 },
    ...{ count: () => {}, refuses: () => undefined, mutated: () => false },
    ...{ hasMemory: () => true, takeMemory: () => {} },
    retentionBytes: () => limits.retentionBytes,
    replicationWindowBytes: () => limits.windowBytes,
    checkpointWindowBytes: () => LIMITS.checkpointWindowBytes,
    checkpointTurn: { bytesLeft: Number.POSITIVE_INFINITY },
    followerQueueBytes: () => limits.queueBytes,
    note: (event: string) => notes.push(event),
    toFollower: (_: string, message: ReplicationMessage) => {
      sent.push(message);
      return true;
    },
  } as unknown as ShardPorts;
  const policy = mapSetPolicy({ minSyncReplicas: 0, maxSyncReplicas: 1 });
  const shard = newShard({ rid: rid('p'), policy, config, hashSeed: 1 });
  const primary = becomePrimary(shard, config, 0);
  matchFollowersToConfig(shard, primary, ports);
  return { shard, primary, ports, sent, notes, follower: must(primary.followers.get('f'), 'f') };
}

/** Decided at once: the primary is alone in sync. */
export function write(
  { shard, primary, ports }: PrimaryRig,
  { kind = 'set' as OperationKind, key = 1, by = '', valueBytes = 10 } = {},
): void {
  const operation = {
    ...{ kind, key: new Uint8Array([key]), value: new Uint8Array(kind === 'set' ? valueBytes : 0) },
    ...{ ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0, mapOffset: 0 },
  };
  const fields = { kind: 'write', clientId: by, seq: 1, ackedBelow: 0, map: asMapId(0), aborted: [] } as const;
  appendRecord(shard, primary, { ...fields, operations: [operation] });
  tryDecide(shard, ports);
}
