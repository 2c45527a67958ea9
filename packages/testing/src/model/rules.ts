/**
 * The guards of an acting primary: what its own state lets it count, decide, answer and ask. Each function is one rule of
 * docs/internals/replication.md and holds the switches that break it. A primary sees only itself: its confirmed members,
 * the votes of its epoch and its log; that the catalog has gone on is not known here.
 */
import type { Bounds } from './bounds.ts';
import { canVote, refusalsOf, takeVote } from './delivery.ts';
import { type Broken, breaking, type MutantName } from './mutants.ts';
import {
  ANSWERED,
  abortedBy,
  at,
  CANDIDATE,
  CATALOG_EPOCH,
  CATALOG_PRIMARY,
  DECIDED,
  ELR,
  EPOCH,
  EPOCH_START,
  EVICT_ACCEPTED,
  EVICT_ASKED,
  epochAt,
  epochOfRecord,
  FIRST_SYNC,
  isInSync,
  KEEP_ALL,
  keepOf,
  kindOf,
  type Layout,
  LENGTH,
  layoutOf,
  MEMBERS,
  PLACEHOLDERS,
  REQUEST,
  REQUEST_TARGET,
  recordIn,
  refusedAt,
  replicaAt,
  transactionOf,
} from './state.ts';

export interface Model {
  readonly bounds: Bounds;
  readonly layout: Layout;
  readonly broken: Broken;
  /** Whether a change of S is asked for, accepted and learnt in one step: see actions-in-sync.ts. */
  readonly isChangeOneStep: boolean;
}

/** `mutant`: the rule to leave out. `isChangeOneStep`: by default, wherever that loses nothing. */
export function modelOf(bounds: Bounds, mutant?: MutantName, isChangeOneStep?: boolean): Model {
  const broken = breaking(mutant);
  const needsSteps = broken.noFreeze || broken.evictNotConfirmed || broken.expandLate;
  return { bounds, layout: layoutOf(bounds), broken, isChangeOneStep: isChangeOneStep ?? !needsSteps };
}

/** |S \ P|, of the members beginning at `members`. */
export function otherInSyncCount(model: Model, state: Uint8Array, members: number): number {
  let count = -1;
  for (let replica = 0; replica < model.layout.replicas; replica++) {
    if (isInSync(at(state, members + replica))) count++;
  }
  return count;
}

export function hasMin(model: Model, state: Uint8Array, primary: number): boolean {
  return otherInSyncCount(model, state, replicaAt(model.layout, primary) + MEMBERS) >= model.bounds.minSync;
}

export function isEvicting(state: Uint8Array, primaryAt: number): boolean {
  const request = at(state, primaryAt + REQUEST);
  return request === EVICT_ASKED || request === EVICT_ACCEPTED;
}

/** E1: from the request to its confirmation nothing is decided or answered, or keepLsn would lie. */
export function isFrozen({ broken }: Model, state: Uint8Array, primaryAt: number): boolean {
  return isEvicting(state, primaryAt) && !broken.noFreeze && !broken.evictNotConfirmed;
}

/** Whether `replica` is in S+. */
function counts({ broken }: Model, state: Uint8Array, primaryAt: number, replica: number): boolean {
  if (at(state, primaryAt + CANDIDATE) === replica + 1 && !broken.expandLate) return true;
  if (!isInSync(at(state, primaryAt + MEMBERS + replica))) return false;
  const isEvictee = isEvicting(state, primaryAt) && at(state, primaryAt + REQUEST_TARGET) === replica;
  return !(isEvictee && broken.evictNotConfirmed);
}

/** All of S+ hold the record at `lsn`, or can, and none holds a placeholder of it. */
export function isAckedByAll(model: Model, state: Uint8Array, primary: number, lsn: number): boolean {
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  if (lsn > 0 && (at(state, primaryAt + PLACEHOLDERS) & (1 << (lsn - 1))) !== 0) return false;
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary || !counts(model, state, primaryAt, replica)) continue;
    if (!canVote(model, state, primary, replica, lsn)) return false;
  }
  return true;
}

/** The votes that `isAckedByAll` found possible have come. */
export function takeVotes(model: Model, state: Uint8Array, primary: number, lsn: number): void {
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary || !counts(model, state, primaryAt, replica)) continue;
    takeVote(model, state, primary, replica, lsn);
  }
}

/** The lsn of the record in the log of `epoch`, up to `length`, that aborts `lsn`, or 0. */
export function abortRecordOf(layout: Layout, state: Uint8Array, epoch: number, lsn: number, length: number): number {
  for (let later = lsn + 1; later <= length; later++) {
    if (abortedBy(recordIn(layout, state, epoch, later)) === lsn) return later;
  }
  return 0;
}

/** The lsn of the transaction's record in the log of `epoch`, up to `length`, or 0. */
export function lsnOf(layout: Layout, state: Uint8Array, epoch: number, transaction: number, length: number): number {
  for (let lsn = 1; lsn <= length; lsn++) {
    if (transactionOf(recordIn(layout, state, epoch, lsn)) === transaction) return lsn;
  }
  return 0;
}

/** D1: whether the next record can be decided; `abortRecord` is that of this record, or 0. */
export function canDecide(model: Model, state: Uint8Array, primary: number, abortRecord: number): boolean {
  const primaryAt = replicaAt(model.layout, primary);
  const lsn = at(state, primaryAt + DECIDED) + 1;
  if (isFrozen(model, state, primaryAt)) return false;
  if (!hasMin(model, state, primary)) {
    const epoch = at(state, primaryAt + EPOCH);
    const isInherited = epochOfRecord(recordIn(model.layout, state, epoch, lsn)) < epoch;
    if (abortRecord > 0 || !isInherited || !model.broken.commitBelowMin) return false;
  }
  return isAckedByAll(model, state, primary, abortRecord || lsn);
}

/** A1: whether "rolled back" may be answered for the undecided record at `lsn`, aborted by `abortRecord`. */
export function canAnswerAbort(model: Model, state: Uint8Array, primary: number, lsn: number, abortRecord: number) {
  const { layout, broken } = model;
  const primaryAt = replicaAt(layout, primary);
  if (isFrozen(model, state, primaryAt)) return false;
  if (broken.abortNoAcks) return true;
  if (!isAckedByAll(model, state, primary, abortRecord)) return false;
  return hasMin(model, state, primary) || broken.abortIgnoreELR || isElrBelow(model, state, primaryAt, lsn);
}

/** Every ELR member will cut its log to less than `lsn` before it serves. */
function isElrBelow({ layout }: Model, state: Uint8Array, primaryAt: number, lsn: number): boolean {
  for (let replica = 0; replica < layout.replicas; replica++) {
    const member = at(state, primaryAt + MEMBERS + replica);
    if (kindOf(member) >= ELR && keepOf(member) >= lsn) return false;
  }
  return true;
}

/** A2: no member of S+ and no ELR member can hold what this log lacks. */
export function isSettled(model: Model, state: Uint8Array, primary: number): boolean {
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  if (isEvicting(state, primaryAt)) return false;
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary) continue;
    const member = at(state, primaryAt + MEMBERS + replica);
    if (kindOf(member) >= ELR && keepOf(member) === KEEP_ALL) return false;
  }
  return isAckedByAll(model, state, primary, 0);
}

/** N1, A1: own records may be aborted; of inherited ones those that a member of the inherited S never held. */
export function mayAbort(model: Model, state: Uint8Array, primary: number, lsn: number): boolean {
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  const epoch = at(state, primaryAt + EPOCH);
  if (lsn > at(state, epochAt(layout, epoch) + EPOCH_START) || model.broken.abortInherited) return true;
  let refused = at(state, primaryAt + PLACEHOLDERS);
  const inherited = at(state, primaryAt + FIRST_SYNC);
  for (let replica = 0; replica < layout.replicas; replica++) {
    if ((inherited & (1 << replica)) !== 0) refused |= knownRefusals(model, state, primary, replica);
  }
  return (refused & (1 << (lsn - 1))) !== 0;
}

/** E2: up to where the evicted member's log is certainly that of the primary, and contains all that was promised. */
export function keepLsnOf({ layout, broken }: Model, state: Uint8Array, primary: number): number {
  const primaryAt = replicaAt(layout, primary);
  const decided = at(state, primaryAt + DECIDED);
  if (broken.keepDec) return decided;
  const epoch = at(state, primaryAt + EPOCH);
  let keep = Math.max(decided, at(state, epochAt(layout, epoch) + EPOCH_START));
  if (!broken.keepNoAnswered) keep = Math.max(keep, at(state, primaryAt + ANSWERED));
  if (broken.keepNoAbortRec) return keep;
  for (let lsn = keep + 1; lsn <= at(state, primaryAt + LENGTH); lsn++) {
    const aborted = abortedBy(recordIn(layout, state, epoch, lsn));
    if (aborted > 0 && aborted <= decided) keep = lsn;
  }
  return keep;
}

/** What the primary was told: by one that has joined its epoch, or had before it left. */
function knownRefusals(model: Model, state: Uint8Array, primary: number, replica: number): number {
  const { layout } = model;
  const isHere = at(state, replicaAt(layout, replica) + EPOCH) === at(state, replicaAt(layout, primary) + EPOCH);
  return isHere ? refusalsOf(model, state, primary, replica) : at(state, refusedAt(layout, primary) + replica);
}

/** E3: up to where a candidate must hold the log. */
export function joinLsnOf({ layout, broken }: Model, state: Uint8Array, primary: number): number {
  return at(state, replicaAt(layout, primary) + (broken.addDec ? DECIDED : LENGTH));
}

/** Whether the catalog still takes this replica for the primary: compare-and-set on (epoch, version, primary). */
export function isCurrent({ layout }: Model, state: Uint8Array, primary: number): boolean {
  const epoch = at(state, replicaAt(layout, primary) + EPOCH);
  return epoch === at(state, CATALOG_EPOCH) && at(state, CATALOG_PRIMARY) === primary;
}
