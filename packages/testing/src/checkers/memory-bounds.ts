/**
 * What a shard keeps besides its entries must stay bounded, whatever its clients, its replicas and the network do. Looked at
 * again and again while a run goes on: a queue that only grows under a fault that nobody mends shows at no end.
 */
import { LIMITS } from '@ostraca/core';
import type { Violation } from './history.ts';

export interface ShardMemory {
  readonly container: string;
  readonly partition: number;
  /** Of log records that are decided and that every member of the in-sync set holds. */
  readonly spareLogBytes: number;
  readonly logRetentionBytes: number;
  /** Of the client that has most: answers that are remembered, and writes without an outcome. */
  readonly rememberedMax: number;
  /** Requests that wait for a lease, a key or an outcome. */
  readonly waitingCount: number;
  /** Those with a limit. */
  readonly maps: readonly MapMemory[];
  readonly replicas: readonly ReplicaMemory[];
}

export interface MapMemory {
  readonly map: number;
  readonly chargedBytes: number;
  readonly maxBytes: number;
}

export interface ReplicaMemory {
  readonly container: string;
  /** Of records that were sent and not acknowledged. */
  readonly inFlightBytes: number;
  readonly windowBytes: number;
  /** Of a checkpoint that were sent and not taken in. */
  readonly checkpointBytes: number;
  /** Of the names of what changed, in dirty mode. */
  readonly dirtyBytes: number;
}

/** The log is trimmed in turns, not with each record. */
const TRIM_SLACK_BYTES = 32 * 1024;
const REMEMBERED_MAX = 4 * LIMITS.outstandingPerPartitionMax;

export function checkMemory(shard: ShardMemory): Violation[] {
  const over: string[] = [];
  const look = (what: string, actual: number, max: number): void => {
    if (actual > max) over.push(`${what}: ${actual} of ${max}`);
  };
  look('log bytes that nobody needs', shard.spareLogBytes, shard.logRetentionBytes + TRIM_SLACK_BYTES);
  look('remembered writes of one client', shard.rememberedMax, REMEMBERED_MAX);
  look('waiting requests', shard.waitingCount, LIMITS.waitingRequestsMax);
  for (const { map, chargedBytes, maxBytes } of shard.maps) look(`bytes of map ${map}`, chargedBytes, maxBytes);
  for (const { container, inFlightBytes, windowBytes, checkpointBytes, dirtyBytes } of shard.replicas) {
    // One record, or one entry, may go over.
    look(`bytes on their way to ${container}`, inFlightBytes, windowBytes + 2 * LIMITS.recordBytesMax);
    const chunkMax = LIMITS.checkpointChunkBytes + LIMITS.valueBytesMax;
    look(`checkpoint bytes on their way to ${container}`, checkpointBytes, LIMITS.checkpointWindowBytes + chunkMax);
    look(`bytes of dirty keys for ${container}`, dirtyBytes, LIMITS.dirtyBytesMax + LIMITS.recordBytesMax);
  }
  return over.map((what) => ({ rule: 'memory', what: `partition ${shard.partition} at ${shard.container}: ${what}` }));
}
