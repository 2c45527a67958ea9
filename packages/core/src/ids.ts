/**
 * Who and where. A process life is a container name with an incarnation (128 random bits, fresh at every
 * process start); a shard's life is that with a shard incarnation, a counter within the process, from 1.
 * Votes, grants, eligibility and membership of the in-sync set are bound to it (docs/internals/replication.md).
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of a partition over the whole policy (see topology.ts): dense, from 0, the same in every process. */
export type PartitionId = Branded<number, 'PartitionId'>;
/** Index of a map over the whole policy, dense, from 0. */
export type MapId = Branded<number, 'MapId'>;
/** One connection as its own process numbers it; never on the wire, never used twice. */
export type ConnectionId = Branded<number, 'ConnectionId'>;

/** Rises with every promotion of a partition; never used twice. The first is 1. */
export type Epoch = number;
/** Log sequence number: the position of a record in its partition's log. Dense; the first record has 1. */
export type Lsn = number;
export type ContainerName = string;
/** 32 hexadecimal digits. */
export type Incarnation = string;
/** 32 hexadecimal digits, fresh for every `connect()`. */
export type ClientId = string;

export const asPartitionId = (value: number): PartitionId => value as PartitionId;
export const asMapId = (value: number): MapId => value as MapId;
export const asConnectionId = (value: number): ConnectionId => value as ConnectionId;

/** One life of a container process. */
export interface Host {
  readonly container: ContainerName;
  readonly incarnation: Incarnation;
}

/** One life of a shard: replica id. */
export interface Rid extends Host {
  readonly shardInc: number;
}

export type RidKey = string;

export function ridKey(rid: Rid): RidKey {
  return `${rid.incarnation}/${rid.shardInc}`;
}

export function sameRid(a: Rid, b: Rid): boolean {
  return a.incarnation === b.incarnation && a.shardInc === b.shardInc;
}

export function sameHost(a: Host, b: Host): boolean {
  return a.incarnation === b.incarnation;
}

/** For records that belong to no map. */
export const NO_MAP: MapId = asMapId(0);
