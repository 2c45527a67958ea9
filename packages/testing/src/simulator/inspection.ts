/** Looks into containers for the checkers: what each shard has decided, record by record and entry by entry. */
import { asPartitionId, type LogRecord, type PartitionConfig, type Shard } from '@ostraca/core';
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
    entryMap.scan(undefined, ({ key, value, epoch, lsn }) => {
      entries.set(`${map}/${hex(key)}`, `${new TextDecoder().decode(value)}@${epoch}.${lsn}`);
      return true;
    });
  }
  return { partition: shard.partition, container: shard.rid.container, decidedLsn: shard.decidedLsn, entries };
}

/** How far each shard was looked at; by its object, for a rebuilt shard is another one. */
const observedLsns = new WeakMap<Shard, number>();

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
  const { lineage } = config;
  const from = Math.max(observedLsns.get(shard) ?? 0, shard.log.baseLsn);
  for (let lsn = from + 1; lsn <= decidedLsn; lsn++) {
    const isAborted = shard.log.abortRecordOf(lsn) !== undefined;
    log.observe({ partition, lineage, by }, lsn, describeRecord(shard.log.at(lsn), isAborted));
  }
  if (decidedLsn > from) observedLsns.set(shard, decidedLsn);
}

function describeRecord({ epoch, kind, clientId, seq }: LogRecord, isAborted: boolean): string {
  return `${epoch} ${kind} ${clientId.slice(0, 8)}/${seq}${isAborted ? ' rolled back' : ''}`;
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
