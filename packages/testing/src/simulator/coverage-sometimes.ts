/**
 * How to tell, from what is sent and from what a machine is given, that a run has come to something that no note says:
 * the cells of section `sometimes`.
 */
import type {
  Append,
  Commit,
  HandOver,
  Message,
  NearChanges,
  PartitionConfig,
  Peer,
  Read,
  Shard,
  Write,
} from '@ostraca/core';
import { type Sometimes, sometimesCell } from './coverage-cells.ts';

export interface WorldView {
  /** Of each partition, what the catalog ordered last. */
  readonly configs: Map<number, PartitionConfig>;
  /** Hand-overs that somebody asked for. */
  readonly asked: Set<string>;
  shardOf(container: string, partition: number): Shard | undefined;
}

export interface Heard {
  readonly receiver: string;
  readonly message: Message;
  readonly from: Peer | undefined;
}

/** Just before the receiver is given it: what it knows still is what it will judge the message by. */
export function heardOf(view: WorldView, { receiver, message, from }: Heard): string[] {
  switch (message.type) {
    case 'write':
      return ofWrite(view.shardOf(receiver, message.partition), message, from).map(sometimesCell);
    case 'read':
      return ofRead(view.shardOf(receiver, message.partition), message).map(sometimesCell);
    case 'leasePing': {
      const withheld = message.partitions.some((partition, index) => {
        const shard = view.shardOf(receiver, partition);
        return shard?.opened?.epoch !== message.epochs[index] || shard?.primary !== undefined;
      });
      return withheld ? [sometimesCell('grant withheld')] : [];
    }
    default:
      return [];
  }
}

function ofWrite(shard: Shard | undefined, { seq, ackedBelow, attempt, epoch }: Write, from: Peer | undefined) {
  if (shard?.primary === undefined || shard.epoch !== epoch || from === undefined) return [];
  const known = shard.sessions.find(from.incarnation, seq, ackedBelow).is;
  const isFirst = attempt === 1;
  const names: Record<typeof known, Sometimes> = {
    new: isFirst ? 'first attempt of a write' : 'retry of a write that is not known',
    in_progress: 'retry joins its first attempt',
    done: 'retry gets the answer of its first attempt',
    refused: 'retry of a write remembered as refused',
    rolled_back: 'retry of a write remembered as rolled back',
    stale: 'write older than what its client acknowledged',
    outside_window: 'write beyond its client window',
  };
  return [names[known]];
}

function ofRead(shard: Shard | undefined, { mode }: Read): Sometimes[] {
  if (shard === undefined) return [];
  if (mode === 'linearizable' || mode === 'readIndex') return [`read: ${mode}`];
  if (shard.primary === undefined) return [`read: ${mode} at a replica`];
  return mode === 'eventual' ? ['read: eventual at a primary'] : [];
}

/** As it is sent. */
export function happenedIn(view: WorldView, { from, message }: { from: string; message: Message }): string[] {
  return sentOf(view, from, message).map(sometimesCell);
}

function sentOf(view: WorldView, from: string, message: Message): Sometimes[] {
  switch (message.type) {
    case 'replOpenAck':
      return [message.needsCheckpoint ? 'follower needs a checkpoint' : 'follower goes on by its suffix'];
    case 'replOpen':
      return message.giveUpShardInc > 0 ? ['follower is told to give its life up'] : [];
    case 'vote':
      return message.refused.length > 0 ? ['record refused, a placeholder kept'] : [];
    case 'append':
      return ofAppend(message);
    case 'write':
      return ofOperations(message);
    case 'lock':
      return [message.keys.length === 0 ? 'lock: a whole map' : `lock: ${message.mode}`];
    case 'commit':
      return ofCommit(message);
    case 'changeInSync':
      return [`change asked for: ${message.kind}`];
    case 'heartbeatAck':
      return message.leases.length === 0 ? ['heartbeat acknowledged without a lease'] : [];
    case 'epochAck':
      if (message.partitions.length > 0) return [];
      return [from === 'catalog' ? 'epoch not confirmed by the catalog' : 'epoch not confirmed by a replica'];
    case 'handOver':
      return ofHandOver(view, from, message);
    case 'freshAck':
      return message.partitions.length === 0 ? ['freshness not granted'] : [];
    case 'nearChanges':
      return ofNearChanges(message);
    case 'scan':
      return [
        ...(message.resumed ? (['scan goes on where it stopped'] as const) : []),
        ...(message.prefix.length > 0 ? (['scan of a prefix'] as const) : []),
      ];
    case 'configPush':
      return message.configs.flatMap((config) => ofConfig(view, config));
    default:
      return [];
  }
}

/** Pushed ones answer no poll. */
function ofNearChanges({ keys, allKeys, fresh, sentMs }: NearChanges): Sometimes[] {
  return [
    ...(fresh ? (['near cache vouched for'] as const) : []),
    ...(!fresh && sentMs > 0 ? (['near cache not vouched for'] as const) : []),
    ...(keys.length > 0 ? (['near cache told of a change'] as const) : []),
    ...(allKeys ? (['near cache told of all keys'] as const) : []),
  ];
}

function ofAppend({ records }: Append): Sometimes[] {
  if (records.length === 0) return ['hint without records'];
  return records.flatMap(({ kind, aborted, operations }): Sometimes[] => [
    `record: ${kind}`,
    ...(aborted.length > 0 ? (['abort carried by a record'] as const) : []),
    ...(kind === 'write' && operations.length === 0 ? (['placeholder inherited from a primary'] as const) : []),
  ]);
}

function ofOperations({ operations }: Write): Sometimes[] {
  return operations.flatMap(({ kind, ifLsn, ttlMs }): Sometimes[] => [
    ...(kind === 'expire' || kind === 'acquire' ? [] : ([`operation: ${kind}`] as const)),
    ...(ifLsn > 0 ? (['operation: ifVersion'] as const) : []),
    ...(ttlMs > 0 ? (['operation: of its own time to live'] as const) : []),
  ]);
}

function ofCommit({ operations, ranges, transaction, attempt }: Commit): Sometimes[] {
  return [
    ...(operations.some(({ mapOffset }) => mapOffset > 0) ? (['commit: of several maps'] as const) : []),
    ...(transaction > 0 ? (['commit: with locks'] as const) : []),
    ...(ranges.length > 0 ? (['commit: after a look at a whole map'] as const) : []),
    ...(operations.length === 0 ? (['commit: of reads alone'] as const) : []),
    ...(attempt > 1 ? (['commit: tried again'] as const) : []),
  ];
}

function ofHandOver({ asked }: WorldView, from: string, { changeId, partition, epoch, version }: HandOver) {
  const id = `${from} ${changeId} ${partition} ${epoch} ${version}`;
  const isAgain = asked.has(id);
  asked.add(id);
  return isAgain ? (['hand-over asked for again'] as const).slice() : [];
}

function ofConfig({ configs }: WorldView, config: PartitionConfig): Sometimes[] {
  const before = configs.get(config.partition);
  const isOld = before !== undefined && (before.epoch - config.epoch || before.version - config.version) >= 0;
  if (isOld) return [];
  configs.set(config.partition, config);
  if (before === undefined || before.epoch !== config.epoch) return [];
  const shrank = config.sync.length < before.sync.length;
  if (shrank && config.elr.length > before.elr.length) return ['eviction makes an eligible replica'];
  if (shrank) return ['eviction makes no eligible replica'];
  const grew = config.sync.length > before.sync.length;
  return grew && before.elr.length > 0 && config.elr.length === 0 ? ['eligible replicas are let go'] : [];
}
