/**
 * Messages between primaries and replicas, from the wire to the shard. The epoch is compared here, before anything
 * else, for every role: what is older than what the shard has heard of is answered `staleEpoch`, and hearing of a
 * newer one makes a primary step down (decision 5: epochs protect writes).
 */
import { hostsOf, type PartitionConfig } from '../catalog/config.ts';
import { type ConnectionId, type Incarnation, type Rid, sameRid } from '../ids.ts';
import type { Peer } from '../machine.ts';
import type {
  Append,
  CheckpointBegin,
  CheckpointChunk,
  CheckpointCredit,
  CheckpointEnd,
  DigestReport,
  EpochAck,
  Nack,
  ReplicationMessage,
  ReplOpen,
  ReplOpenAck,
  Vote,
} from '../messages.ts';
import * as followers from '../replication/followers.ts';
import { stepDown } from '../replication/primary.ts';
import { answerEpochProbe, onEpochAck } from '../replication/read-index.ts';
import * as replica from '../replication/replica.ts';
import { readUnderIndex } from '../shard/reads.ts';
import { answerFreshPoll } from '../shard/replica-reads.ts';
import type { Shard } from '../shard/shard.ts';
import { adopt, createShard, matchChannels } from './configurations.ts';
import { type ContainerState, holderTimes } from './container-state.ts';

/** From a container at the other end: on its connection to us as a replica, or on ours to it as a primary. */
export function onReplicationMessage(
  state: ContainerState,
  connection: ConnectionId,
  peer: Peer,
  message: ReplicationMessage,
): void {
  const times = holderTimes(state);
  switch (message.type) {
    case 'replOpen':
      return onReplOpen(state, connection, peer, message);
    case 'append':
    case 'checkpointBegin':
    case 'checkpointChunk':
    case 'checkpointEnd':
      return onFromPrimary(state, connection, message);
    case 'epochProbe':
      return state.effects.send(connection, answerEpochProbe(message, connection, state.shards));
    case 'epochAck': {
      const incarnation = state.channels.incarnationOf(connection);
      if (incarnation !== undefined) onEpochAckFrom(state, incarnation, message);
      return;
    }
    case 'freshPoll':
      return state.effects.send(connection, answerFreshPoll(message, state.shards, state.ports));
    case 'freshAck': {
      const incarnation = state.channels.incarnationOf(connection);
      if (incarnation !== undefined) state.replicaReads.onFreshAck(message, incarnation);
      return;
    }
    case 'leasePing':
      return state.effects.send(connection, state.leases.onPing(message, connection, state.shards, times));
    case 'leaseGrant': {
      const incarnation = state.channels.incarnationOf(connection);
      if (incarnation !== undefined) state.leases.onGrant(message, incarnation, state.shards, times);
      return;
    }
    default: {
      // Only our channel's present connection counts: an older one may still deliver.
      const incarnation = state.channels.incarnationOf(connection);
      if (incarnation !== undefined) onFromFollower(state, incarnation, message);
    }
  }
}

/** `from`: a member of S+; undefined: the catalog. */
export function onEpochAckFrom(state: ContainerState, from: Incarnation | undefined, ack: EpochAck): void {
  ack.partitions.forEach((partition, index) => {
    const shard = state.shards.get(partition);
    if (shard?.primary === undefined || shard.epoch !== ack.epochs[index]) return;
    const { primary } = shard;
    const ready = onEpochAck(shard, primary, { id: ack.id, from });
    for (const request of ready) {
      if (state.ports.isOpen(request.connection)) readUnderIndex(shard, primary, state.ports, request);
    }
    if (ready.length > 0) state.touchedPrimaries.add(shard);
  });
}

/** N2. */
function onReplOpen(state: ContainerState, connection: ConnectionId, peer: Peer, open: ReplOpen): void {
  const { config } = open;
  if (config.primary.incarnation !== peer.incarnation) return;
  if (state.topology === undefined) {
    // The primary heard of us before we heard of the policy: it will open again.
    const unknown = { partition: config.partition, epoch: config.epoch, rid: { shardInc: 0 } };
    state.effects.send(connection, replica.nack(unknown, 'noSuchShard'));
    return;
  }
  const heardEpoch = Math.max(state.configs.get(config.partition)?.epoch ?? 0, epochOf(state, config.partition));
  if (config.epoch < heardEpoch) {
    const stale = { partition: config.partition, epoch: heardEpoch, rid: { shardInc: 0 } };
    state.effects.send(connection, replica.nack(stale, 'staleEpoch'));
    return;
  }
  adopt(state, config);
  const newest = state.configs.get(config.partition) ?? config;
  let shard = state.shards.get(config.partition);
  if (shard === undefined) {
    if (!hostsOf(newest).some(({ incarnation }) => incarnation === state.self.incarnation)) {
      const unknown = { partition: config.partition, epoch: config.epoch, rid: { shardInc: 0 } };
      state.effects.send(connection, replica.nack(unknown, 'noSuchShard'));
      return;
    }
    shard = createShard(state, newest, { hashSeed: open.hashSeed });
  }
  if (shard.primary !== undefined) return;
  if (open.giveUpShardInc === shard.rid.shardInc && isEligible(newest, shard.rid)) {
    // It counts as damage that it can never be added; only its primary, who is alive, may say so.
    startAgain(state, shard, { connection, reason: 'its placeholder bars it from the in-sync set' });
    return;
  }
  // Its state may be all that is left: a shard that is counted on but cannot follow says so instead of giving it up.
  const next = replica.onReplOpen(shard, state.ports, connection, open);
  if (next !== shard) {
    state.shards.set(next.partition, next);
    state.shardIncs.set(next.partition, next.rid.shardInc);
    state.touchedReplicas.delete(shard);
  } else {
    state.touchedReplicas.add(next);
  }
  matchChannels(state);
}

function isEligible({ elr }: PartitionConfig, rid: Rid): boolean {
  return elr.some((one) => sameRid(one.rid, rid));
}

function epochOf(state: ContainerState, partition: ReplOpen['config']['partition']): number {
  return state.shards.get(partition)?.epoch ?? 0;
}

type FromPrimary = Append | CheckpointBegin | CheckpointChunk | CheckpointEnd;

function onFromPrimary(state: ContainerState, connection: ConnectionId, message: FromPrimary): void {
  const shard = state.shards.get(message.partition);
  const refusal = shard === undefined ? unknownShard(message) : refusalOf(state, shard, connection, message);
  if (refusal !== undefined) {
    state.effects.send(connection, refusal);
    return;
  }
  if (shard === undefined || shard.primary !== undefined) return;
  switch (message.type) {
    case 'append':
      return onAnswered(state, shard, connection, replica.onAppend(shard, state.ports, message));
    case 'checkpointBegin':
      return onAnswered(state, shard, connection, replica.onCheckpointBegin(shard, state.ports, message));
    case 'checkpointChunk':
      replica.onCheckpointChunk(shard, state.ports, message);
      return;
    case 'checkpointEnd':
      return onAnswered(state, shard, connection, replica.onCheckpointEnd(shard, state.ports, message));
  }
}

function onAnswered(
  state: ContainerState,
  shard: Shard,
  connection: ConnectionId,
  answer: Nack | replica.Damage | undefined,
): void {
  if (answer?.type === 'damage') return startAgain(state, shard, { connection, ...answer });
  if (answer !== undefined) state.effects.send(connection, answer);
  state.touchedReplicas.add(shard);
}

/** Reported first, so that nobody promotes it; then a new life with nothing, for its primary to bring online. */
function startAgain(
  state: ContainerState,
  shard: Shard,
  { connection, reason }: { readonly connection: ConnectionId; readonly reason: string },
): void {
  const { partition, rid } = shard;
  state.ports.note('replica_failed', { partition, shardInc: rid.shardInc, reason }, 'warn');
  state.session.send({ type: 'replicaFailed', partition, rid, reason });
  const next = replica.emptied(shard);
  state.shards.set(partition, next);
  state.shardIncs.set(partition, next.rid.shardInc);
  state.touchedReplicas.delete(shard);
  state.effects.send(connection, replica.nack(next, 'noSuchShard'));
}

function unknownShard({ partition, epoch, shardInc }: FromPrimary): Nack {
  return replica.nack({ partition, epoch, rid: { shardInc } }, 'noSuchShard');
}

/** Why a message of a primary does not count here, or undefined. */
function refusalOf(
  state: ContainerState,
  shard: Shard,
  connection: ConnectionId,
  message: FromPrimary,
): Nack | undefined {
  if (state.ports.mutated('dropEpochCheck') && message.type === 'append') return undefined;
  if (message.epoch < shard.epoch) return replica.nack(shard, 'staleEpoch');
  if (message.epoch > shard.epoch) return { ...replica.nack(shard, 'demandReplOpen'), epoch: message.epoch };
  if (shard.opened?.connection !== connection) return replica.nack(shard, 'demandReplOpen');
  if (message.shardInc !== shard.rid.shardInc) return { ...unknownShard(message), epoch: shard.epoch };
  return undefined;
}

type FromFollower = ReplOpenAck | Vote | Nack | CheckpointCredit | DigestReport;

function onFromFollower(state: ContainerState, incarnation: Incarnation, message: FromFollower): void {
  const shard = state.shards.get(message.partition);
  if (shard?.primary === undefined) return;
  if (message.epoch > shard.epoch) {
    // Somebody has heard of a newer epoch: whoever is its primary, we are not (I-EPOCH).
    stepDown(shard, state.ports);
    shard.epoch = message.epoch;
    return;
  }
  const follower = shard.primary.followers.get(incarnation);
  if (message.epoch < shard.epoch || follower === undefined) return;
  state.touchedPrimaries.add(shard);
  switch (message.type) {
    case 'replOpenAck':
      return followers.onReplOpenAck(shard, state.ports, follower, message);
    case 'vote':
      return followers.onVote(shard, shard.primary, state.ports, follower, message);
    case 'nack':
      return followers.onNack(shard, state.ports, follower, message);
    case 'checkpointCredit':
      return followers.onCheckpointCredit(follower, message);
    case 'digestReport':
      return followers.onDigestReport(shard, shard.primary, follower, message);
  }
}
