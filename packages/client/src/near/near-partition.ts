/**
 * What a near cache knows of one partition of its map: up to which lsn it has heard of every change, and as of when.
 *
 * NC4. An entry that was read at lsn r is served only if r >= `startLsn`: since then every change up to `upToLsn` was heard.
 * NC5. It is served only while the last vouched word is at most `maxStale` old, counted on this machine's clock from when it was
 *      *asked for*: no message that lay somewhere makes anything look fresh.
 * NC6. It is served only if `upToLsn` reaches everything that this client has seen of the partition (its token).
 */
import type { ConnectionId, Epoch, Lsn, MapId, NearChanges, NearPoll, PartitionId, Route } from '@ostraca/core';

export const NEVER_MS = Number.NEGATIVE_INFINITY;
export const NO_LSN: Lsn = Number.POSITIVE_INFINITY;

export interface NearPartition {
  readonly partition: PartitionId;
  readonly map: MapId;
  /** Lsns mean something in it only. */
  readonly lineage: string;
  /** Where it was polled last; undefined: it must be polled anew. */
  connection: ConnectionId | undefined;
  epoch: Epoch;
  /** What was read before counts for nothing. NO_LSN: everything, until the first word or for ever. */
  startLsn: Lsn;
  /** Undefined before the first word. */
  upToLsn: Lsn | undefined;
  /** When the last vouched word was asked for. */
  freshMs: number;
  /** A word that was asked for by then vouches for nothing: this client has seen more since. */
  unheardMs: number;
  /** Of the partition: what expired by then is not served. */
  clockMs: number;
  /** Last read of any of its keys, hit or miss. */
  usedMs: number;
  polledMs: number;
}

export function newNearPartition({ partition, lineage }: Route, map: MapId): NearPartition {
  return {
    partition,
    map,
    lineage,
    connection: undefined,
    epoch: 0,
    startLsn: NO_LSN,
    upToLsn: undefined,
    freshMs: NEVER_MS,
    unheardMs: NEVER_MS,
    clockMs: 0,
    usedMs: NEVER_MS,
    polledMs: NEVER_MS,
  };
}

/** The same subscription, and nothing of what was read before: neither what is held, nor what is on its way. */
export function restarted(held: NearPartition, atLsn: Lsn): NearPartition {
  const startLsn = held.upToLsn === undefined ? NO_LSN : Math.max(held.startLsn, atLsn);
  const next = { ...held, startLsn };
  held.startLsn = NO_LSN;
  return next;
}

export function pollOf(at: NearPartition, route: Route, nowMs: number): NearPoll {
  const { partition, map, lineage, upToLsn } = at;
  return { type: 'nearPoll', partition, epoch: route.epoch, map, lineage, afterLsn: upToLsn ?? 0, sentMs: nowMs };
}

/** After its keys were looked at. */
export function noteWord(at: NearPartition, { toLsn, clockMs, fresh, sentMs }: NearChanges): void {
  at.upToLsn = toLsn;
  at.clockMs = Math.max(at.clockMs, clockMs);
  if (fresh && sentMs > at.unheardMs) at.freshMs = Math.max(at.freshMs, sentMs);
}

/** This client has seen something of which nobody told the lsn: only a word that is asked for from now on reaches it. */
export function mistrust(at: NearPartition): void {
  at.freshMs = NEVER_MS;
  at.unheardMs = Math.max(at.unheardMs, at.polledMs);
  at.polledMs = NEVER_MS;
}
