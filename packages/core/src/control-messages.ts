/**
 * What containers, the catalog and tools say to each other about who is what: the control plane. Part of the contract
 * that messages.ts tells of.
 */
import type { Member, PartitionConfig } from './catalog/config.ts';
import type { ContainerName, Epoch, Incarnation, Lsn, PartitionId, Rid } from './ids.ts';

/** What a container has, told at every registration. */
export interface ShardReport {
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly version: number;
  readonly shardInc: number;
  readonly lastLsn: Lsn;
  readonly decidedLsn: Lsn;
}

export interface Register {
  readonly type: 'register';
  readonly name: ContainerName;
  readonly incarnation: Incarnation;
  readonly address: string;
  readonly host: string;
  readonly zone: string;
  /** Of the catalog that this container last obeyed; empty for a new process. */
  readonly generation: string;
  readonly shards: readonly ShardReport[];
}

/** Accepted; a ConfigPush with everything follows. */
export interface Registered {
  readonly type: 'registered';
  readonly generation: string;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly policyJson: string;
  /** Key of the store's index hash, the same on every replica. */
  readonly hashSeed: number;
}

/** The catalog refuses a registration (`name_in_use`, `invalid_argument`, ...). */
export interface RegisterRefused {
  readonly type: 'registerRefused';
  readonly code: number;
  readonly reason: string;
}

export interface Heartbeat {
  readonly type: 'heartbeat';
  readonly seq: number;
  /** The container's monotonic clock, echoed. */
  readonly sentAtMs: number;
  /** Raised whenever the container dropped its leases; echoed. An answer to a question of an older one says nothing. */
  readonly leaseGen: number;
  /** Incarnations that answered a ping sent within the last 2/3 lease. */
  readonly reachable: readonly Incarnation[];
}

export interface PartitionLease {
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly version: number;
}

/** Renews one lease per partition listed (K3): those whose primary this container is, and that are not being promoted away. */
export interface HeartbeatAck {
  readonly type: 'heartbeatAck';
  readonly seq: number;
  readonly sentAtMs: number;
  readonly leaseGen: number;
  readonly leases: readonly PartitionLease[];
}

/** Configurations that are new to the receiver; `full` when it lists every partition of the catalog. */
export interface ConfigPush {
  readonly type: 'configPush';
  readonly generation: string;
  readonly full: boolean;
  readonly configs: readonly PartitionConfig[];
  /** Always all of them: a container that is not listed, or not alive, is dead to the receiver. */
  readonly members: readonly Member[];
  readonly unplaceable: readonly Unplaceable[];
}

/** Why a map set cannot be placed now, in words for people. */
export interface Unplaceable {
  readonly grid: string;
  readonly mapSet: string;
  readonly reason: string;
}

/** Only the primary asks, one at a time, compare-and-set on (epoch, version). */
export interface ChangeInSync {
  readonly type: 'changeInSync';
  readonly changeId: number;
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly version: number;
  readonly kind: 'add' | 'evict';
  readonly target: Rid;
  /** For `evict` (E2). */
  readonly keepLsn: Lsn;
}

/** Not done; `config` is what holds. A change that was done is answered by its ConfigPush. */
export interface ChangeRejected {
  readonly type: 'changeRejected';
  readonly changeId: number;
  readonly reason: string;
  readonly config: PartitionConfig;
}

/** A shard's state is damaged or refused: reported before it is dropped. */
export interface ReplicaFailed {
  readonly type: 'replicaFailed';
  readonly partition: PartitionId;
  readonly rid: Rid;
  readonly reason: string;
}

/** A container is about to leave: give it nothing new, and move away what it has. */
export interface Drain {
  readonly type: 'drain';
}

/**
 * A primary that has everything decided and acknowledged, and from now on neither reads nor decides, asks for another
 * member of S to take over; compare-and-set on (epoch, version). Done: the configuration of the next epoch. Not done:
 * ChangeRejected, and it may go on.
 */
export interface HandOver {
  readonly type: 'handOver';
  readonly changeId: number;
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly version: number;
}

/** A container that has stopped reading and deciding gives all its leases back and leaves. */
export interface Leave {
  readonly type: 'leave';
}

export interface Left {
  readonly type: 'left';
}

/** From the supervisor that started the process and saw it exit. */
export interface ProvedDead {
  readonly type: 'provedDead';
  readonly container: ContainerName;
  readonly incarnation: Incarnation;
}

/** The catalog has no configuration of some partition, and this container may know one: of a journal that is lost. */
export interface ConfigRequest {
  readonly type: 'configRequest';
}

/** A part of the answer, which tells what an earlier catalog said; all but `configs` come with the last part. */
export interface ConfigReport {
  readonly type: 'configReport';
  /** The newest that it knows, also of partitions that it has no shard of. */
  readonly configs: readonly PartitionConfig[];
  readonly last: boolean;
  readonly shards: readonly ShardReport[];
  /** Those that it was told of as alive. */
  readonly containers: readonly ContainerName[];
  /** The policy that its shards were made by. */
  readonly policyJson: string;
  /** Of its shards. */
  readonly hashSeed: number;
}

/** All consistent copies of this container that are in no in-sync set: what may be left when a whole one is lost. */
export interface CopyReport {
  readonly type: 'copyReport';
  readonly shards: readonly ShardReport[];
}

/**
 * A tool says that whoever is missing is gone for good: partitions that wait for missing containers go on from the
 * members of their newest in-sync set that are there. `acceptLoss`: the others, and those that are lost, too, from
 * whatever copy there is, or empty.
 */
export interface Rebuild {
  readonly type: 'rebuild';
  readonly grid: string;
  readonly acceptLoss: boolean;
}

export interface RebuildAnswer {
  readonly type: 'rebuildAnswer';
  readonly grid: string;
  /** 0, or a number of ERROR_CODES. */
  readonly code: number;
  readonly rebuilt: readonly PartitionId[];
  readonly waiting: readonly WaitingPartition[];
}

export interface WaitingPartition {
  readonly partition: PartitionId;
  readonly reason: string;
}

export type ControlMessage =
  | Register
  | Registered
  | RegisterRefused
  | Heartbeat
  | HeartbeatAck
  | ConfigPush
  | ChangeInSync
  | ChangeRejected
  | ReplicaFailed
  | Drain
  | HandOver
  | Leave
  | Left
  | ProvedDead
  | ConfigRequest
  | ConfigReport
  | CopyReport
  | Rebuild
  | RebuildAnswer;
