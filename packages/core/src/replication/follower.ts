/** What a primary knows of one replica of its partition. */
import type { Host, Lsn, Rid } from '../ids.ts';
import { BackOff } from './back-off.ts';
import type { CheckpointScan } from './checkpoint.ts';
import type { DirtySet } from './dirty-set.ts';

export interface Follower {
  readonly host: Host;
  /**
   * `closed`: no connection, or none that we have opened the shard on. `opening`: ReplOpen is on its way.
   * `checkpoint`: state and records flow side by side. `streaming`: records only.
   */
  state: 'closed' | 'opening' | 'checkpoint' | 'streaming';
  /** When ReplOpen was sent. */
  openingMs: number;
  /** Not opened again before this is over: it said that it has no such shard, or gave its state up. */
  readonly reopening: BackOff;
  /** 0 until it has told us. */
  shardInc: number;
  /** The last record sent on this connection. */
  sentLsn: Lsn;
  /** Everything up to here it holds, by a vote in our epoch from this shardInc; undefined: no vote yet. */
  matchLsn: Lsn | undefined;
  appliedLsn: Lsn;
  /** Of the newest configuration that it had heard of when it voted. */
  version: number;
  /** Since when it has not heard of ours, though it could be added; undefined: it has. */
  unheardSinceMs: number | undefined;
  /** Records up to matchLsn that it refused. */
  refused: Set<Lsn>;
  /** The last decided lsn that it was told of. */
  hintedLsn: Lsn;
  /** Bytes of records sent and not yet acknowledged. */
  inFlightBytes: number;
  /** When it last came closer to our log's end, or was there. */
  progressMs: number;
  /** It promised (L1b) not to act against us before this, by our clock. */
  grantUntilMs: number;
  scan: CheckpointScan | undefined;
  /** It is sent no records; what changes is gathered (dirty.ts). */
  dirty: DirtySet | undefined;
  /** Of a dirty one: as far as it can tell outcomes from what it was sent. */
  heldLsn: Lsn;
  /** Of its last dirty round; 0: none since it was consistent. */
  roundKeys: number;
  /** Dirty rounds in a row that did not get smaller. */
  stuckRounds: number;
  /** Of its checkpoint: it is consistent once it has applied up to here. 0 when it came by its suffix. */
  endLsn: Lsn;
  /** Not made a candidate before this is over: it was one, and was silent or declined. */
  readonly candidacy: BackOff;
  /** Not told again to give its state up before this is over. */
  readonly renewal: BackOff;
}

export function newFollower(host: Host, nowMs: number): Follower {
  return {
    host: { container: host.container, incarnation: host.incarnation },
    state: 'closed',
    openingMs: 0,
    reopening: new BackOff({ firstMs: 50, maxMs: 10_000 }),
    shardInc: 0,
    sentLsn: 0,
    matchLsn: undefined,
    appliedLsn: 0,
    version: 0,
    unheardSinceMs: undefined,
    refused: new Set(),
    hintedLsn: 0,
    inFlightBytes: 0,
    progressMs: nowMs,
    grantUntilMs: 0,
    scan: undefined,
    dirty: undefined,
    heldLsn: 0,
    roundKeys: 0,
    stuckRounds: 0,
    endLsn: 0,
    candidacy: new BackOff({ firstMs: 250, maxMs: 250 }),
    renewal: new BackOff({ firstMs: 500, maxMs: 10_000 }),
  };
}

export function ridOf(follower: Follower): Rid {
  return { ...follower.host, shardInc: follower.shardInc };
}

export function isConsistent(follower: Follower): boolean {
  const { state, dirty, matchLsn, appliedLsn, endLsn } = follower;
  return state === 'streaming' && dirty === undefined && matchLsn !== undefined && appliedLsn >= endLsn;
}
