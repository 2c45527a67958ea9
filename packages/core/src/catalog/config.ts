/**
 * A partition's configuration: the one thing that only the catalog changes. Configurations of a partition form
 * one chain, ordered by (epoch, version) (I-CFG).
 */
import type { Epoch, Host, Lsn, PartitionId, Rid } from '../ids.ts';

/** An eligible replica keeps its whole log: larger than every lsn, so `keepLsn < n` is false for it by itself. */
export const KEEP_ALL: Lsn = Number.MAX_SAFE_INTEGER;
/** Promoted although decided history may be lost: it cuts its log behind what is decided there, for nobody can tell more. */
export const KEEP_DECIDED: Lsn = KEEP_ALL - 1;
/** Promoted to begin empty: a new shard, under the Rid that the configuration gives it. */
export const KEEP_NOTHING: Lsn = 0;

/**
 * A catalog that has lost its journal goes on this far above every epoch that it is told of: whatever the journal held
 * and nobody heard of stays below (I-EPOCH).
 */
export const REBUILD_EPOCH_STEP: Epoch = 2 ** 20;

/**
 * The shard incarnation of a primary that begins empty in this epoch: above all that a process has counted up to by
 * itself, for it counts one for each time that it starts a shard again.
 */
export function emptyShardInc(epoch: Epoch): number {
  return epoch === 1 ? 1 : epoch * REBUILD_EPOCH_STEP;
}

/** Evicted while the in-sync set fell below minSyncReplicas, yet promotable without loss. */
export interface EligibleReplica {
  readonly rid: Rid;
  /** Where it cuts its log when promoted; KEEP_ALL: nowhere. */
  readonly keepLsn: Lsn;
}

export interface PartitionConfig {
  readonly partition: PartitionId;
  /** Rises with every promotion. */
  readonly epoch: Epoch;
  /** Rises with every change, within and across epochs. */
  readonly version: number;
  /** Random; changes only when decided history may have been lost. */
  readonly lineage: string;
  readonly primary: Rid;
  /** The in-sync set S; the primary is in it. */
  readonly sync: readonly Rid[];
  readonly elr: readonly EligibleReplica[];
  /** Placed to become sync replicas: the primary brings them online and asks for their addition. */
  readonly joining: readonly Host[];
  readonly async: readonly Host[];
  /** Members of `sync` that the primary is to evict as soon as that does not go below maxSyncReplicas. */
  readonly leaving: readonly Rid[];
  /** What the primary was promoted with (P1); KEEP_ALL when it was promoted from S or has changed S since. */
  readonly keepLsn: Lsn;
  /** Whether the primary of this epoch must wait out grants to older epochs; false after a release or a proved death (L2). */
  readonly waitGrants: boolean;
  /** Neither a member of S nor an eligible replica is left: waits for one of them to come back. */
  readonly lost: boolean;
}

/** A container as others see it. */
export interface Member extends Host {
  /** `ws://host:port`. */
  readonly address: string;
  /** Label of the machine. */
  readonly host: string;
  readonly zone: string;
  /** False from the moment that the catalog has given its lease up for lost. */
  readonly alive: boolean;
  /** It is about to leave. */
  readonly draining: boolean;
}

export function isNewer(a: { epoch: Epoch; version: number }, b: { epoch: Epoch; version: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

/** Every container life that holds or is to hold a shard of this partition. */
export function hostsOf(config: PartitionConfig): Host[] {
  return [...config.sync, ...config.elr.map(({ rid }) => rid), ...config.joining, ...config.async];
}
