/**
 * One state of the whole partition in some 120 bytes: catalog, logs per epoch, replicas, transactions, and what has been
 * decided. A flat array is copied, permuted and hashed a million times a second; an object graph is not.
 *
 * What keeps it small is that a log is never stored twice. The primary of an epoch only appends, so all that was ever
 * sent in epoch e is a prefix of one log, H[e]. A follower that has joined e holds a prefix of H[e] too: joining cuts what
 * differs. So a replica's log is two numbers, its epoch and a length, and a message in flight is no number at all: it is
 * any prefix of H[e], which stays deliverable when its sender has stopped.
 *
 * A process that restarts is somebody else. Which life of a container a set names matters only as "the one that runs now"
 * or "one that is gone", so no incarnation number is stored: a crash turns SYNC into SYNC_DEAD wherever it stands.
 */
import { type Bounds, checkBounds } from './bounds.ts';

/** Catalog: scalars first, then one member byte per replica. */
export const CATALOG_EPOCH = 0;
export const CATALOG_PRIMARY = 1;
/** What the primary was promoted with, until a change of its config is accepted: 0 nothing, else 1 + keepLsn. */
export const CATALOG_KEEP = 2;
export const CRASHES = 3;
export const CHANGES = 4;
export const REFUSALS = 5;
export const RETRIES = 6;
export const CATALOG_MEMBERS = 7;

/** Epoch: scalars, then the log H[e] (one byte per record), then the members as pushed to a primary still waiting. */
export const EPOCH_STATUS = 0;
export const EPOCH_PRIMARY = 1;
export const EPOCH_KEEP = 2;
export const EPOCH_LENGTH = 3;
/** Everything up to here was inherited. */
export const EPOCH_START = 4;
/** The highest `decided` that the primary of the epoch may have told. */
export const EPOCH_DECIDED = 5;
/** Records that the primary itself holds only a placeholder of; bit lsn - 1. */
export const EPOCH_PLACEHOLDERS = 6;
export const EPOCH_LOG = 7;

export const UNUSED = 0;
/** Promoted by the catalog; the push is under way. */
export const WAITING = 1;
/** Its primary took over: H[e] exists. */
export const ESTABLISHED = 2;

/** Replica: what each has, then what a primary has; the latter is zero in a follower. */
export const EPOCH = 0;
export const LENGTH = 1;
/** Of an acting primary: `decided`. Of a follower: the most that it may have heard to be decided (actions-takeover.ts). */
export const DECIDED = 2;
export const PLACEHOLDERS = 3;
export const ACTING = 4;
export const REQUEST = 5;
export const REQUEST_TARGET = 6;
export const REQUEST_KEEP = 7;
/** The candidate in S+: 0 none, else 1 + replica. */
export const CANDIDATE = 8;
export const CANDIDATE_DEAD = 9;
/** Highest abort record by which A1 answered. */
export const ANSWERED = 10;
/** The members of the S that was inherited, one bit each (N1). */
export const FIRST_SYNC = 11;
export const MEMBERS = 12;

export const NO_REQUEST = 0;
export const EVICT_ASKED = 1;
export const EVICT_ACCEPTED = 2;
export const ADD_ASKED = 3;
export const ADD_ACCEPTED = 4;
/** The target of a request that will never be accepted (canonical.ts). */
export const NO_TARGET = 15;

/** Transaction: the epochs in which its two attempts arrived (0: not yet), and whether its client was told "rolled back". */
export const FIRST_ATTEMPT = 0;
export const SECOND_ATTEMPT = 1;
export const ROLLED_BACK = 2;
export const TRANSACTION_BYTES = 3;
/** An attempt that arrived in an epoch nobody has to remember any more. */
export const SOME_EPOCH = 15;

/** Decided: the record's byte (0: nobody decided this lsn), and outcome * 8 + epoch of the decision. */
export const DECIDED_BYTES = 2;
export const COMMITTED = 1;
export const ABORTED = 2;

/** A member byte is kind * 32 + keepLsn, the latter for ELR only. */
export const OUT = 0;
export const SYNC = 1;
export const SYNC_DEAD = 2;
export const ELR = 3;
export const ELR_DEAD = 4;
export const KEEP_ALL = 31;

export function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

export function memberByte(kind: number, keep: number): number {
  return kind * 32 + keep;
}
export function kindOf(member: number): number {
  return member >> 5;
}
export function keepOf(member: number): number {
  return member & 31;
}
export function isInSync(member: number): boolean {
  const kind = member >> 5;
  return kind === SYNC || kind === SYNC_DEAD;
}

/** A record byte is epoch * 32 + content; content is 1 + transaction, or 16 + the lsn that this record aborts. */
export function recordByte(epoch: number, content: number): number {
  return epoch * 32 + content;
}
export function epochOfRecord(record: number): number {
  return record >> 5;
}
/** Which transaction the record is of, or -1. */
export function transactionOf(record: number): number {
  const content = record & 31;
  return content < 16 ? content - 1 : -1;
}
/** The lsn that the record aborts, or 0. */
export function abortedBy(record: number): number {
  const content = record & 31;
  return content >= 16 ? content - 16 : 0;
}

export interface Layout {
  readonly replicas: number;
  readonly transactions: number;
  readonly epochMax: number;
  /** No log is longer: each transaction stands in one log at most once (A2), and is aborted at most once. */
  readonly lsnMax: number;
  readonly epochsAt: number;
  readonly epochBytes: number;
  readonly replicasAt: number;
  readonly replicaBytes: number;
  readonly transactionsAt: number;
  readonly decidedAt: number;
  /** A multiple of 4, so that it hashes by words. */
  readonly bytes: number;
}

export function layoutOf(bounds: Bounds): Layout {
  checkBounds(bounds);
  const { replicas, transactions } = bounds;
  const lsnMax = 2 * transactions;
  const epochMax = 1 + bounds.promotions;
  const epochsAt = CATALOG_MEMBERS + replicas;
  const epochBytes = EPOCH_LOG + lsnMax + replicas;
  const replicasAt = epochsAt + epochMax * epochBytes;
  const replicaBytes = MEMBERS + 3 * replicas;
  const transactionsAt = replicasAt + replicas * replicaBytes;
  const decidedAt = transactionsAt + transactions * TRANSACTION_BYTES;
  const bytes = Math.ceil((decidedAt + lsnMax * DECIDED_BYTES) / 4) * 4;
  return {
    ...{ replicas, transactions, epochMax, lsnMax, epochsAt, epochBytes },
    ...{ replicasAt, replicaBytes, transactionsAt, decidedAt, bytes },
  };
}

/** Where epoch `epoch` (from 1) begins. */
export function epochAt(layout: Layout, epoch: number): number {
  return layout.epochsAt + (epoch - 1) * layout.epochBytes;
}
/** Where the members pushed with epoch `epoch` begin. */
export function pushedMembersAt(layout: Layout, epoch: number): number {
  return epochAt(layout, epoch) + EPOCH_LOG + layout.lsnMax;
}
export function replicaAt(layout: Layout, replica: number): number {
  return layout.replicasAt + replica * layout.replicaBytes;
}
/** Per replica: 0 no vote in this epoch, else 1 + the acknowledged lsn. */
export function votesAt(layout: Layout, primary: number): number {
  return replicaAt(layout, primary) + MEMBERS + layout.replicas;
}
/** Per replica: the records that its votes said it refused, as a mask. */
export function refusedAt(layout: Layout, primary: number): number {
  return replicaAt(layout, primary) + MEMBERS + 2 * layout.replicas;
}
export function transactionAt(layout: Layout, transaction: number): number {
  return layout.transactionsAt + transaction * TRANSACTION_BYTES;
}
export function decidedAt(layout: Layout, lsn: number): number {
  return layout.decidedAt + (lsn - 1) * DECIDED_BYTES;
}
/** The record at `lsn` of the log of `epoch`. */
export function recordIn(layout: Layout, state: Uint8Array, epoch: number, lsn: number): number {
  return at(state, epochAt(layout, epoch) + EPOCH_LOG + lsn - 1);
}

/** All in sync, nothing written; replica 0 is primary of epoch 1. */
export function firstState(layout: Layout): Uint8Array {
  const state = new Uint8Array(layout.bytes);
  state[CATALOG_EPOCH] = 1;
  state[epochAt(layout, 1) + EPOCH_STATUS] = ESTABLISHED;
  for (let replica = 0; replica < layout.replicas; replica++) {
    state[CATALOG_MEMBERS + replica] = memberByte(SYNC, 0);
    state[replicaAt(layout, replica) + EPOCH] = 1;
    state[replicaAt(layout, 0) + MEMBERS + replica] = memberByte(SYNC, 0);
    if (replica > 0) state[votesAt(layout, 0) + replica] = 1;
  }
  const primary = replicaAt(layout, 0);
  state[primary + ACTING] = 1;
  state[primary + FIRST_SYNC] = (1 << layout.replicas) - 1;
  return state;
}
