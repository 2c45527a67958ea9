/**
 * What clients say and hear: the way to each partition, and reads, writes and scans by it. Part of the contract that
 * messages.ts tells of.
 */
import type { ContainerName, Epoch, Lsn, MapId, PartitionId, Rid } from './ids.ts';

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
  readonly lockStrategy: 'optimistic' | 'pessimistic' | 'none';
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
  /** As of a ReadAnswer. */
  readonly lsn: Lsn;
  readonly clockMs: number;
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
  /** As of a ReadAnswer. */
  readonly lsn: Lsn;
  readonly clockMs: number;
}

/**
 * `set` writes always, `insert` only an absent key, `update` only a present one; `clear` has no key. `touch` renews the
 * time to live of a present key and leaves its version. `expire` is only in records: the primary removes what is due.
 * `acquire` is only in requests: an `insert` that waits until the key is not there.
 */
export type OperationKind = 'set' | 'insert' | 'update' | 'delete' | 'clear' | 'touch' | 'expire' | 'acquire';

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
  /** Its map is so many after the one of its record or request (`mapOfOperation`); 0 but in transactions. */
  readonly mapOffset: number;
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

/** `shared`: to read; others may too. `upgradable`: to read what it may write; one has it, beside shared ones. `exclusive`: to write. */
export type LockMode = 'shared' | 'upgradable' | 'exclusive';

/**
 * Reads keys under locks that their transaction keeps until it ends: answered by a ReadAnswer once it has them all. Without
 * keys it is the whole map in this partition, `shared` or `exclusive`. Asked for again it is granted again.
 */
export interface Lock extends Request {
  readonly type: 'lock';
  /** Of its client, from 1; the first Lock of a number begins it. */
  readonly transaction: number;
  readonly mode: LockMode;
  readonly keys: readonly Uint8Array[];
  readonly withoutValues: boolean;
  /** So long it may wait for locks: then `lock_timeout`, and it keeps what it has. */
  readonly waitMs: number;
}

/** A key that a transaction has read; `lsn` 0: it was not there. */
export interface ReadCheck {
  readonly map: MapId;
  readonly key: Uint8Array;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

/** A map that a transaction has counted or gone through: at `lsn`, and by that partition clock, it was as it was seen. */
export interface RangeCheck {
  readonly map: MapId;
  readonly lsn: Lsn;
  readonly clockMs: number;
}

/**
 * A transaction in one message: if everything that it has read is still so, its operations become one log record. It is
 * answered, and asked about again, as a Write is; without operations nothing is logged. `map` is the lowest of `operations`.
 */
export interface Commit extends Request {
  readonly type: 'commit';
  readonly seq: number;
  readonly ackedBelow: number;
  readonly attempt: number;
  /** Its locks end when its outcome is known; 0: it holds none. */
  readonly transaction: number;
  /** The epoch of all its answers: in another it has failed over. 0: it has read nothing. */
  readonly beganEpoch: Epoch;
  readonly reads: readonly ReadCheck[];
  readonly ranges: readonly RangeCheck[];
  readonly operations: readonly Operation[];
  /** So long it may wait for the locks of its operations: then `lock_timeout`. */
  readonly waitMs: number;
}

/** A transaction ends without a commit: its locks are free. Not answered. */
export interface EndTransaction {
  readonly type: 'endTransaction';
  readonly partition: PartitionId;
  readonly transaction: number;
}

/** The sender still wants these transactions of its own: who is silent for LIMITS.transactionIdleMs loses them. Not answered. */
export interface KeepTransactions {
  readonly type: 'keepTransactions';
  readonly partition: PartitionId;
  readonly transactions: readonly number[];
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

/**
 * A client that keeps entries of one map near asks its primary for what changes in one partition, from `afterLsn` on if it
 * can, and goes on asking: who is silent is forgotten. To a container that is no primary of this epoch it says nothing.
 */
export interface NearPoll {
  readonly type: 'nearPoll';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly map: MapId;
  /** Of the history that `afterLsn` belongs to. */
  readonly lineage: string;
  /** Every change up to here has arrived; it is also the acknowledgement of those messages. 0: none. */
  readonly afterLsn: Lsn;
  /** By the client's own clock: echoed, and nothing else. */
  readonly sentMs: number;
}

/**
 * Which keys of the map were changed by the decided records `fromLsn` to `toLsn`. Ranges are dense: one that does not
 * begin where the one before ended says that some were lost. Empty (`toLsn` = `fromLsn` - 1): nothing was decided since.
 */
export interface NearChanges {
  readonly type: 'nearChanges';
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly map: MapId;
  readonly fromLsn: Lsn;
  readonly toLsn: Lsn;
  /** The map was cleared, or too many keys changed to name them. */
  readonly allKeys: boolean;
  readonly keys: readonly Uint8Array[];
  /** What expires up to here, by the partition clock, has expired. */
  readonly clockMs: number;
  /** It answers the poll of `sentMs`, and nothing was decided by then that lies beyond `toLsn`. */
  readonly fresh: boolean;
  readonly sentMs: number;
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
