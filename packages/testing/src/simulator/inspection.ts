/** Looks into containers for the checkers: what each shard has decided, record by record and entry by entry. */
import {
  asPartitionId,
  type LogRecord,
  type PartitionConfig,
  type PartitionId,
  type Rid,
  type Shard,
} from '@ostraca/core';
import type { DecidedLog, ShardState } from '../checkers/replicas.ts';
import type { Cluster } from './cluster.ts';

/** Decided states of the members of S; a member that holds none is left out. */
export function shardStatesOf(cluster: Cluster, config: PartitionConfig): ShardState[] {
  const states: ShardState[] = [];
  for (const rid of config.sync) {
    const shard = cluster.container(rid.container).machine?.inspectShard(config.partition);
    if (shard === undefined || shard.rid.incarnation !== rid.incarnation || shard.loading !== undefined) continue;
    states.push(shardStateOf(shard));
  }
  return states;
}

function shardStateOf(shard: Shard): ShardState {
  const entries = new Map<string, string>();
  for (const [map, entryMap] of shard.maps) {
    entryMap.scan(undefined, ({ key, value, epoch, lsn, expireAtMs }) => {
      entries.set(
        `${map}/${hex(key)}`,
        `${new TextDecoder().decode(value)}@${epoch}.${lsn}${expireAtMs > 0 ? ` until ${expireAtMs}` : ''}`,
      );
      return true;
    });
  }
  return { partition: shard.partition, container: shard.rid.container, decidedLsn: shard.decidedLsn, entries };
}

interface Look {
  readonly lsn: number;
  readonly lineage: string;
}

/** How far each shard was looked at; by its object, for a rebuilt shard is another one. */
const looks = new WeakMap<Shard, Look>();

/** Notes what was decided since the last look, in every shard that is. */
export function observeDecided(cluster: Cluster, log: DecidedLog, partitionCount: number): void {
  for (const { machine, name } of cluster.containers) {
    if (machine === undefined) continue;
    for (let index = 0; index < partitionCount; index++) {
      const shard = machine.inspectShard(asPartitionId(index));
      if (shard !== undefined) observeShard(shard, name, log);
    }
  }
}

function observeShard(shard: Shard, by: string, log: DecidedLog): void {
  const { partition, config, decidedLsn } = shard;
  const last = looks.get(shard);
  // What it has decided is of the lineage that it was opened in, until the primary of the next one has opened it.
  const isReconciled = shard.primary !== undefined || shard.opened?.epoch === config.epoch;
  const lineage = isReconciled ? config.lineage : last?.lineage;
  if (lineage === undefined) return;
  const from = Math.max(last?.lsn ?? 0, shard.log.baseLsn);
  for (let lsn = from + 1; lsn <= decidedLsn; lsn++) {
    const isAborted = shard.log.abortRecordOf(lsn) !== undefined;
    log.observe({ partition, lineage, by }, lsn, describeRecord(shard.log.at(lsn), isAborted));
  }
  looks.set(shard, { lsn: Math.max(from, decidedLsn), lineage });
}

function describeRecord({ epoch, kind, clientId, seq }: LogRecord, isAborted: boolean): string {
  return `${epoch} ${kind} ${clientId.slice(0, 8)}/${seq}${isAborted ? ' rolled back' : ''}`;
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Its process is dead or has left, or has another life of the shard. */
export function isShardGone(cluster: Cluster, partition: PartitionId, rid: Rid): boolean {
  if (cluster.dead.has(rid.incarnation)) return true;
  const process = cluster.container(rid.container);
  if (process.peer.incarnation !== rid.incarnation || process.machine === undefined) return true;
  const shard = process.machine.inspectShard(partition);
  return shard === undefined || shard.rid.shardInc > rid.shardInc || process.machine.status().draining;
}
