/**
 * The replica's part of the protocol: to append in order, vote, and apply what is decided.
 *
 * To hold a record is a promise, not an effect (I-DIRTY): the maps change only up to what records held, or a hint,
 * call decided. N2: a new primary opens the shard with the shape of its log; whatever differs is cut, never a decided
 * record. A shard gives up its state for a checkpoint only when no configuration counts on it.
 */
import { assert } from '../assert.ts';
import { ERROR_CODES } from '../errors.ts';
import { type ConnectionId, type Host, sameRid } from '../ids.ts';
import type {
  Append,
  CheckpointBegin,
  CheckpointChunk,
  CheckpointEnd,
  LogRecord,
  Nack,
  RefusedRecord,
  ReplOpen,
} from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import {
  applyUpTo,
  clearMap,
  digestOf,
  entryCount,
  type NewShard,
  newShard,
  putEntry,
  removeEntry,
  type Shard,
} from '../shard/shard.ts';
import { chunkBytes } from './checkpoint.ts';
import { payCredit } from './checkpoint-credit.ts';
import { Log } from './log.ts';
import { type DigestDifference, differenceAt, stateDigestOf } from './state-digest.ts';

/** The simulator's fault of memory. */
const SKIPPED_EVERY_LSNS = 29;

/** Why this life of the shard has no state to go on with. */
export interface Damage {
  readonly type: 'damage';
  readonly reason: string;
}

/** Whether the configuration counts on this very life of the shard. */
export function isListed(shard: Shard, config: Shard['config']): boolean {
  return config.sync.some((rid) => sameRid(rid, shard.rid)) || config.elr.some(({ rid }) => sameRid(rid, shard.rid));
}

export function nack(
  shard: { partition: Shard['partition']; epoch: number; rid: { shardInc: number } },
  kind: Nack['kind'],
  afterLsn = 0,
): Nack {
  return { type: 'nack', partition: shard.partition, epoch: shard.epoch, shardInc: shard.rid.shardInc, kind, afterLsn };
}

/**
 * Adopts the primary's epoch and drops what its log does not have. The caller has compared epochs.
 *
 * @returns the shard to go on with: a new life of it when it needs a checkpoint.
 */
export function onReplOpen(shard: Shard, ports: ShardPorts, connection: ConnectionId, open: ReplOpen): Shard {
  const listed = isListed(shard, shard.config);
  const isGivenUp = open.giveUpShardInc === shard.rid.shardInc && !listed;
  const isOther = isGivenUp || (open.hashSeed !== shard.hashSeed && !listed);
  const common = shard.loading === undefined && !isOther ? commonLsn(shard, open) : undefined;
  if (common === undefined || common < shard.decidedLsn) {
    // A listed shard always shares a record with a lawful primary (the log's base never passes what it must share).
    assert(!listed, 'a listed replica shares its decided records with the primary');
    const next = emptied({ ...shard, hashSeed: open.hashSeed });
    next.opened = { connection, epoch: next.epoch };
    next.loading = { endLsn: Number.MAX_SAFE_INTEGER, end: undefined, receivedBytes: 0, owedBytes: 0 };
    ports.toPrimary(connection, openAck(next, true));
    return next;
  }
  shard.log.cutAfter(common);
  shard.opened = { connection, epoch: shard.epoch };
  ports.toPrimary(connection, openAck(shard, false));
  return shard;
}

/**
 * Within an epoch the primary's log only grows, and what we hold once we have reconciled is its beginning. So a second
 * ReplOpen cuts nothing: it may be an old one, late on a connection that the primary has given up, and know less than
 * what we have acknowledged since.
 */
function commonLsn(shard: Shard, { config, tail }: ReplOpen): number | undefined {
  const primaryBaseLsn = tail[0]?.lastLsn ?? 0;
  if (shard.opened?.epoch === config.epoch && shard.log.lastLsn >= primaryBaseLsn) return shard.log.lastLsn;
  return shard.log.lastCommonLsn(tail);
}

function openAck(shard: Shard, needsCheckpoint: boolean) {
  return {
    type: 'replOpenAck',
    partition: shard.partition,
    epoch: shard.epoch,
    shardInc: shard.rid.shardInc,
    lastLsn: shard.log.lastLsn,
    needsCheckpoint,
  } as const;
}

/** The next life of the shard, with nothing in it; votes given in this life do not count for it. */
export function emptied(shard: Shard): Shard {
  const identity: NewShard = {
    rid: { ...shard.rid, shardInc: shard.rid.shardInc + 1 },
    policy: shard.policy,
    config: shard.config,
    hashSeed: shard.hashSeed,
    timesToLive: shard.timesToLive,
    mapLimits: shard.mapLimits,
    lockedMaps: shard.lockedMaps,
    digestEveryLsns: shard.digests.everyLsns,
  };
  const next = newShard(identity);
  next.epoch = shard.epoch;
  return next;
}

/**
 * Appends, then applies; the vote follows at the end of the turn. Answers with a Nack what does not fit.
 *
 * @returns a damage when this replica has to start again.
 */
export function onAppend(shard: Shard, ports: ShardPorts, append: Append): Nack | Damage | undefined {
  const { log } = shard;
  if (append.prevLsn > log.lastLsn) return nack(shard, 'askSuffix', log.lastLsn);
  if (append.prevLsn >= log.baseLsn && log.epochAt(append.prevLsn) !== append.prevEpoch) {
    return nack(shard, 'demandReplOpen');
  }
  for (const record of append.records) {
    if (record.lsn <= log.lastLsn) continue;
    assert(record.lsn === log.lastLsn + 1, 'an Append has no gaps inside');
    const code = record.kind === 'write' ? ports.refuses(record) : undefined;
    // A write without operations is the placeholder of a new primary that refused it: it stays one with us.
    const isPlaceholder = code !== undefined || (record.kind === 'write' && record.operations.length === 0);
    if (!isPlaceholder) log.append(record);
    // The place is kept, so that later records can be acknowledged cumulatively.
    else log.appendPlaceholder({ ...record, operations: [] });
    const difference = record.digestLsn > 0 ? differenceAt(shard, record.digestLsn) : undefined;
    if (difference !== undefined) return noteDifference(shard, ports, difference);
  }
  const carried = log.lastLsn > log.baseLsn ? log.at(log.lastLsn).decidedUpTo : 0;
  return apply(shard, ports, Math.max(carried, append.decidedHint));
}

function apply(shard: Shard, ports: ShardPorts, end: number): Damage | undefined {
  const isFaulty = ports.mutated('skipOneApply');
  let difference: DigestDifference | undefined;
  const isWhole = applyUpTo(shard, end, {
    skips: (lsn) => isFaulty && lsn % SKIPPED_EVERY_LSNS === 0,
    onDecided: (record) => {
      if (record.kind === 'digest') reportDigest(shard, ports, record);
      difference ??= differenceAt(shard, record.lsn);
      if (shard.loading?.endLsn === record.lsn) difference ??= finishLoading(shard, ports);
    },
  });
  if (difference !== undefined) return noteDifference(shard, ports, difference);
  return isWhole ? undefined : { type: 'damage', reason: 'a record that it refused is committed' };
}

/** Everything up to the end of the checkpoint is applied: from here on the state is that of one lsn. */
function finishLoading(shard: Shard, ports: ShardPorts): DigestDifference | undefined {
  const end = shard.loading?.end;
  shard.loading = undefined;
  const own = stateDigestOf(shard);
  if (end !== undefined && (end.stateDigest !== own || end.count !== entryCount(shard))) {
    return { lsn: shard.decidedLsn, own, told: end.stateDigest };
  }
  ports.note('replica_consistent', { partition: shard.partition, decidedLsn: shard.decidedLsn });
  return undefined;
}

function noteDifference(shard: Shard, ports: ShardPorts, { lsn, own, told }: DigestDifference): Damage {
  const { partition, rid, decidedLsn } = shard;
  const facts = { partition, lsn, shardInc: rid.shardInc, own, told, entries: entryCount(shard), decidedLsn };
  ports.note('state_differs', facts, 'error');
  ports.count('digest_differences');
  return { type: 'damage', reason: `its state at lsn ${lsn} is not the primary's` };
}

function reportDigest(shard: Shard, ports: ShardPorts, record: LogRecord): void {
  if (shard.loading !== undefined || shard.opened === undefined) return;
  ports.toPrimary(shard.opened.connection, {
    type: 'digestReport',
    partition: shard.partition,
    epoch: shard.epoch,
    shardInc: shard.rid.shardInc,
    lsn: record.lsn,
    ...digestOf(shard),
  });
}

/** One for each replica and turn: cumulative, so the last says it all. */
export function vote(shard: Shard, ports: ShardPorts): void {
  if (shard.opened === undefined || shard.log.lastLsn < shard.log.baseLsn) return;
  const refused: RefusedRecord[] = [];
  // One that is decided was rolled back: nobody misses it.
  for (const lsn of shard.log.placeholders)
    if (lsn > shard.decidedLsn) refused.push({ lsn, code: ERROR_CODES.overloaded.number });
  ports.toPrimary(shard.opened.connection, {
    type: 'vote',
    partition: shard.partition,
    epoch: shard.epoch,
    shardInc: shard.rid.shardInc,
    ackLsn: shard.log.lastLsn,
    refused,
    // Until its last chunk is here it has applied nothing that counts: it would be added, and promoted, with half a state.
    appliedLsn: shard.loading === undefined ? shard.decidedLsn : 0,
    version: shard.config.version,
  });
}

export function onCheckpointBegin(shard: Shard, ports: ShardPorts, begin: CheckpointBegin): Nack | Damage | undefined {
  if (begin.keepsState) return onDirtyRound(shard, ports, begin);
  assert(shard.loading !== undefined && shard.decidedLsn === 0, 'a checkpoint goes into an empty shard');
  shard.log = new Log(begin.scanLsn, begin.scanEpoch);
  shard.decidedLsn = begin.scanLsn;
  shard.ceilingMs = begin.ceilingMs;
  return undefined;
}

/** dirty.ts: what it holds is not applied beyond `applyLsn`; all that changed after comes by its present value. */
function onDirtyRound(shard: Shard, ports: ShardPorts, begin: CheckpointBegin): Nack | Damage | undefined {
  const { log, config } = shard;
  // Its state may count: then it is not made half of one. Nor can it go on from what it does not hold, or go back: the
  // primary before this one may have told it of more than this one has decided by now.
  const fits = log.lastLsn >= begin.applyLsn && shard.decidedLsn <= begin.scanLsn;
  if (isListed(shard, config) || !fits) return nack(shard, 'demandReplOpen');
  const damage = apply(shard, ports, begin.applyLsn);
  if (damage !== undefined) return damage;
  shard.loading = { endLsn: Number.MAX_SAFE_INTEGER, end: undefined, receivedBytes: 0, owedBytes: 0 };
  shard.log = new Log(begin.scanLsn, begin.scanEpoch);
  shard.decidedLsn = begin.scanLsn;
  shard.ceilingMs = Math.max(shard.ceilingMs, begin.ceilingMs);
  for (const map of begin.clearedMaps) clearMap(shard, map);
  ports.note('replica_catches_up', { partition: shard.partition, fromLsn: begin.applyLsn, toLsn: begin.scanLsn });
  return undefined;
}

/** Chunks and records share one order, so an entry of a chunk is never older than what the records applied so far say. */
export function onCheckpointChunk(shard: Shard, ports: ShardPorts, chunk: CheckpointChunk): void {
  if (shard.loading === undefined || shard.opened === undefined) return;
  for (const { map, key, value, epoch, lsn, ttlMs, expireAtMs } of chunk.entries) {
    putEntry(shard, map, { key, value, epoch, lsn, ttlMs, expireAtMs });
  }
  for (const { map, key } of chunk.removed) removeEntry(shard, map, key);
  for (const clientId of chunk.endedSessions) shard.sessions.forget(clientId);
  for (const session of chunk.sessions) shard.sessions.restore(session);
  const bytes = chunkBytes(chunk);
  shard.loading.receivedBytes += bytes;
  shard.loading.owedBytes += bytes;
  payCredit(shard, ports);
}

export function onCheckpointEnd(shard: Shard, ports: ShardPorts, end: CheckpointEnd): Damage | undefined {
  const { loading, decidedLsn } = shard;
  if (loading === undefined) return undefined;
  // Whatever we were told is decided, the primary had decided before it sent this.
  assert(decidedLsn <= end.endLsn, 'a checkpoint ends where the primary has come to');
  loading.endLsn = end.endLsn;
  loading.end = { stateDigest: end.stateDigest, count: end.count };
  if (decidedLsn < end.endLsn) return undefined;
  const difference = finishLoading(shard, ports);
  return difference === undefined ? undefined : noteDifference(shard, ports, difference);
}

/** A shard that no configuration counts on, and that is not to be brought online here, goes away. */
export function isUnwanted(shard: Shard, self: Host): boolean {
  const { config } = shard;
  const isPlaced = [...config.joining, ...config.async].some((host) => host.incarnation === self.incarnation);
  return !isListed(shard, config) && !isPlaced;
}
