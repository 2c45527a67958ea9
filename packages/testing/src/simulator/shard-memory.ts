/** What a shard keeps besides its entries, for the checker of memory bounds. */
import type { Shard } from '@ostraca/core';
import type { ShardMemory } from '../checkers/memory-bounds.ts';
import type { Scenario } from './scenario.ts';

export function memoryOf(shard: Shard, scenario: Scenario): ShardMemory {
  const { primary, partition, rid } = shard;
  const followers = [...(primary?.followers.values() ?? [])];
  return {
    container: rid.container,
    partition,
    spareLogBytes: spareLogBytes(shard, scenario.logRetentionBytes),
    logRetentionBytes: scenario.logRetentionBytes,
    rememberedMax: shard.sessions.rememberedMax,
    waitingCount: primary === undefined ? 0 : primary.waiting.length + attachedCount(primary.attached),
    maps: [...shard.mapLimits].map(([map, { maxBytes }]) => ({
      map,
      // While a checkpoint comes in, the state is of no one lsn.
      chargedBytes: shard.loading === undefined ? (shard.maps.get(map)?.chargedBytes ?? 0) : 0,
      maxBytes,
    })),
    replicas: followers.map(({ host, inFlightBytes, scan, dirty }) => ({
      container: host.container,
      inFlightBytes,
      windowBytes: scenario.replicationWindowBytes,
      checkpointBytes: scan?.inFlightBytes ?? 0,
      dirtyBytes: dirty?.bytes ?? 0,
    })),
  };
}

function attachedCount(attached: ReadonlyMap<number, readonly unknown[]>): number {
  let count = 0;
  for (const requests of attached.values()) count += requests.length;
  return count;
}

/** Decided, and held by every member of the in-sync set. */
function spareLogBytes({ decidedLsn, config, primary, log, rid }: Shard, retentionBytes: number): number {
  // Mostly there is little to count.
  if (log.bytes <= retentionBytes) return 0;
  let neededLsn = decidedLsn;
  for (const { incarnation, shardInc } of primary === undefined ? [] : config.sync) {
    if (incarnation === rid.incarnation) continue;
    const follower = primary?.followers.get(incarnation);
    neededLsn = Math.min(neededLsn, follower?.shardInc === shardInc ? (follower.matchLsn ?? 0) : 0);
  }
  let bytes = 0;
  for (let lsn = log.baseLsn + 1; lsn <= neededLsn; lsn++) bytes += log.bytesAt(lsn);
  return bytes;
}
