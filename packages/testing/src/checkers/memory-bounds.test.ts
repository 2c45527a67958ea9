import { LIMITS } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { checkMemory, type ReplicaMemory, type ShardMemory } from './memory-bounds.ts';

const REPLICA: ReplicaMemory = {
  ...{ container: 'c2', inFlightBytes: 1_000, windowBytes: 2_000, checkpointBytes: 0, dirtyBytes: 0 },
};
const SHARD: ShardMemory = {
  ...{ container: 'c1', partition: 3, spareLogBytes: 10_000, logRetentionBytes: 10_000 },
  ...{ rememberedMax: 2 * LIMITS.outstandingPerPartitionMax, waitingCount: 100, replicas: [REPLICA] },
  maps: [{ map: 2, chargedBytes: 200, maxBytes: 200 }],
};

describe('memory bounds', () => {
  it('accepts what is within them', () => {
    expect(checkMemory(SHARD)).toEqual([]);
  });

  it.each<[string, Partial<ShardMemory>]>([
    ['log bytes that nobody needs', { spareLogBytes: 100_000 }],
    ['remembered writes of one client', { rememberedMax: 5 * LIMITS.outstandingPerPartitionMax }],
    ['waiting requests', { waitingCount: LIMITS.waitingRequestsMax + 1 }],
    ['bytes of map 2', { maps: [{ map: 2, chargedBytes: 201, maxBytes: 200 }] }],
    ['bytes on their way to c2', { replicas: [{ ...REPLICA, inFlightBytes: 3 * LIMITS.recordBytesMax }] }],
    ['checkpoint bytes on their way to c2', { replicas: [{ ...REPLICA, checkpointBytes: 10 * 1024 * 1024 }] }],
    ['bytes of dirty keys for c2', { replicas: [{ ...REPLICA, dirtyBytes: 20 * 1024 * 1024 }] }],
  ])('rejects %s', (what, change) => {
    const violations = checkMemory({ ...SHARD, ...change });
    expect(violations).toHaveLength(1);
    expect(violations[0]?.what).toContain(`partition 3 at c1: ${what}`);
  });
});
