/**
 * Obeying the catalog. Configurations of a partition form one chain; only a newer one is obeyed (I-CFG). A shard is
 * given up only when a configuration at least as new as its own lists it nowhere: a shard that was not heard
 * of, or a partition that a push does not mention, keeps what it has.
 */
import { must } from '../assert.ts';
import { isNewer, KEEP_ALL, KEEP_DECIDED, KEEP_NOTHING, type PartitionConfig } from '../catalog/config.ts';
import { type Incarnation, sameRid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { ChangeRejected, ConfigPush, Registered, ShardReport } from '../messages.ts';
import type { Policy } from '../policy.ts';
import { matchFollowersToConfig, onChannelClosed } from '../replication/followers.ts';
import { askHandOverAgain } from '../replication/hand-over.ts';
import { askAgain, onChangeRejected, onOwnConfig } from '../replication/in-sync.ts';
import { becomePrimary, stepDown } from '../replication/primary.ts';
import { isUnwanted } from '../replication/replica.ts';
import { startClock } from '../shard/expiry.ts';
import { newShard, type Shard } from '../shard/shard.ts';
import { lockedMapsOf, mapLimitsOf, mapSetOf, timesToLiveOf, topologyOf } from '../topology.ts';
import type { ContainerState } from './container-state.ts';
import { mayObey, membersTold, turnToCatalog } from './obedience.ts';
import { reportOf } from './reports.ts';

export function onRegistered(state: ContainerState, message: Registered): void {
  if (!turnToCatalog(state, message)) return;
  state.topology ??= topologyOf(JSON.parse(message.policyJson) as Policy);
  state.routingChanged = true;
  state.session.onRegistered(message, state.nowMs);
  // It was on its way out when the connection broke: whether the catalog heard is unknown, so it says it again.
  if (state.draining === 'leaving') state.session.send({ type: 'leave' });
  if (state.draining === 'draining') state.session.send({ type: 'drain' });
}

export function shardReports(state: ContainerState): ShardReport[] {
  return [...state.shards.values()].map(reportOf);
}

export function onConfigPush(state: ContainerState, push: ConfigPush): void {
  if (!mayObey(state, push)) return;
  state.members = membersTold(state, push);
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
  // Only where the catalog says so is a primary made of nothing; any other must have the shard already.
  if (beginsEmpty(state, config))
    promote(state, createShard(state, config, { shardInc: config.primary.shardInc }), config);
  else reportFailed(state, config, 'no such shard in this process');
}

/** The first placement, or a partition that goes on with nothing: under a Rid that this process has never had. */
function beginsEmpty(state: ContainerState, { epoch, keepLsn, partition, primary }: PartitionConfig): boolean {
  return (epoch === 1 || keepLsn === KEEP_NOTHING) && primary.shardInc > (state.shardIncs.get(partition) ?? 0);
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
    if (beginsEmpty(state, config)) {
      // What is here was no full copy: the catalog has given up whatever was.
      state.touchedReplicas.delete(shard);
      promote(state, createShard(state, config, { shardInc: config.primary.shardInc }), config);
    } else reportFailed(state, config, 'another shard incarnation is here');
  } else if (isUnwanted(shard, state.self)) {
    ports.note('shard_dropped', { partition: shard.partition, epoch: shard.epoch, shardInc: shard.rid.shardInc });
    state.shards.delete(shard.partition);
    state.touchedReplicas.delete(shard);
  }
}

function promote(state: ContainerState, shard: Shard, config: PartitionConfig): void {
  // It has given its leases back: others may act as primary already, and a configuration written before is no reason.
  if (state.draining === 'leaving' || state.draining === 'left') return;
  const keepsTail = config.keepLsn === KEEP_DECIDED && state.ports.mutated('keepUndecidedTail');
  const taken = keepsTail ? { ...config, keepLsn: KEEP_ALL } : config;
  const { leases } = state;
  const grantsEndMs = config.waitGrants
    ? leases.grantedUntilMs(shard.partition)
    : leases.grantedBeforeUntilMs(shard.partition, config.epoch - 1);
  const primary = becomePrimary(shard, taken, grantsEndMs);
  if (config.epoch > 1) state.ports.count('failovers');
  state.ports.note('became_primary', {
    partition: shard.partition,
    epoch: shard.epoch,
    lastLsn: shard.log.lastLsn,
    undecided: shard.log.lastLsn - shard.decidedLsn,
  });
  startClock(shard, primary, state.ports);
  matchFollowersToConfig(shard, primary, state.ports);
  state.touchedPrimaries.add(shard);
}

export function createShard(
  state: ContainerState,
  config: PartitionConfig,
  given: { readonly shardInc?: number; readonly hashSeed?: number } = {},
): Shard {
  const shardInc = given.shardInc ?? (state.shardIncs.get(config.partition) ?? 0) + 1;
  state.shardIncs.set(config.partition, shardInc);
  const topology = must(state.topology, 'topology: registered before any configuration');
  const mapSet = mapSetOf(topology, config.partition);
  const shard = newShard({
    rid: { ...state.self, shardInc },
    policy: mapSet.policy,
    config,
    hashSeed: given.hashSeed ?? state.session.terms?.hashSeed ?? 0,
    timesToLive: timesToLiveOf(mapSet),
    mapLimits: mapLimitsOf(mapSet),
    lockedMaps: lockedMapsOf(mapSet),
    digestEveryLsns: state.options.digestEveryLsns ?? LIMITS.digestEveryLsns,
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
