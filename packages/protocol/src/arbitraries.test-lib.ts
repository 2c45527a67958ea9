/** One arbitrary for each message, with the extremes of its numbers in it. */
import {
  asMapId,
  asPartitionId,
  KEEP_ALL,
  type Operation,
  type PartitionConfig,
  type Rid,
  type Route,
} from '@ostraca/core';
import fc from 'fast-check';
import type { WireMessage, WireMessageType } from './hello.ts';

type Arbitraries = { readonly [T in WireMessageType]: fc.Arbitrary<Extract<WireMessage, { type: T }>> };

const uint32 = fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff));
const uint64 = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(0, 0xffff_ffff, 0x1_0000_0000, 2 ** 49 - 1, 2 ** 49, KEEP_ALL - 1, KEEP_ALL),
);
const double = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1.5, 1e9));
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 }), fc.constant(''));
const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 120, maxLength: 140 }));
const partition = uint32.map(asPartitionId);
const map = uint32.map(asMapId);

function listOf<T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> {
  return fc.array(item, { maxLength: 4 });
}

/** `fc.record`, of plain objects only. */
function shape<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
}

const host = shape({ container: text, incarnation: text });
const rid: fc.Arbitrary<Rid> = shape({ container: text, incarnation: text, shardInc: uint64 });
const config: fc.Arbitrary<PartitionConfig> = shape({
  partition,
  epoch: uint64,
  version: uint64,
  lineage: text,
  primary: rid,
  sync: listOf(rid),
  elr: listOf(shape({ rid, keepLsn: uint64 })),
  joining: listOf(host),
  async: listOf(host),
  leaving: listOf(rid),
  keepLsn: uint64,
  waitGrants: fc.boolean(),
  lost: fc.boolean(),
});
const shardReport = shape({
  partition,
  epoch: uint64,
  version: uint64,
  shardInc: uint64,
  lastLsn: uint64,
  decidedLsn: uint64,
});
const member = shape({
  container: text,
  incarnation: text,
  address: text,
  host: text,
  zone: text,
  alive: fc.boolean(),
  draining: fc.boolean(),
});
const route: fc.Arbitrary<Route> = shape({
  partition,
  epoch: uint64,
  version: uint64,
  primary: text,
  address: text,
  lineage: text,
  replicas: listOf(shape({ container: text, address: text, inSync: fc.boolean() })),
});
const operation: fc.Arbitrary<Operation> = shape({
  kind: fc.constantFrom('set', 'insert', 'update', 'delete', 'clear', 'touch', 'expire', 'acquire'),
  key: bytes,
  value: bytes,
  ifEpoch: uint64,
  ifLsn: uint64,
  ttlMs: double,
  expireAtMs: double,
  mapOffset: uint32,
});
const request = { id: uint64, partition, epoch: uint64, map, ttlMs: double };
const shard = { partition, epoch: uint64, shardInc: uint64 };
const record = shape({
  lsn: uint64,
  epoch: uint64,
  kind: fc.constantFrom('write', 'noop', 'digest', 'expire', 'touch', 'session', 'abortMarker', 'evict'),
  clientId: text,
  seq: uint64,
  ackedBelow: uint64,
  map,
  operations: listOf(operation),
  decidedUpTo: uint64,
  aborted: listOf(uint64),
  clockMs: double,
  ceilingMs: double,
  digestLsn: uint64,
  stateDigest: uint32,
});

function of<T extends WireMessageType>(
  type: T,
  fields: {
    readonly [K in keyof Omit<Extract<WireMessage, { type: T }>, 'type'>]: fc.Arbitrary<
      Extract<WireMessage, { type: T }>[K]
    >;
  },
): Arbitraries[T] {
  return shape({ type: fc.constant(type), ...fields }) as unknown as Arbitraries[T];
}

export const MESSAGES: Arbitraries = {
  hello: of('hello', {
    protocolMin: uint32,
    protocolMax: uint32,
    role: fc.constantFrom('catalog', 'container', 'client', 'tool'),
    name: text,
    incarnation: text,
    program: text,
  }),
  goodbye: of('goodbye', { code: uint32, reason: text }),

  register: of('register', {
    name: text,
    incarnation: text,
    address: text,
    host: text,
    zone: text,
    generation: text,
    shards: listOf(shardReport),
  }),
  registered: of('registered', {
    generation: text,
    leaseMs: double,
    heartbeatMs: double,
    policyJson: text,
    hashSeed: uint32,
  }),
  registerRefused: of('registerRefused', { code: uint32, reason: text }),
  heartbeat: of('heartbeat', { seq: uint64, sentAtMs: double, leaseGen: uint64, reachable: listOf(text) }),
  heartbeatAck: of('heartbeatAck', {
    seq: uint64,
    sentAtMs: double,
    leaseGen: uint64,
    leases: listOf(shape({ partition, epoch: uint64, version: uint64 })),
  }),
  configPush: of('configPush', {
    generation: text,
    full: fc.boolean(),
    configs: listOf(config),
    members: listOf(member),
    unplaceable: listOf(shape({ grid: text, mapSet: text, reason: text })),
  }),
  changeInSync: of('changeInSync', {
    changeId: uint64,
    partition,
    epoch: uint64,
    version: uint64,
    kind: fc.constantFrom('add', 'evict'),
    target: rid,
    keepLsn: uint64,
  }),
  changeRejected: of('changeRejected', { changeId: uint64, reason: text, config }),
  replicaFailed: of('replicaFailed', { partition, rid, reason: text }),
  drain: of('drain', {}),
  handOver: of('handOver', { changeId: uint64, partition, epoch: uint64, version: uint64 }),
  leave: of('leave', {}),
  left: of('left', {}),
  provedDead: of('provedDead', { container: text, incarnation: text }),
  configRequest: of('configRequest', {}),
  configReport: of('configReport', {
    configs: listOf(config),
    last: fc.boolean(),
    shards: listOf(shardReport),
    containers: listOf(text),
    policyJson: text,
    hashSeed: uint32,
  }),
  copyReport: of('copyReport', { shards: listOf(shardReport) }),
  rebuild: of('rebuild', { grid: text, acceptLoss: fc.boolean() }),
  rebuildAnswer: of('rebuildAnswer', {
    grid: text,
    code: uint32,
    rebuilt: listOf(partition),
    waiting: listOf(shape({ partition, reason: text })),
  }),

  routingRequest: of('routingRequest', { grid: text }),
  routing: of('routing', {
    grid: text,
    generation: text,
    mapSets: listOf(
      shape({
        name: text,
        firstPartition: uint32,
        numberOfPartitions: uint32,
        partitionBy: listOf(uint32),
        maps: listOf(
          shape({ id: map, name: text, lockStrategy: fc.constantFrom('optimistic', 'pessimistic', 'none') }),
        ),
        unplaceable: text,
      }),
    ),
    routes: listOf(route),
    addresses: listOf(text),
  }),
  routingRefused: of('routingRefused', { grid: text, code: uint32, reason: text }),

  read: of('read', {
    ...request,
    keys: listOf(bytes),
    withoutValues: fc.boolean(),
    mode: fc.constantFrom('linearizable', 'readIndex', 'bounded', 'session', 'eventual'),
    maxStalenessMs: double,
    minLsn: uint64,
    minClockMs: double,
  }),
  readAnswer: of('readAnswer', {
    id: uint64,
    entries: listOf(shape({ found: fc.boolean(), value: bytes, epoch: uint64, lsn: uint64, expireAtMs: double })),
    lsn: uint64,
    clockMs: double,
  }),
  size: of('size', request),
  sizeAnswer: of('sizeAnswer', { id: uint64, count: uint64, lsn: uint64, clockMs: double }),
  scan: of('scan', {
    ...request,
    resumed: fc.boolean(),
    afterHash: uint32,
    limit: uint32,
    prefix: bytes,
    withoutValues: fc.boolean(),
  }),
  scanAnswer: of('scanAnswer', {
    id: uint64,
    entries: listOf(shape({ key: bytes, value: bytes, epoch: uint64, lsn: uint64 })),
    done: fc.boolean(),
    lastHash: uint32,
    lsn: uint64,
    clockMs: double,
  }),
  lock: of('lock', {
    ...request,
    transaction: uint64,
    mode: fc.constantFrom('shared', 'upgradable', 'exclusive'),
    keys: listOf(bytes),
    withoutValues: fc.boolean(),
    waitMs: double,
  }),
  commit: of('commit', {
    ...request,
    seq: uint64,
    ackedBelow: uint64,
    attempt: uint32,
    transaction: uint64,
    beganEpoch: uint64,
    reads: listOf(shape({ map, key: bytes, epoch: uint64, lsn: uint64 })),
    ranges: listOf(shape({ map, lsn: uint64, clockMs: double })),
    operations: listOf(operation),
    waitMs: double,
  }),
  endTransaction: of('endTransaction', { partition, transaction: uint64 }),
  keepTransactions: of('keepTransactions', { partition, transactions: listOf(uint64) }),
  write: of('write', {
    ...request,
    seq: uint64,
    ackedBelow: uint64,
    attempt: uint32,
    operations: listOf(operation),
  }),
  resolveOrAbort: of('resolveOrAbort', { ...request, seq: uint64, ackedBelow: uint64 }),
  rolledBack: of('rolledBack', { id: uint64 }),
  writeAnswer: of('writeAnswer', { id: uint64, epoch: uint64, lsn: uint64, applied: fc.boolean() }),
  errorAnswer: of('errorAnswer', { id: uint64, code: uint32, detailsJson: text, route }),
  nearPoll: of('nearPoll', { partition, epoch: uint64, map, lineage: text, afterLsn: uint64, sentMs: double }),
  nearChanges: of('nearChanges', {
    ...{ partition, epoch: uint64, map, fromLsn: uint64, toLsn: uint64, allKeys: fc.boolean(), keys: listOf(bytes) },
    ...{ clockMs: double, fresh: fc.boolean(), sentMs: double },
  }),
  verify: of('verify', { id: uint64, partition, ttlMs: double }),
  verifyAnswer: of('verifyAnswer', {
    id: uint64,
    lsn: uint64,
    digests: listOf(
      shape({
        rid,
        role: fc.constantFrom('primary', 'sync', 'async', 'joining'),
        digest: text,
        count: uint64,
      }),
    ),
  }),

  replOpen: of('replOpen', {
    config,
    tail: listOf(shape({ epoch: uint64, lastLsn: uint64 })),
    decidedLsn: uint64,
    giveUpShardInc: uint64,
    hashSeed: uint32,
  }),
  replOpenAck: of('replOpenAck', { ...shard, lastLsn: uint64, needsCheckpoint: fc.boolean() }),
  append: of('append', {
    ...shard,
    prevEpoch: uint64,
    prevLsn: uint64,
    records: listOf(record),
    decidedHint: uint64,
  }),
  vote: of('vote', {
    ...shard,
    ackLsn: uint64,
    refused: listOf(shape({ lsn: uint64, code: uint32 })),
    appliedLsn: uint64,
    version: uint64,
  }),
  nack: of('nack', {
    ...shard,
    kind: fc.constantFrom('staleEpoch', 'demandReplOpen', 'askSuffix', 'noSuchShard'),
    afterLsn: uint64,
  }),
  leasePing: of('leasePing', {
    sentAtMs: double,
    leaseGen: uint64,
    partitions: listOf(partition),
    epochs: listOf(uint64),
  }),
  leaseGrant: of('leaseGrant', {
    sentAtMs: double,
    leaseGen: uint64,
    partitions: listOf(partition),
    epochs: listOf(uint64),
  }),
  checkpointBegin: of('checkpointBegin', {
    ...{ ...shard, scanLsn: uint64, scanEpoch: uint64, ceilingMs: double },
    ...{ keepsState: fc.boolean(), applyLsn: uint64, clearedMaps: listOf(map) },
  }),
  checkpointChunk: of('checkpointChunk', {
    ...shard,
    entries: listOf(
      shape({ map, key: bytes, value: bytes, epoch: uint64, lsn: uint64, ttlMs: double, expireAtMs: double }),
    ),
    sessions: listOf(
      shape({
        clientId: text,
        ackedBelow: uint64,
        done: listOf(shape({ seq: uint64, epoch: uint64, lsn: uint64 })),
        rolledBack: listOf(uint64),
      }),
    ),
    removed: listOf(shape({ map, key: bytes })),
    endedSessions: listOf(text),
  }),
  checkpointEnd: of('checkpointEnd', { ...shard, endLsn: uint64, stateDigest: uint32, count: uint64 }),
  checkpointCredit: of('checkpointCredit', { ...shard, bytes: uint64 }),
  digestReport: of('digestReport', { ...shard, lsn: uint64, digest: text, count: uint64 }),
  epochProbe: of('epochProbe', { id: uint64, partitions: listOf(partition), epochs: listOf(uint64) }),
  epochAck: of('epochAck', { id: uint64, partitions: listOf(partition), epochs: listOf(uint64) }),
  freshPoll: of('freshPoll', {
    ...{ sentAtMs: double, leaseGen: uint64, partitions: listOf(partition), epochs: listOf(uint64) },
  }),
  freshAck: of('freshAck', {
    ...{ sentAtMs: double, leaseGen: uint64, partitions: listOf(partition), epochs: listOf(uint64) },
    ...{ lsns: listOf(uint64), clocksMs: listOf(double) },
  }),
};

export const anyMessage: fc.Arbitrary<WireMessage> = fc.oneof(...Object.values<fc.Arbitrary<WireMessage>>(MESSAGES));
