/**
 * Everything that travels. `packages/protocol/proto/*.proto` is the contract on the wire, field by field the same
 * (a test holds the two together); here is what the code works with. No field is optional: absence is an empty
 * string, an empty list or zero, as in proto3.
 */
import type { PartitionConfig } from './catalog/config.ts';
import type { ControlMessage } from './control-messages.ts';
import type { ClientId, ContainerName, Epoch, Lsn, MapId, PartitionId, Rid } from './ids.ts';

export type * from './control-messages.ts';

// ── Routing: client and anybody ─────────────────────────────────────────────────────────────────────────────────

/** Asks for a grid's routing, and for every change of it from now on. */
export interface RoutingRequest {
  readonly type: 'routingRequest';
  readonly grid: string;
}

export interface Route {
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly version: number;
  /** Empty while the partition has none. */
  readonly primary: ContainerName;
  readonly address: string;
  /** Of the partition's history: changes only when decided writes may have been lost. */
  readonly lineage: string;
  /** Where else it can be read; empty unless the policy allows it. */
  readonly replicas: readonly ReplicaRoute[];
}

export interface ReplicaRoute {
  readonly container: ContainerName;
  readonly address: string;
  /** It holds every decided write; another may lag behind. */
  readonly inSync: boolean;
}

export interface RoutingMap {
  readonly id: MapId;
  readonly name: string;
}

export interface RoutingMapSet {
  readonly name: string;
  readonly firstPartition: number;
  readonly numberOfPartitions: number;
  readonly partitionBy: readonly number[];
  readonly maps: readonly RoutingMap[];
  /** Why it cannot be placed; empty when it is, or may be soon. */
  readonly unplaceable: string;
}

/** The whole routing of one grid. Routes never go back in (generation, epoch, version). */
export interface Routing {
  readonly type: 'routing';
  readonly grid: string;
  readonly generation: string;
  readonly mapSets: readonly RoutingMapSet[];
  /** Only of partitions that have been placed. */
  readonly routes: readonly Route[];
  /** Addresses of live containers: each answers a RoutingRequest too. */
  readonly addresses: readonly string[];
}

export interface RoutingRefused {
  readonly type: 'routingRefused';
  readonly grid: string;
  readonly code: number;
  readonly reason: string;
}

// ── Data plane: client and primary ──────────────────────────────────────────────────────────────────────────────

/** `id` pairs an answer with its request on one connection; the txid of a write is (client id, partition, seq). */
interface Request {
  readonly id: number;
  readonly partition: PartitionId;
  /** Of the route it was sent by; another than the shard's is answered `not_primary`. */
  readonly epoch: Epoch;
  readonly map: MapId;
  /** How long the caller still waits, from receipt. */
  readonly ttlMs: number;
}

/**
 * `linearizable`: by the primary, under its lease. `readIndex`: by the primary, when all of its in-sync set have said
 * after the read arrived that its epoch holds. At any copy: `bounded`, a state that is no older than `maxStalenessMs`
 * when the read arrives; `session`, one that includes everything up to `minLsn`; `eventual`, any decided state.
 */
export type ReadMode = 'linearizable' | 'readIndex' | 'bounded' | 'session' | 'eventual';

export interface Read extends Request {
  readonly type: 'read';
  readonly keys: readonly Uint8Array[];
  /** Only presence and version are wanted. */
  readonly withoutValues: boolean;
  readonly mode: ReadMode;
  readonly maxStalenessMs: number;
  /** Of an answer before it, in the lineage of the route that it is sent by. */
  readonly minLsn: Lsn;
  /** The partition clock of that answer: what had expired by then stays expired. */
  readonly minClockMs: number;
}

export interface ReadEntry {
  readonly found: boolean;
  readonly value: Uint8Array;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  /** By the partition clock; 0: never. */
  readonly expireAtMs: number;
}

/** One entry for each key asked for, in its order; fewer when they grow too large: ask again for the rest. */
export interface ReadAnswer {
  readonly type: 'readAnswer';
  readonly id: number;
  readonly entries: readonly ReadEntry[];
  /** The answer reflects every decided record up to here. */
  readonly lsn: Lsn;
  /** What expires up to here is expired in it. */
  readonly clockMs: number;
}

export interface Size extends Request {
  readonly type: 'size';
}

export interface SizeAnswer {
  readonly type: 'sizeAnswer';
  readonly id: number;
  readonly count: number;
}

/** Entries of one map in one partition in the order of their key hash, after `afterHash` when `resumed`. */
export interface Scan extends Request {
  readonly type: 'scan';
  readonly resumed: boolean;
  readonly afterHash: number;
  readonly limit: number;
  /** Only keys whose bytes begin so; empty: all. */
  readonly prefix: Uint8Array;
  readonly withoutValues: boolean;
}

export interface ScanEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

export interface ScanAnswer {
  readonly type: 'scanAnswer';
  readonly id: number;
  readonly entries: readonly ScanEntry[];
  readonly done: boolean;
  /** Where to go on from. */
  readonly lastHash: number;
}

/**
 * `set` writes always, `insert` only an absent key, `update` only a present one; `clear` has no key. `touch` renews the
 * time to live of a present key and leaves its version. `expire` is only in records: the primary removes what is due.
 */
export type OperationKind = 'set' | 'insert' | 'update' | 'delete' | 'clear' | 'touch' | 'expire';

export interface Operation {
  readonly kind: OperationKind;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The version that the entry must have, both zero: any. In requests, and in records of kind `touch` and `expire`. */
  readonly ifEpoch: Epoch;
  readonly ifLsn: Lsn;
  /** The entry's own time to live; 0: its map's. */
  readonly ttlMs: number;
  /** By the partition clock, set by the primary when it appends; 0: never. Of `expire`: of the entry that it means. */
  readonly expireAtMs: number;
}

/** All operations of one Write are in one map and one log record: atomic. */
export interface Write extends Request {
  readonly type: 'write';
  /** Per client and partition, from 1, dense. */
  readonly seq: number;
  /** Every seq below it has been answered to the client, which will not ask again. */
  readonly ackedBelow: number;
  /** From 1; raised when an attempt may have reached a primary (A2). */
  readonly attempt: number;
  readonly operations: readonly Operation[];
}

/**
 * Settles a write that its client will not send again and whose outcome it does not know. Answered as the write itself
 * is once it has an outcome; when the partition does not know it, it is rolled back: no attempt that is still on its way is
 * ever carried out.
 */
export interface ResolveOrAbort extends Request {
  readonly type: 'resolveOrAbort';
  readonly seq: number;
  readonly ackedBelow: number;
}

/** Decided: the write had no effect and never will have. */
export interface RolledBack {
  readonly type: 'rolledBack';
  readonly id: number;
}

/** Decided: `applied` is false for a `delete` of an absent key, which logs nothing. */
export interface WriteAnswer {
  readonly type: 'writeAnswer';
  readonly id: number;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  readonly applied: boolean;
}

/** Any request's failure. `detailsJson` is a JSON object for `GridError.details`. */
export interface ErrorAnswer {
  readonly type: 'errorAnswer';
  readonly id: number;
  readonly code: number;
  readonly detailsJson: string;
  /** With `not_primary`: the newest route known here, epoch 0 if none. */
  readonly route: Route;
}

/** A tool asks a primary to compare itself with its replicas at one lsn. */
export interface Verify {
  readonly type: 'verify';
  readonly id: number;
  readonly partition: PartitionId;
  readonly ttlMs: number;
}

export interface ShardDigest {
  readonly rid: Rid;
  readonly role: 'primary' | 'sync' | 'async' | 'joining';
  /** Hex; empty while it has not arrived. */
  readonly digest: string;
  readonly count: number;
}

export interface VerifyAnswer {
  readonly type: 'verifyAnswer';
  readonly id: number;
  readonly lsn: Lsn;
  readonly digests: readonly ShardDigest[];
}

// ── Replication: primary and replica ────────────────────────────────────────────────────────────────────────────

/**
 * `digest`: a point at which primaries and replicas compute a digest of their entries (Verify). `expire`, `touch`: the
 * primary removes entries that are due, or renews those that were read. `session`: its client is forgotten.
 * `abortMarker`: the write of its client and seq is never carried out (ResolveOrAbort).
 */
export type RecordKind = 'write' | 'noop' | 'digest' | 'expire' | 'touch' | 'session' | 'abortMarker';

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

export type RoutingMessage = RoutingRequest | Routing | RoutingRefused;
export type RequestMessage = Read | Size | Scan | Write | ResolveOrAbort | Verify;
export type AnswerMessage =
  | ReadAnswer
  | SizeAnswer
  | ScanAnswer
  | WriteAnswer
  | RolledBack
  | ErrorAnswer
  | VerifyAnswer;
export type ReplicationMessage =
  | ReplOpen
  | ReplOpenAck
  | Append
  | Vote
  | Nack
  | LeasePing
  | LeaseGrant
  | EpochProbe
  | EpochAck
  | FreshPoll
  | FreshAck
  | CheckpointBegin
  | CheckpointChunk
  | CheckpointEnd
  | CheckpointCredit
  | DigestReport;
export type Message = ControlMessage | RoutingMessage | RequestMessage | AnswerMessage | ReplicationMessage;
export type MessageType = Message['type'];

/** What a read of the default mode says of its mode. */
export const LINEARIZABLE_READ = { mode: 'linearizable', maxStalenessMs: 0, minLsn: 0, minClockMs: 0 } as const;
export const NO_ROUTE: Route = {
  partition: 0 as PartitionId,
  epoch: 0,
  version: 0,
  primary: '',
  address: '',
  lineage: '',
  replicas: [],
};
export const NO_BYTES = new Uint8Array(0);
