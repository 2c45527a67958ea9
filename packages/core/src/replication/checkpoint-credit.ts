/**
 * What a replica has taken in of a checkpoint it gives back as credit, and the primary sends so much more. Without room
 * in the container it gives none: the checkpoint stands still, with at most a window under way, until there is room.
 */
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';

/** With each chunk, and on ticks. */
export function payCredit(shard: Shard, ports: ShardPorts): void {
  const { loading, opened } = shard;
  if (loading === undefined || opened === undefined || loading.owedBytes === 0) return;
  if (!ports.hasMemory('checkpoint')) return;
  ports.toPrimary(opened.connection, {
    type: 'checkpointCredit',
    partition: shard.partition,
    epoch: shard.epoch,
    shardInc: shard.rid.shardInc,
    bytes: loading.owedBytes,
  });
  ports.takeMemory(loading.owedBytes);
  loading.owedBytes = 0;
}
