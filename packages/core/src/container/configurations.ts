/**
 * Obeying the catalog. Configurations of a partition form one chain; only a newer one is obeyed (I-CFG). A shard is
 * given up only when a configuration at least as new as its own lists it nowhere: a shard that was not heard
 * of, or a partition that a push does not mention, keeps what it has.
 */
import { must } from '../assert.ts';
import { isNewer, type PartitionConfig } from '../catalog/config.ts';
import { type Incarnation, sameRid } from '../ids.ts';
import type { ChangeRejected, ConfigPush, Registered, ShardReport } from '../messages.ts';
import type { Policy } from '../policy.ts';
import { matchFollowersToConfig, onChannelClosed } from '../replication/followers.ts';
import { askHandOverAgain } from '../replication/hand-over.ts';
import { askAgain, onChangeRejected, onOwnConfig } from '../replication/in-sync.ts';
import { becomePrimary, stepDown } from '../replication/primary.ts';
import { isUnwanted } from '../replication/replica.ts';
import { newShard, type Shard } from '../shard/shard.ts';
import { mapSetOf, topologyOf } from '../topology.ts';
import type { ContainerState } from './container-state.ts';

export function onRegistered(state: ContainerState, message: Registered): void {
  if (state.generation !== '' && state.generation !== message.generation) {
    state.ports.note('catalog_generation_changed', { before: state.generation, now: message.generation }, 'warn');
  }
  state.generation = message.generation;
  state.topology ??= topologyOf(JSON.parse(message.policyJson) as Policy);
  state.routingChanged = true;
  state.session.onRegistered(message, state.nowMs);
  // It was on its way out when the connection broke: whether the catalog heard is unknown, so it says it again.
  if (state.draining === 'leaving') state.session.send({ type: 'leave' });
  if (state.draining === 'draining') state.session.send({ type: 'drain' });
}

export function shardReports(state: ContainerState): ShardReport[] {
  return [...state.shards.values()].map((shard) => ({
    partition: shard.partition,
    epoch: shard.epoch,
    version: shard.config.version,
    shardInc: shard.rid.shardInc,
    lastLsn: shard.log.lastLsn,
    decidedLsn: shard.decidedLsn,
  }));
}

export function onConfigPush(state: ContainerState, push: ConfigPush): void {
  state.members = new Map(push.members.map((member) => [member.incarnation, member]));
  state.unplaceable = push.unplaceable;
  state.routingChanged = true;
  for (const config of push.configs) adopt(state, config);
  // The answer to a change in flight may have been lost with the old connection; a full push comes with a new one.
  if (push.full) {
    for (const shard of state.shards.values()) {
      askAgain(shard, state.ports);
      askHandOverAgain(shard, state.ports);
    }
  }
  matchChannels(state);
}

export function onRejected(state: ContainerState, message: ChangeRejected): void {
  adopt(state, message.config);
  const shard = state.shards.get(message.config.partition);
  if (shard?.primary === undefined) return;
  state.ports.note('change_rejected', { partition: shard.partition, reason: message.reason }, 'debug');
  onChangeRejected(shard.primary, state.ports, message.changeId);
}

/** The newest configuration of a partition; older and equal ones change nothing. */
export function adopt(state: ContainerState, config: PartitionConfig): void {
  const known = state.configs.get(config.partition);
  if (known !== undefined && !isNewer(config, known)) return;
  state.configs.set(config.partition, config);
  state.routingChanged = true;
  const shard = state.shards.get(config.partition);
  if (shard === undefined) adoptWithoutShard(state, config);
  else adoptWithShard(state, shard, config);
}

function adoptWithoutShard(state: ContainerState, config: PartitionConfig): void {
  if (config.primary.incarnation !== state.self.incarnation) return;
  // Only the first placement makes a primary of nothing; a later epoch's primary must have the shard already.
  const isFirst = config.epoch === 1 && config.primary.shardInc === 1 && !state.shardIncs.has(config.partition);
  if (!isFirst) {
    reportFailed(state, config, 'no such shard in this process');
    return;
  }
  promote(state, createShard(state, config), config);
}

function adoptWithShard(state: ContainerState, shard: Shard, config: PartitionConfig): void {
  const { ports } = state;
  if (shard.primary !== undefined && config.epoch === shard.epoch) {
    onOwnConfig(shard, shard.primary, ports, config);
    state.touchedPrimaries.add(shard);
    return;
  }
  if (config.epoch > shard.epoch) {
    stepDown(shard, ports);
    shard.epoch = config.epoch;
    shard.opened = undefined;
  }
  if (config.epoch < shard.epoch) return;
  shard.config = config;
  // Before its primary asks to add it, it wants to know that this life of the shard has heard of that.
  if (config.joining.some((host) => host.incarnation === state.self.incarnation)) state.touchedReplicas.add(shard);
  if (sameRid(config.primary, shard.rid)) {
    if (shard.loading === undefined) promote(state, shard, config);
    else reportFailed(state, config, 'its checkpoint is not complete');
  } else if (config.primary.incarnation === state.self.incarnation) {
    reportFailed(state, config, 'another shard incarnation is here');
  } else if (isUnwanted(shard, state.self)) {
    ports.note('shard_dropped', { partition: shard.partition, epoch: shard.epoch, shardInc: shard.rid.shardInc });
    state.shards.delete(shard.partition);
    state.touchedReplicas.delete(shard);
  }
}

function promote(state: ContainerState, shard: Shard, config: PartitionConfig): void {
  // It has given its leases back: others may act as primary already, and a configuration written before is no reason.
  if (state.draining === 'leaving' || state.draining === 'left') return;
  const primary = becomePrimary(shard, config, state.leases.grantedUntilMs(shard.partition));
  if (config.epoch > 1) state.ports.count('failovers');
  state.ports.note('became_primary', {
    partition: shard.partition,
    epoch: shard.epoch,
    lastLsn: shard.log.lastLsn,
    undecided: shard.log.lastLsn - shard.decidedLsn,
  });
  matchFollowersToConfig(shard, primary, state.ports);
  state.touchedPrimaries.add(shard);
}

export function createShard(state: ContainerState, config: PartitionConfig): Shard {
  const shardInc = (state.shardIncs.get(config.partition) ?? 0) + 1;
  state.shardIncs.set(config.partition, shardInc);
  const topology = must(state.topology, 'topology: registered before any configuration');
  const shard = newShard({
    rid: { ...state.self, shardInc },
    policy: mapSetOf(topology, config.partition).policy,
    config,
    hashSeed: state.session.terms?.hashSeed ?? 0,
  });
  state.shards.set(config.partition, shard);
  return shard;
}

function reportFailed(state: ContainerState, config: PartitionConfig, reason: string): void {
  state.ports.note('replica_failed', { partition: config.partition, reason }, 'error');
  state.session.send({ type: 'replicaFailed', partition: config.partition, rid: config.primary, reason });
}

/** Channels go to the replicas of our primaries, and to the primaries of our replicas: pings tell who is reached. */
export function matchChannels(state: ContainerState): void {
  const wanted = new Set<Incarnation>();
  for (const shard of state.shards.values()) {
    if (shard.primary !== undefined) {
      for (const incarnation of shard.primary.followers.keys()) wanted.add(incarnation);
    } else if (shard.config.primary.incarnation !== state.self.incarnation) {
      wanted.add(shard.config.primary.incarnation);
    }
  }
  state.channels.match(wanted, state.members, state.nowMs);
}

export function onFollowerLost(state: ContainerState, incarnation: Incarnation): void {
  for (const { primary } of state.shards.values()) {
    const follower = primary?.followers.get(incarnation);
    if (follower !== undefined) onChannelClosed(follower);
  }
}
