/** What happens to followers by themselves: refusals, and crashes of anybody. What they receive is in delivery.ts. */
import { begin } from './breadth-first.ts';
import { commonLength, commonMost, isCounted, joinEpoch, leaveAllVotes, receive } from './delivery.ts';
import type { Model } from './rules.ts';
import {
  ACTING,
  at,
  CANDIDATE,
  CANDIDATE_DEAD,
  CATALOG_EPOCH,
  CATALOG_MEMBERS,
  CRASHES,
  ELR,
  ELR_DEAD,
  EPOCH,
  EPOCH_LENGTH,
  EPOCH_PLACEHOLDERS,
  EPOCH_PRIMARY,
  EPOCH_STATUS,
  ESTABLISHED,
  epochAt,
  FIRST_SYNC,
  isInSync,
  keepOf,
  kindOf,
  MEMBERS,
  memberByte,
  PLACEHOLDERS,
  pushedMembersAt,
  REFUSALS,
  recordIn,
  refusedAt,
  replicaAt,
  SYNC,
  SYNC_DEAD,
  transactionOf,
  votesAt,
  WAITING,
} from './state.ts';
import { actingPrimaryOf, actionCode, type Step } from './step.ts';

export function expandReplica(step: Step, replica: number): void {
  const { model, before } = step;
  const { bounds } = model;
  if (bounds.refusals > 0) expandRefusals(step, replica);
  expandJoins(step, replica);
  const isEmpty = at(before, replicaAt(model.layout, replica) + EPOCH) === 0;
  if (!isEmpty && at(before, CRASHES) < bounds.crashes) crash(step, replica);
}

/**
 * Goes on to a later epoch although nobody there needs it yet, where it matters what it leaves behind: it keeps more than it
 * is known to hold, because it had voted for that; or it joins an epoch only to vote in it before it goes on again. Where
 * there are placeholders, also the record itself: one that it has it keeps, but a new primary without it could not send it.
 */
function expandJoins(step: Step, replica: number): void {
  const { model, before } = step;
  const { layout } = model;
  const own = at(before, replicaAt(layout, replica) + EPOCH);
  const last = at(before, CATALOG_EPOCH);
  const old = own === 0 ? -1 : actingPrimaryOf(model, before, own);
  const leavesVotes = old >= 0 && old !== replica && isCounted(model, before, old, replica);
  const areSomeLacking = hasPlaceholders(model, before);
  for (let epoch = own + 1; epoch <= last; epoch++) {
    if (at(before, epochAt(layout, epoch) + EPOCH_STATUS) !== ESTABLISHED) continue;
    const primary = actingPrimaryOf(model, before, epoch);
    const goesToVote = epoch < last && primary >= 0 && isCounted(model, before, primary, replica);
    if (!leavesVotes && !goesToVote && !areSomeLacking) continue;
    // One that has just started hears only primaries that act.
    if (own === 0 && primary < 0) continue;
    const least = commonLength(layout, before, replica, epoch);
    const most = own > 0 && (leavesVotes || areSomeLacking) ? commonMost(layout, before, own, epoch) : least;
    for (let kept = goesToVote || areSomeLacking ? least : least + 1; kept <= most; kept++) {
      joinEpoch(model, begin(step), replica, epoch, kept);
      step.emit(step, actionCode('join', replica, epoch, kept));
    }
  }
}

function hasPlaceholders({ layout }: Model, state: Uint8Array): boolean {
  if (at(state, REFUSALS) === 0) return false;
  for (let epoch = 1; epoch <= layout.epochMax; epoch++) {
    if (at(state, epochAt(layout, epoch) + EPOCH_PLACEHOLDERS) !== 0) return true;
  }
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (at(state, replicaAt(layout, replica) + PLACEHOLDERS) !== 0) return true;
  }
  return false;
}

/** A placeholder is told to the primary of the epoch at once: to know of it only enables (N1). */
function expandRefusals(step: Step, replica: number): void {
  const { model, before } = step;
  const { layout, bounds } = model;
  const index = replicaAt(layout, replica);
  const own = at(before, index + EPOCH);
  const isActing = at(before, index + ACTING) === 1;
  for (let epoch = Math.max(own, 1); epoch <= at(before, CATALOG_EPOCH); epoch++) {
    if (at(before, epochAt(layout, epoch) + EPOCH_STATUS) !== ESTABLISHED || (epoch === own && isActing)) continue;
    const hasPrimary = actingPrimaryOf(model, before, epoch) >= 0;
    if (own === 0 && !hasPrimary) continue;
    const common = commonLength(layout, before, replica, epoch);
    if (epoch > own && hasPrimary && (at(before, index + PLACEHOLDERS) & ((1 << common) - 1)) !== 0) {
      joinEpoch(model, begin(step), replica, epoch);
      step.emit(step, actionCode('report', replica, epoch));
    }
    if (at(before, REFUSALS) < bounds.refusals) expandRefused(step, replica, epoch, common);
  }
}

function expandRefused(step: Step, replica: number, epoch: number, common: number): void {
  const { model, before } = step;
  const { layout } = model;
  const epochIndex = epochAt(layout, epoch);
  for (let lsn = common + 1; lsn <= at(before, epochIndex + EPOCH_LENGTH); lsn++) {
    if (transactionOf(recordIn(layout, before, epoch, lsn)) < 0) continue;
    if ((at(before, epochIndex + EPOCH_PLACEHOLDERS) & (1 << (lsn - 1))) !== 0) continue;
    const after = begin(step);
    joinEpoch(model, after, replica, epoch);
    receive(model, after, replica, lsn);
    const placeholders = replicaAt(layout, replica) + PLACEHOLDERS;
    after[placeholders] = at(after, placeholders) | (1 << (lsn - 1));
    after[REFUSALS] = at(after, REFUSALS) + 1;
    step.emit(step, actionCode('refuse', replica, epoch, lsn));
  }
}

/** The process stops and starts again as somebody else, with nothing. */
function crash(step: Step, replica: number): void {
  const { model } = step;
  const { layout, broken } = model;
  const after = begin(step);
  const index = replicaAt(layout, replica);
  after[CRASHES] = at(after, CRASHES) + 1;
  leaveAllVotes(model, after, replica);
  after.fill(0, index, index + layout.replicaBytes);
  if (!broken.noInc) forgetLife(model, after, replica);
  step.emit(step, actionCode('crash', replica));
}

/** Whoever names the old life names one that is gone. */
function forgetLife({ layout }: Model, state: Uint8Array, replica: number): void {
  markDead(state, CATALOG_MEMBERS + replica);
  for (let epoch = 1; epoch <= layout.epochMax; epoch++) {
    const pushed = epochAt(layout, epoch);
    if (at(state, pushed + EPOCH_STATUS) !== WAITING) continue;
    if (at(state, pushed + EPOCH_PRIMARY) !== replica) markDead(state, pushedMembersAt(layout, epoch) + replica);
    else state.fill(0, pushed, pushed + layout.epochBytes);
  }
  for (let primary = 0; primary < layout.replicas; primary++) {
    const primaryAt = replicaAt(layout, primary);
    if (at(state, primaryAt + ACTING) === 0) continue;
    const isCandidate = at(state, primaryAt + CANDIDATE) === replica + 1;
    if (isCandidate) state[primaryAt + CANDIDATE_DEAD] = 1;
    markDead(state, primaryAt + MEMBERS + replica);
    // The votes of a member that is gone still count: it had appended what it voted for.
    if (isCandidate || isInSync(at(state, primaryAt + MEMBERS + replica))) continue;
    state[votesAt(layout, primary) + replica] = 0;
    state[refusedAt(layout, primary) + replica] = 0;
    state[primaryAt + FIRST_SYNC] = at(state, primaryAt + FIRST_SYNC) & ~(1 << replica);
  }
}

function markDead(state: Uint8Array, index: number): void {
  const member = at(state, index);
  if (kindOf(member) === SYNC) state[index] = memberByte(SYNC_DEAD, 0);
  if (kindOf(member) === ELR) state[index] = memberByte(ELR_DEAD, keepOf(member));
}
