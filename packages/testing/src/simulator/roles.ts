/**
 * In which role a machine is when something is given to it: the rows and columns of the coverage table. A catalog and a
 * client have one role at a time; a container has one for each partition, with a shard of it or without.
 */
import type { Catalog, Message, MessageType, PartitionConfig, PartitionId, Shard } from '@ostraca/core';

export type ReceiverKind = 'catalog' | 'container' | 'client' | 'tool';

export const ROLES = {
  catalog: ['forming', 'deciding', 'waiting under K1', 'rebuilding'],
  container: [
    'none',
    'primary',
    'primary below min',
    'primary handing over',
    'sync replica',
    'eligible replica',
    'joining',
    'loading',
    'async replica',
    'deposed or unlisted',
  ],
  client: ['client'],
  tool: ['tool'],
} as const satisfies Record<ReceiverKind, readonly string[]>;

export type CatalogRole = (typeof ROLES.catalog)[number];
export type ShardRole = (typeof ROLES.container)[number];
export type Role = (typeof ROLES)[ReceiverKind][number];

/** Who is sent what by those who keep to the protocol. */
export const RECEIVERS = {
  register: ['catalog'],
  registered: ['container'],
  registerRefused: ['container'],
  heartbeat: ['catalog'],
  heartbeatAck: ['container'],
  configPush: ['container'],
  changeInSync: ['catalog'],
  changeRejected: ['container'],
  replicaFailed: ['catalog'],
  drain: ['catalog'],
  handOver: ['catalog'],
  leave: ['catalog'],
  left: ['container'],
  provedDead: ['catalog'],
  configRequest: ['container'],
  configReport: ['catalog'],
  copyReport: ['catalog'],
  rebuild: ['catalog'],
  rebuildAnswer: ['tool'],
  routingRequest: ['catalog', 'container'],
  routing: ['client', 'tool'],
  routingRefused: ['client'],
  read: ['container'],
  readAnswer: ['client'],
  size: ['container'],
  sizeAnswer: ['client'],
  scan: ['container'],
  scanAnswer: ['client'],
  write: ['container'],
  writeAnswer: ['client'],
  resolveOrAbort: ['container'],
  rolledBack: ['client'],
  errorAnswer: ['client', 'tool'],
  nearPoll: ['container'],
  nearChanges: ['client'],
  verify: ['container'],
  verifyAnswer: ['tool'],
  replOpen: ['container'],
  replOpenAck: ['container'],
  append: ['container'],
  vote: ['container'],
  nack: ['container'],
  leasePing: ['container'],
  leaseGrant: ['container'],
  lock: ['container'],
  commit: ['container'],
  endTransaction: ['container'],
  keepTransactions: ['container'],
  epochProbe: ['catalog', 'container'],
  epochAck: ['container'],
  freshPoll: ['container'],
  freshAck: ['container'],
  checkpointBegin: ['container'],
  checkpointChunk: ['container'],
  checkpointEnd: ['container'],
  checkpointCredit: ['container'],
  digestReport: ['container'],
} as const satisfies Record<MessageType, readonly ReceiverKind[]>;

/**
 * What else is given to a machine. `late tick`: later than any heartbeat of the simulator is long. `wake`: its machine
 * slept. `not for it`: a message that this kind of machine is never sent.
 */
export const OTHER_EVENTS = ['open', 'close', 'late tick', 'wake', 'not for it'] as const;
export type OtherEvent = (typeof OTHER_EVENTS)[number];
export type RoleEvent = MessageType | OtherEvent;

export function eventsOf(kind: ReceiverKind): readonly RoleEvent[] {
  const types = Object.keys(RECEIVERS) as MessageType[];
  return [...types.filter((type) => isFor(kind, type)), ...OTHER_EVENTS];
}

export function isFor(kind: ReceiverKind, type: MessageType): boolean {
  return (RECEIVERS[type] as readonly ReceiverKind[]).includes(kind);
}

/** `forming`: nothing was placed by it or by a catalog before it, whether it may decide yet or not. */
export function catalogRoleOf(
  catalog: Catalog,
  { partitionCount, nowMs }: { readonly partitionCount: number; readonly nowMs: number },
): CatalogRole {
  const { partitions, generation } = catalog.state();
  const placed = partitions.filter((config) => config !== undefined).length;
  const hasEarlier = Number.parseInt(generation, 10) > 1;
  if (hasEarlier && placed < partitionCount) return 'rebuilding';
  if (placed === 0) return 'forming';
  return catalog.status(nowMs).ready ? 'deciding' : 'waiting under K1';
}

export function shardRoleOf(shard: Shard | undefined): ShardRole {
  if (shard === undefined) return 'none';
  const { config, rid, primary, policy } = shard;
  if (primary !== undefined) {
    if (primary.handOver.state !== 'no') return 'primary handing over';
    return config.sync.length - 1 < policy.minSyncReplicas ? 'primary below min' : 'primary';
  }
  if (shard.loading !== undefined) return 'loading';
  return listedRoleOf(config, rid);
}

/** Of a copy that is not primary; one that the newest configuration it heard of calls primary has been deposed. */
function listedRoleOf(config: PartitionConfig, { incarnation, shardInc }: Shard['rid']): ShardRole {
  const isLife = (rid: Shard['rid']): boolean => rid.incarnation === incarnation && rid.shardInc === shardInc;
  const isHost = (host: { readonly incarnation: string }): boolean => host.incarnation === incarnation;
  if (isLife(config.primary)) return 'deposed or unlisted';
  if (config.sync.some(isLife)) return 'sync replica';
  if (config.elr.some(({ rid }) => isLife(rid))) return 'eligible replica';
  if (config.joining.some(isHost)) return 'joining';
  return config.async.some(isHost) ? 'async replica' : 'deposed or unlisted';
}

/** Of the partitions that a message to a container names; empty: it concerns the container as a whole. */
export function partitionsNamedBy(message: Message): readonly PartitionId[] {
  switch (message.type) {
    case 'configPush':
      return message.configs.map(({ partition }) => partition);
    case 'heartbeatAck':
      return message.leases.map(({ partition }) => partition);
    case 'replOpen':
    case 'changeRejected':
      return [message.config.partition];
    case 'leasePing':
    case 'leaseGrant':
    case 'epochProbe':
    case 'epochAck':
    case 'freshPoll':
    case 'freshAck':
      return message.partitions;
    default:
      return 'partition' in message ? [message.partition] : [];
  }
}
