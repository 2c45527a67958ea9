/** What all parts of a container share. */
import type { Member, PartitionConfig } from '../catalog/config.ts';
import type { Clocks } from '../clocks.ts';
import type { ErrorCode } from '../errors.ts';
import type { ConnectionId, Host, Incarnation, PartitionId } from '../ids.ts';
import type { Effects, Peer } from '../machine.ts';
import type { LogRecord, Unplaceable } from '../messages.ts';
import type { Random } from '../random.ts';
import type { EpochProbes } from '../replication/read-index.ts';
import type { Mutation, PrimaryAct, ShardPorts } from '../shard/ports.ts';
import type { ReplicaReads } from '../shard/replica-reads.ts';
import type { Shard } from '../shard/shard.ts';
import type { Topology } from '../topology.ts';
import type { CatalogSession } from './catalog-session.ts';
import type { Channels } from './channels.ts';
import type { ContainerMemory } from './container-memory.ts';
import type { MetricsRecorder } from './container-metrics.ts';
import type { HolderTimes, Leases } from './leases.ts';
import type { NearSubscriptions } from './near-subscriptions.ts';
import type { SuspendGuard } from './suspend-guard.ts';

export interface ContainerOptions {
  readonly name: string;
  /** Fresh for every process: 32 hexadecimal digits. */
  readonly incarnation: Incarnation;
  /** Where others reach this container: `ws://host:port`. */
  readonly address: string;
  /** Label of the machine. */
  readonly host: string;
  readonly zone: string;
  /** Any one that answers is enough. */
  readonly catalogs: readonly string[];
  readonly random: Random;
  readonly effects: Effects;
  /** Default: none, and nothing guards against a machine that slept. */
  readonly clocks?: Clocks;
  /** Whether this container cannot hold a record; it then votes no. Default: never. */
  readonly refuses?: (record: LogRecord) => ErrorCode | undefined;
  /** Of all its shards, with their logs and what waits. Default: no limit. */
  readonly memoryBytes?: number;
  /** Of records kept beyond need, over all shards. Default LIMITS.logRetentionBytes. */
  readonly logRetentionBytes?: number;
  /** Between two lsns at which replicas compare. The same in all containers. Default LIMITS.digestEveryLsns. */
  readonly digestEveryLsns?: number;
  /** Default LIMITS.replicationWindowBytes. */
  readonly replicationWindowBytes?: number;
  /** Default LIMITS.followerQueueBytes. */
  readonly followerQueueBytes?: number;
  /** For checkers: told of everything that a primary here does as primary. */
  readonly onAct?: (how: PrimaryAct, shard: Shard) => void;
  /** Rules broken on purpose: only the simulator throws these switches. */
  readonly mutations?: ReadonlySet<Mutation>;
}

export interface ContainerState {
  readonly self: Host;
  readonly options: ContainerOptions;
  readonly effects: Effects;
  readonly session: CatalogSession;
  readonly channels: Channels;
  readonly leases: Leases;
  readonly guard: SuspendGuard;
  readonly metrics: MetricsRecorder;
  readonly memory: ContainerMemory;
  readonly ports: ShardPorts;
  readonly replicaReads: ReplicaReads;
  readonly probes: EpochProbes;
  readonly near: NearSubscriptions;
  /** Every open connection, with who is at its other end. */
  readonly connections: Map<ConnectionId, Peer>;
  readonly shards: Map<PartitionId, Shard>;
  /** The last shard incarnation used, by partition: never used twice in this process. */
  readonly shardIncs: Map<PartitionId, number>;
  /** The newest configuration of every partition of the catalog. */
  readonly configs: Map<PartitionId, PartitionConfig>;
  members: ReadonlyMap<Incarnation, Member>;
  unplaceable: readonly Unplaceable[];
  /** Undefined until the first registration. */
  topology: Topology | undefined;
  generation: string;
  /** A configuration of this generation has come. */
  hasItsConfigs: boolean;
  /** Why the catalog that we are registered with is not obeyed all the same; empty: it is. */
  disobeys: string;
  /** As the catalog was told last. */
  copiesTold: string;
  /** Which grid's routing each connection asked for. */
  readonly subscriptions: Map<ConnectionId, Set<string>>;
  routingChanged: boolean;
  /** To be looked at when the turn ends. */
  readonly touchedPrimaries: Set<Shard>;
  readonly touchedReplicas: Set<Shard>;
  nowMs: number;
  /**
   * `draining`: primaries are handed over and copies move away, everything is served. `leaving`: nothing is read or
   * decided any more, the catalog is told. `left`: it knows.
   */
  draining: 'no' | 'draining' | 'leaving' | 'left';
  drainUntilMs: number;
}

export function holderTimes({ nowMs, session, guard }: ContainerState): HolderTimes {
  return { nowMs, leaseMs: session.leaseMs, leaseGen: guard.leaseGen };
}
