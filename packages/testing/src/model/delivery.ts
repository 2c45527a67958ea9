/**
 * Messages, and why none is stored.
 *
 * A primary sends its log; a follower joins the epoch (N2), takes records and votes; the vote arrives. Each of these may
 * happen late or never. Seen as steps of their own they make a space a hundred times larger, without one more behaviour that
 * anybody can observe: whether a follower already holds a record matters first when its vote is used, or when it takes over
 * itself. So here a follower receives when that is needed, not before:
 *
 *   a primary uses votes for lsn n        each voter joins its epoch and holds the log up to n, in the same step
 *   a replica takes over                  it chooses what had reached it: the last epoch joined, and how much of its log
 *   a process crashes                     what it voted for before, its primaries may still use
 *   a follower goes on to a later epoch   likewise
 *
 * Why no run is lost: hold back each message of a run until the follower's state is used. The follower's own epoch refuses
 * nothing that it took before, since epochs only rise; what it holds is a prefix of H[e] in both runs. In between, others
 * could have seen only its votes, and votes only enable: no guard of a primary turns false by a vote. The length stored with a
 * follower is therefore the least that it holds.
 *
 * A follower that leaves an epoch may leave votes behind, which count when they are used later. Having voted for more it holds
 * more: of what the next epoch's log has in common with the old one, all that it voted for. So for each length that it may
 * keep there is one best vote: that length, or, if it keeps all that the two logs have in common, everything. When nothing is
 * to choose, the vote is left within the step that needs the follower elsewhere; else `join` is a step of its own. A process
 * that crashes keeps nothing, and leaves votes for everything.
 *
 * What it has heard to be decided is treated likewise: stored is the most that it may have heard, since that is what no cut
 * may pass; the choice is made when it takes over.
 *
 * A message stays deliverable when its sender has stopped. A process that has just started hears only primaries that act.
 */
import type { Model } from './rules.ts';
import {
  ACTING,
  at,
  CANDIDATE,
  CANDIDATE_DEAD,
  CATALOG_EPOCH,
  DECIDED,
  EPOCH,
  EPOCH_DECIDED,
  EPOCH_LENGTH,
  EPOCH_PLACEHOLDERS,
  EPOCH_STATUS,
  ESTABLISHED,
  epochAt,
  isInSync,
  kindOf,
  type Layout,
  LENGTH,
  MEMBERS,
  PLACEHOLDERS,
  recordIn,
  refusedAt,
  replicaAt,
  SYNC_DEAD,
  votesAt,
} from './state.ts';
import { actingPrimaryOf, stopActing } from './step.ts';

/** Whether what `primary` calls `replica` is the process that runs now, and not one that is gone. */
export function isLifeOf({ layout, broken }: Model, state: Uint8Array, primary: number, replica: number): boolean {
  if (broken.noInc) return true;
  const primaryAt = replicaAt(layout, primary);
  if (kindOf(at(state, primaryAt + MEMBERS + replica)) === SYNC_DEAD) return false;
  return at(state, primaryAt + CANDIDATE) !== replica + 1 || at(state, primaryAt + CANDIDATE_DEAD) === 0;
}

/** Whether messages of the primary can still reach the process that it means by `replica`. */
export function isReachable(model: Model, state: Uint8Array, primary: number, replica: number): boolean {
  const { layout } = model;
  const epoch = at(state, replicaAt(layout, primary) + EPOCH);
  return isLifeOf(model, state, primary, replica) && at(state, replicaAt(layout, replica) + EPOCH) <= epoch;
}

/** Which records `replica` would report as refused once it has joined the epoch of `primary`. */
export function refusalsOf(model: Model, state: Uint8Array, primary: number, replica: number): number {
  const { layout } = model;
  const recorded = at(state, refusedAt(layout, primary) + replica);
  if (!isReachable(model, state, primary, replica)) return recorded;
  const placeholders = at(state, replicaAt(layout, replica) + PLACEHOLDERS);
  if (placeholders === 0) return recorded;
  const epoch = at(state, replicaAt(layout, primary) + EPOCH);
  return recorded | (placeholders & ((1 << commonLength(layout, state, replica, epoch)) - 1));
}

/** Whether a vote of `replica` for the record at `lsn` has come or can come; lsn 0: any vote of this epoch. */
export function canVote(model: Model, state: Uint8Array, primary: number, replica: number, lsn: number): boolean {
  const { layout } = model;
  const hasVoted = at(state, votesAt(layout, primary) + replica) > lsn;
  if (!hasVoted && !isReachable(model, state, primary, replica)) return false;
  return lsn === 0 || (refusalsOf(model, state, primary, replica) & (1 << (lsn - 1))) === 0;
}

/** The vote is used: the follower has joined the epoch and holds the log up to `lsn`. */
export function takeVote(model: Model, state: Uint8Array, primary: number, replica: number, lsn: number): void {
  const { layout } = model;
  if (at(state, votesAt(layout, primary) + replica) > lsn) return;
  joinEpoch(model, state, replica, at(state, replicaAt(layout, primary) + EPOCH));
  receive(model, state, replica, lsn);
}

/** Holds the log of its epoch up to `lsn`. What the primary itself lacks arrives as a placeholder. */
export function receive({ layout }: Model, state: Uint8Array, replica: number, lsn: number): void {
  const index = replicaAt(layout, replica);
  const length = at(state, index + LENGTH);
  if (lsn <= length) return;
  const lacking = at(state, epochAt(layout, at(state, index + EPOCH)) + EPOCH_PLACEHOLDERS);
  const received = ((1 << lsn) - 1) & ~((1 << length) - 1);
  state[index + PLACEHOLDERS] = at(state, index + PLACEHOLDERS) | (lacking & received);
  state[index + LENGTH] = lsn;
}

/**
 * N2: adopts the epoch and cuts at the first difference. It keeps `kept` records, which may be more than is known of it so
 * far: then it had received them in the old epoch. It leaves the best vote that goes with that.
 */
export function joinEpoch(model: Model, state: Uint8Array, replica: number, epoch: number, kept?: number): void {
  const { layout } = model;
  const index = replicaAt(layout, replica);
  const own = at(state, index + EPOCH);
  if (own === epoch) return;
  const common = kept ?? commonLength(layout, state, replica, epoch);
  const heard = mostHeard(model, state, replica, epoch - 1);
  if (own > 0 && at(state, index + ACTING) === 0) {
    const received = common === commonMost(layout, state, own, epoch) ? lengthOf(layout, state, own) : common;
    receive(model, state, replica, received);
    leaveVote(model, state, replica, own);
  }
  stopActing(layout, state, replica);
  state[index + EPOCH] = epoch;
  state[index + LENGTH] = common;
  state[index + DECIDED] = heard;
  state[index + PLACEHOLDERS] = at(state, index + PLACEHOLDERS) & ((1 << common) - 1);
}

/** It has voted for what it holds, in its epoch. */
export function leaveVote(model: Model, state: Uint8Array, replica: number, epoch: number): void {
  const { layout } = model;
  const primary = actingPrimaryOf(model, state, epoch);
  if (primary < 0 || primary === replica || !isCounted(model, state, primary, replica)) return;
  const votes = votesAt(layout, primary) + replica;
  const vote = Math.min(at(state, replicaAt(layout, replica) + LENGTH), at(state, replicaAt(layout, primary) + LENGTH));
  state[refusedAt(layout, primary) + replica] = refusalsOf(model, state, primary, replica);
  state[votes] = Math.max(at(state, votes), vote + 1);
}

/** Before it crashes: it may have passed through all epochs, and have voted for everything. */
export function leaveAllVotes(model: Model, state: Uint8Array, replica: number): void {
  const { layout } = model;
  const own = at(state, replicaAt(layout, replica) + EPOCH);
  for (let primary = 0; primary < layout.replicas; primary++) {
    const index = replicaAt(layout, primary);
    if (primary === replica || at(state, index + ACTING) === 0 || at(state, index + EPOCH) < own) continue;
    if (!isCounted(model, state, primary, replica)) continue;
    state[refusedAt(layout, primary) + replica] = refusalsOf(model, state, primary, replica);
    state[votesAt(layout, primary) + replica] = at(state, index + LENGTH) + 1;
  }
}

/** Whether the running process is in S+ of the primary. */
export function isCounted(model: Model, state: Uint8Array, primary: number, replica: number): boolean {
  const index = replicaAt(model.layout, primary);
  const isMember = isInSync(at(state, index + MEMBERS + replica)) || at(state, index + CANDIDATE) === replica + 1;
  return isMember && isLifeOf(model, state, primary, replica);
}

/** The most that the replica may know to be decided when it has passed through all epochs up to `epochMax`. */
export function mostHeard({ layout }: Model, state: Uint8Array, replica: number, epochMax: number): number {
  const index = replicaAt(layout, replica);
  let heard = at(state, index + DECIDED);
  const own = at(state, index + EPOCH);
  if (own === 0) return heard;
  for (let epoch = own; epoch <= Math.min(epochMax, at(state, CATALOG_EPOCH)); epoch++) {
    heard = Math.max(heard, at(state, epochAt(layout, epoch) + EPOCH_DECIDED));
  }
  return heard;
}

/** How much of its log the replica keeps when it joins the epoch. */
export function commonLength(layout: Layout, state: Uint8Array, replica: number, epoch: number): number {
  const index = replicaAt(layout, replica);
  return commonPrefix(layout, state, {
    one: at(state, index + EPOCH),
    other: epoch,
    end: at(state, index + LENGTH),
  });
}

/** How much it keeps if it has received all of its epoch. */
export function commonMost(layout: Layout, state: Uint8Array, epoch: number, next: number): number {
  return commonPrefix(layout, state, { one: epoch, other: next, end: lengthOf(layout, state, epoch) });
}

export function lengthOf(layout: Layout, state: Uint8Array, epoch: number): number {
  return at(state, epochAt(layout, epoch) + EPOCH_LENGTH);
}

function commonPrefix(
  layout: Layout,
  state: Uint8Array,
  { one, other, end }: { readonly one: number; readonly other: number; readonly end: number },
): number {
  const last = Math.min(end, at(state, epochAt(layout, other) + EPOCH_LENGTH));
  let common = 0;
  while (common < last && recordIn(layout, state, one, common + 1) === recordIn(layout, state, other, common + 1)) {
    common++;
  }
  return common;
}

/**
 * N2, for every replica and all epochs whose messages may reach it, one after the other: it would not cut what it knows to be
 * decided. It may have stayed in an epoch until now, and have received all of it.
 */
export function cutBelowDecided(model: Model, state: Uint8Array): string | undefined {
  const { layout } = model;
  const last = at(state, CATALOG_EPOCH);
  for (let replica = 0; replica < layout.replicas; replica++) {
    const own = at(state, replicaAt(layout, replica) + EPOCH);
    if (own === 0) continue;
    for (let passed = own; passed < last; passed++) {
      if (passed > own && at(state, epochAt(layout, passed) + EPOCH_STATUS) !== ESTABLISHED) continue;
      const heard = mostHeard(model, state, replica, passed);
      for (let epoch = passed + 1; epoch <= last; epoch++) {
        if (at(state, epochAt(layout, epoch) + EPOCH_STATUS) !== ESTABLISHED) continue;
        const common = commonPrefix(layout, state, { one: passed, other: epoch, end: heard });
        if (common >= heard) continue;
        return `N2: r${replica} may know lsn ${heard} to be decided, and must cut to lsn ${common} to join epoch ${epoch}`;
      }
    }
  }
  return undefined;
}
