/** What a container shows of itself: plain values, fit for JSON. */
import type { ContainerName, Incarnation } from '../ids.ts';
import { othersInSync } from '../replication/primary.ts';
import type { Shard } from '../shard/shard.ts';
import { mapSetOf, type Topology } from '../topology.ts';
import type { MemoryStatus } from './container-memory.ts';

export interface FollowerStatus {
  readonly container: ContainerName;
  readonly state: string;
  readonly shardInc: number;
  readonly matchLsn: number;
  /** Records of the primary's log that it has not acknowledged. */
  readonly lag: number;
}

export interface MapStatus {
  readonly map: string;
  readonly entries: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** What counts against `maxBytes`: records and their share of the index. */
  readonly chargedBytes: number;
  /** Of the map in one partition; 0: no limit of its own. */
  readonly maxBytes: number;
}

export interface ShardStatus {
  readonly grid: string;
  readonly mapSet: string;
  /** Within its map set. */
  readonly partition: number;
  readonly partitionId: number;
  readonly role: 'primary' | 'sync' | 'async' | 'joining' | 'eligible' | 'none';
  readonly state: 'ready' | 'loading' | 'waiting';
  readonly epoch: number;
  readonly version: number;
  readonly shardInc: number;
  readonly lastLsn: number;
  readonly decidedLsn: number;
  readonly logBytes: number;
  readonly inSync: number;
  readonly waitingRequests: number;
  readonly clients: number;
  readonly maps: readonly MapStatus[];
  readonly followers: readonly FollowerStatus[];
}

export interface ContainerStatus {
  readonly name: ContainerName;
  readonly incarnation: Incarnation;
  readonly registered: boolean;
  readonly generation: string;
  readonly lastFailure: string;
  readonly leaseMs: number;
  readonly draining: boolean;
  /** It has left: nothing here is read or decided any more. */
  readonly left: boolean;
  readonly memory: MemoryStatus;
  readonly clients: readonly { readonly name: string; readonly clientId: string }[];
  readonly shards: readonly ShardStatus[];
}

export function shardStatus(shard: Shard, topology: Topology): ShardStatus {
  const mapSet = mapSetOf(topology, shard.partition);
  const { primary } = shard;
  return {
    grid: mapSet.grid,
    mapSet: mapSet.policy.name,
    partition: shard.partition - mapSet.firstPartition,
    partitionId: shard.partition,
    role: roleOf(shard),
    state: shard.loading !== undefined ? 'loading' : isReady(shard) ? 'ready' : 'waiting',
    epoch: shard.epoch,
    version: shard.config.version,
    shardInc: shard.rid.shardInc,
    lastLsn: shard.log.lastLsn,
    decidedLsn: shard.decidedLsn,
    logBytes: shard.log.bytes,
    inSync: primary === undefined ? 0 : othersInSync(shard).length + 1,
    waitingRequests: primary === undefined ? 0 : primary.waiting.length + primary.keys.waiterCount,
    clients: shard.sessions.clientCount,
    maps: [...shard.maps].map(([map, { count, bytes, chargedBytes }]) => ({
      map: topology.maps[map]?.policy.name ?? String(map),
      entries: count,
      bytes,
      chargedBytes,
      maxBytes: shard.mapLimits.get(map)?.maxBytes ?? 0,
    })),
    followers: [...(primary?.followers.values() ?? [])].map((follower) => ({
      container: follower.host.container,
      state: follower.dirty === undefined ? follower.state : 'dirty',
      shardInc: follower.shardInc,
      matchLsn: follower.matchLsn ?? 0,
      lag: shard.log.lastLsn - (follower.matchLsn ?? 0),
    })),
  };
}

export function roleOf(shard: Shard): ShardStatus['role'] {
  const { config, rid, primary } = shard;
  if (primary !== undefined) return 'primary';
  const isMe = (other: { incarnation: Incarnation }) => other.incarnation === rid.incarnation;
  if (config.sync.some((other) => isMe(other) && other.shardInc === rid.shardInc)) return 'sync';
  if (config.elr.some((eligible) => isMe(eligible.rid))) return 'eligible';
  if (config.joining.some(isMe)) return 'joining';
  return config.async.some(isMe) ? 'async' : 'none';
}

/** A primary is; a replica is when its primary of this epoch has opened it and its checkpoint is complete. */
export function isReady(shard: Shard): boolean {
  if (shard.primary !== undefined) return true;
  return shard.opened !== undefined && shard.loading === undefined;
}
