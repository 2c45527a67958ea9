/** Requests of clients, from the wire to the shard, and routing for those who asked for it. */
import { ERROR_CODES, type ErrorCode, type ErrorDetails, GridError } from '../errors.ts';
import type { ConnectionId, MapId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { Peer } from '../machine.ts';
import type {
  AnswerMessage,
  NearPoll,
  Operation,
  Read,
  RequestMessage,
  Route,
  RoutingRequest,
  TransactionNotice,
} from '../messages.ts';
import { mapOfOperation, NO_ROUTE } from '../messages.ts';
import { partitionOf } from '../routing/partition-of.ts';
import { routeOf, routingOf } from '../routing/routing-of.ts';
import { checkRequest } from '../shard/check-request.ts';
import type { ReplicaRead } from '../shard/replica-reads.ts';
import type { PendingRequest } from '../shard/request.ts';
import { submit } from '../shard/requests.ts';
import type { Shard } from '../shard/shard.ts';
import { wake } from '../shard/waiting.ts';
import { mapSetOf, type TopologyMapSet } from '../topology.ts';
import type { ContainerState } from './container-state.ts';

/** We answer before the caller gives up, so that it learns what it waited for: this share of its time, or this much. */
const MARGIN_SHARE = 0.1;
const MARGIN_MS_MAX = 100;

export function onRequest(state: ContainerState, connection: ConnectionId, peer: Peer, message: RequestMessage): void {
  const marginMs = Math.min(MARGIN_MS_MAX, message.ttlMs * MARGIN_SHARE);
  const request: PendingRequest = {
    connection,
    clientId: peer.incarnation,
    message,
    receivedMs: state.nowMs,
    deadlineMs: state.nowMs + Math.min(message.ttlMs, LIMITS.operationTimeoutMsMax) - marginMs,
  };
  const shard = state.shards.get(message.partition);
  const primary = shard?.primary;
  if (primary === undefined && shard !== undefined && message.type === 'read' && isForAnyCopy(message)) {
    return onReplicaRead(state, shard, { ...request, message });
  }
  const isHere = message.type === 'verify' || message.epoch === shard?.epoch;
  if (
    shard === undefined ||
    primary === undefined ||
    !isHere ||
    state.draining === 'leaving' ||
    state.draining === 'left'
  ) {
    return answerError(state, request, 'not_primary', { partition: message.partition });
  }
  const fault = faultOf(state, message);
  if (fault !== undefined) return answerError(state, request, fault.code, fault.details);
  const lockWaits = primary.transactions.locks.waitCount;
  if (primary.waiting.length + primary.keys.waiterCount + lockWaits >= LIMITS.waitingRequestsMax) {
    return answerError(state, request, 'overloaded', { waiting: LIMITS.waitingRequestsMax });
  }
  submit(shard, primary, state.ports, request);
  state.touchedPrimaries.add(shard);
}

function isForAnyCopy({ mode }: Read): boolean {
  return mode !== 'linearizable' && mode !== 'readIndex';
}

function onReplicaRead(state: ContainerState, shard: Shard, read: ReplicaRead): void {
  const fault = faultOf(state, read.message);
  if (fault !== undefined) return answerError(state, read, fault.code, fault.details);
  if (state.replicaReads.waitingCount >= LIMITS.waitingRequestsMax) {
    return answerError(state, read, 'overloaded', { waiting: LIMITS.waitingRequestsMax });
  }
  state.replicaReads.submit(shard, read);
}

/** What a well-behaved client never sends. */
function faultOf(
  state: ContainerState,
  message: RequestMessage,
): { code: ErrorCode; details: ErrorDetails } | undefined {
  if (message.type === 'verify') return undefined;
  const map = state.topology?.maps[message.map];
  const mapSet = map?.mapSet;
  const index = message.partition - (mapSet?.firstPartition ?? 0);
  if (mapSet === undefined || index < 0 || index >= mapSet.policy.numberOfPartitions) {
    return { code: 'undefined_map', details: { map: message.map, partition: message.partition } };
  }
  const fault = checkRequest(message);
  if (fault !== undefined) return fault;
  const foreign = foreignMapOf(message, mapSet);
  if (foreign !== undefined) return { code: 'undefined_map', details: { map: foreign, partition: index } };
  const { numberOfPartitions, partitionBy } = mapSet.policy;
  try {
    if (!hasOnlyKeysOf(message, { numberOfPartitions, partitionBy, index }))
      return { code: 'wrong_partition', details: { partition: index } };
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    return { code: error.code, details: error.details };
  }
  return undefined;
}

/** A transaction stays in one map set, and names none but its maps. */
function foreignMapOf(message: RequestMessage, { maps }: TopologyMapSet): MapId | undefined {
  if (message.type !== 'write' && message.type !== 'commit') return undefined;
  for (const operation of message.operations) {
    if (operation.mapOffset === 0) continue;
    const map = mapOfOperation(message, operation);
    if (!maps.some(({ id }) => id === map)) return map;
  }
  if (message.type === 'write') return undefined;
  const isForeign = (map: MapId): boolean => !maps.some(({ id }) => id === map);
  return [...message.reads, ...message.ranges].find(({ map }) => isForeign(map))?.map;
}

interface PartitionPlace {
  readonly numberOfPartitions: number;
  readonly partitionBy: readonly number[];
  readonly index: number;
}

/** Plain loops: for one key, a closure and its call cost as much as the hash. */
function hasOnlyKeysOf(message: RequestMessage, place: PartitionPlace): boolean {
  switch (message.type) {
    case 'read':
    case 'lock':
      for (const key of message.keys) if (!isIn(place, key)) return false;
      return true;
    case 'commit':
      for (const { key } of message.reads) if (!isIn(place, key)) return false;
      return hasOnlyOperationsOf(message.operations, place);
    case 'write':
      return hasOnlyOperationsOf(message.operations, place);
    default:
      return true;
  }
}

function hasOnlyOperationsOf(operations: readonly Operation[], place: PartitionPlace): boolean {
  for (const { kind, key } of operations) if (kind !== 'clear' && !isIn(place, key)) return false;
  return true;
}

function isIn({ numberOfPartitions, partitionBy, index }: PartitionPlace, key: Uint8Array): boolean {
  return partitionOf(key, numberOfPartitions, partitionBy) === index;
}

export function answer(state: ContainerState, request: PendingRequest, message: AnswerMessage): void {
  state.metrics.answered(request, 'ok', state.nowMs);
  state.effects.send(request.connection, message);
  state.near.onAnswered(request.connection, request.message.partition);
}

export function answerError(
  state: ContainerState,
  request: PendingRequest,
  code: ErrorCode,
  details: ErrorDetails,
): void {
  state.metrics.answered(request, code, state.nowMs);
  state.effects.send(request.connection, {
    type: 'errorAnswer',
    id: request.message.id,
    code: ERROR_CODES[code].number,
    detailsJson: JSON.stringify(details),
    route: code === 'not_primary' ? routeFor(state, request) : NO_ROUTE,
  });
}

function routeFor(state: ContainerState, request: PendingRequest): Route {
  const config = state.configs.get(request.message.partition);
  if (config === undefined) return NO_ROUTE;
  const { topology } = state;
  const isEnabled = topology !== undefined && mapSetOf(topology, config.partition).policy.replicaReadEnabled;
  return routeOf(config, state.members, isEnabled);
}

/** Of its own transactions; who is no primary knows of none. */
export function onTransactionNotice(state: ContainerState, peer: Peer, notice: TransactionNotice): void {
  const shard = state.shards.get(notice.partition);
  if (shard?.primary === undefined) return;
  const { transactions } = shard.primary;
  if (notice.type === 'keepTransactions') {
    transactions.keep(peer.incarnation, notice.transactions, state.nowMs);
    return;
  }
  wake(shard.primary, transactions.end(peer.incarnation, notice.transaction));
  state.touchedPrimaries.add(shard);
}

/** What a well-behaved client never asks for is not heard. */
export function onNearPoll(state: ContainerState, connection: ConnectionId, poll: NearPoll): void {
  const map = state.topology?.maps[poll.map];
  if (state.topology === undefined || map === undefined || poll.partition >= state.topology.partitionCount) return;
  if (mapSetOf(state.topology, poll.partition) === map.mapSet) state.near.onPoll(connection, poll);
}

export function onRoutingRequest(state: ContainerState, connection: ConnectionId, { grid }: RoutingRequest): void {
  if (state.topology === undefined) {
    const reason = 'this container has not reached a catalog yet';
    state.effects.send(connection, { type: 'routingRefused', grid, code: ERROR_CODES.unavailable.number, reason });
    return;
  }
  const grids = state.subscriptions.get(connection) ?? new Set<string>();
  state.subscriptions.set(connection, grids.add(grid));
  sendRouting(state, connection, grid);
}

function sendRouting(state: ContainerState, connection: ConnectionId, grid: string): void {
  if (state.topology === undefined) return;
  const routing = routingOf(grid, {
    topology: state.topology,
    generation: state.generation,
    configOf: (partition) => state.configs.get(partition),
    members: [...state.members.values()],
    unplaceable: state.unplaceable,
  });
  if (routing !== undefined) return state.effects.send(connection, routing);
  const { number, says } = ERROR_CODES.undefined_grid;
  state.effects.send(connection, { type: 'routingRefused', grid, code: number, reason: says });
}

/** At the end of a turn in which a configuration came. */
export function pushRouting(state: ContainerState): void {
  state.routingChanged = false;
  for (const [connection, grids] of state.subscriptions) for (const grid of grids) sendRouting(state, connection, grid);
}
