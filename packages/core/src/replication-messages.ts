/**
 * What primaries and replicas say to each other: the log, leases, freshness, checkpoints. Part of the contract that
 * messages.ts tells of.
 */
import type { PartitionConfig } from './catalog/config.ts';
import type { Operation } from './data-messages.ts';
import type { ClientId, Epoch, Lsn, MapId, PartitionId } from './ids.ts';

/**
 * `digest`: a point at which primaries and replicas compute a digest of their entries (Verify). `expire`, `touch`: the
 * primary removes entries that are due, or renews those that were read. `evict`: it removes entries for which there is no
 * room (by operations of the kind `expire`). `session`: its client is forgotten.
 * `abortMarker`: the write of its client and seq is never carried out (ResolveOrAbort).
 */
export type RecordKind = 'write' | 'noop' | 'digest' | 'expire' | 'touch' | 'session' | 'abortMarker' | 'evict';

/**
 * One record of a partition's log. `decidedUpTo` and `aborted` are the outcomes known when it was appended:
 * part of the record, so that every replica applies the same.
 */
export interface LogRecord {
  readonly lsn: Lsn;
  /** In which it was appended. */
  readonly epoch: Epoch;
  readonly kind: RecordKind;
  /** Empty for records that no client asked for. */
  readonly clientId: ClientId;
  readonly seq: number;
  readonly ackedBelow: number;
  readonly map: MapId;
  readonly operations: readonly Operation[];
  readonly decidedUpTo: Lsn;
  /** Lsns of earlier records that are rolled back. */
  readonly aborted: readonly Lsn[];
  /** The partition clock at its append; 0 while no entry has a time to live. */
  readonly clockMs: number;
  /** Once this is decided, entries may be judged expired by a partition clock of up to here; 0: it says nothing. */
  readonly ceilingMs: number;
  /** A decided lsn, with the digest of the state there (state-digest.ts); 0: it says nothing of any. */
  readonly digestLsn: Lsn;
  readonly stateDigest: number;
}

/** Where each epoch of a log ends, oldest first; a record is identified by (epoch, lsn). */
export interface EpochEnd {
  readonly epoch: Epoch;
  readonly lastLsn: Lsn;
}

/** First message of a primary to a follower in an epoch (N2). `tail[0]` is the record before the first retained one. */
export interface ReplOpen {
  readonly type: 'replOpen';
  readonly config: PartitionConfig;
  readonly tail: readonly EpochEnd[];
  readonly decidedLsn: Lsn;
  /** A life of the receiver's shard that can never be added, for it holds a placeholder: to be given up. 0: none. */
  readonly giveUpShardInc: number;
  /** Of the primary's shard: a shard that is made for it has the same, whatever the catalog said since. */
  readonly hashSeed: number;
}

export interface ReplOpenAck {
  readonly type: 'replOpenAck';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  /** After the cut. */
  readonly lastLsn: Lsn;
  /** Its state is no prefix of the primary's retained log: send a checkpoint. */
  readonly needsCheckpoint: boolean;
}

/** Also the carrier of a hint alone: then `records` is empty. */
export interface Append {
  readonly type: 'append';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly prevEpoch: Epoch;
  readonly prevLsn: Lsn;
  readonly records: readonly LogRecord[];
  /** Never beyond what the receiver holds. */
  readonly decidedHint: Lsn;
}

export interface RefusedRecord {
  readonly lsn: Lsn;
  /** A number of ERROR_CODES. */
  readonly code: number;
}

/** Cumulative yes up to `ackLsn`, but for the records refused. */
export interface Vote {
  readonly type: 'vote';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly ackLsn: Lsn;
  readonly refused: readonly RefusedRecord[];
  readonly appliedLsn: Lsn;
  /** Of the newest configuration that the sender has heard of: only a newer one can make it give this life up. */
  readonly version: number;
}

/**
 * `staleEpoch`: `epoch` is the newer one that the sender has seen. `demandReplOpen`: an Append of an epoch in which
 * it was not opened. `askSuffix`: a gap; send everything after `afterLsn`. `noSuchShard`: the shard incarnation is gone.
 */
export interface Nack {
  readonly type: 'nack';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly kind: 'staleEpoch' | 'demandReplOpen' | 'askSuffix' | 'noSuchShard';
  readonly afterLsn: Lsn;
}

/** One per pair of containers and heartbeat: the partitions and epochs in which the sender is primary over the receiver. */
export interface LeasePing {
  readonly type: 'leasePing';
  readonly sentAtMs: number;
  readonly leaseGen: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
}

/** The promise of L1(b), for the partitions listed: not to act as primary in a newer epoch before receipt + 2/3 lease. */
export interface LeaseGrant {
  readonly type: 'leaseGrant';
  readonly sentAtMs: number;
  readonly leaseGen: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
}

/** Sent for reads that wait: does nobody know of a newer epoch? To every member of S+ and, where needed, the catalog. */
export interface EpochProbe {
  readonly type: 'epochProbe';
  readonly id: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
}

/** Of those asked for, the partitions whose epoch holds as far as the sender knows. No promise. */
export interface EpochAck {
  readonly type: 'epochAck';
  readonly id: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
}

/** A replica asks its primary how far it must have come to be as fresh as now, by its own clock. */
export interface FreshPoll {
  readonly type: 'freshPoll';
  readonly sentAtMs: number;
  readonly leaseGen: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
}

/** Of partitions for which the primary may read (L1): everything that was ever acknowledged is at or below `lsns`. */
export interface FreshAck {
  readonly type: 'freshAck';
  readonly sentAtMs: number;
  readonly leaseGen: number;
  readonly partitions: readonly PartitionId[];
  readonly epochs: readonly Epoch[];
  readonly lsns: readonly Lsn[];
  /** What expires up to here is expired. */
  readonly clocksMs: readonly number[];
}

export interface CheckpointBegin {
  readonly type: 'checkpointBegin';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  /** The scan reflects at least every record up to here; the delta after it follows on the same connection. */
  readonly scanLsn: Lsn;
  readonly scanEpoch: Epoch;
  /** The highest of all records up to `scanLsn`. */
  readonly ceilingMs: number;
  /** A dirty round: the receiver keeps its state, and applies what it holds up to `applyLsn` before anything else. */
  readonly keepsState: boolean;
  readonly applyLsn: Lsn;
  /** Of a dirty round: these are emptied. */
  readonly clearedMaps: readonly MapId[];
}

export interface CheckpointKey {
  readonly map: MapId;
  readonly key: Uint8Array;
}

export interface CheckpointEntry {
  readonly map: MapId;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  readonly ttlMs: number;
  readonly expireAtMs: number;
}

export interface CompletionRecord {
  readonly seq: number;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

export interface CheckpointSession {
  readonly clientId: ClientId;
  readonly ackedBelow: number;
  readonly done: readonly CompletionRecord[];
  /** Seqs of writes that are never carried out. */
  readonly rolledBack: readonly number[];
}

export interface CheckpointChunk {
  readonly type: 'checkpointChunk';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly entries: readonly CheckpointEntry[];
  readonly sessions: readonly CheckpointSession[];
  /** Of a dirty round: keys that are there no more. */
  readonly removed: readonly CheckpointKey[];
  /** Of a dirty round: what the receiver has of these goes, before `sessions` come. */
  readonly endedSessions: readonly ClientId[];
}

/** Consistent once everything up to `endLsn` is applied. */
export interface CheckpointEnd {
  readonly type: 'checkpointEnd';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly endLsn: Lsn;
  /** Of the state at `endLsn`. */
  readonly stateDigest: number;
  readonly count: number;
}

/** The receiver has taken in so many bytes of the checkpoint. */
export interface CheckpointCredit {
  readonly type: 'checkpointCredit';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly bytes: number;
}

export interface DigestReport {
  readonly type: 'digestReport';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly shardInc: number;
  readonly lsn: Lsn;
  readonly digest: string;
  readonly count: number;
}
