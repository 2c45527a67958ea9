/**
 * Changes of the in-sync set: the primary asks, the catalog accepts, the primary learns. A primary has one request in
 * flight, and a compare-and-set on (epoch, version) takes it once or never, so a repeated or late request needs no state of
 * its own; of a rejected request nothing is left but that it was waited for. The configuration that a request makes is what
 * its own primary's becomes by it, so the answer in flight is a flag, not a copy.
 *
 * The three are one step unless a broken rule is about what happens between them. That loses nothing. A primary that has
 * asked only waits: with an eviction pending it decides and answers nothing (E1), so nothing that keepLsn is made of changes;
 * with an addition pending it can only not ask for anything else. What it may still do, to append and abort records, it may
 * do just as well before it asks, and the followers receive them when they like. Having learnt, it may do whatever it could
 * before, but append below minSyncReplicas. The test compares both ways.
 */
import { begin } from './breadth-first.ts';
import { canVote, refusalsOf, takeVote } from './delivery.ts';
import { isCurrent, joinLsnOf, keepLsnOf, type Model, otherInSyncCount } from './rules.ts';
import {
  ADD_ACCEPTED,
  ADD_ASKED,
  at,
  CANDIDATE,
  CANDIDATE_DEAD,
  CATALOG_KEEP,
  CATALOG_MEMBERS,
  CHANGES,
  ELR,
  ELR_DEAD,
  EVICT_ACCEPTED,
  EVICT_ASKED,
  FIRST_SYNC,
  isInSync,
  kindOf,
  MEMBERS,
  memberByte,
  NO_REQUEST,
  OUT,
  REQUEST,
  REQUEST_KEEP,
  REQUEST_TARGET,
  refusedAt,
  replicaAt,
  SYNC,
  SYNC_DEAD,
  votesAt,
} from './state.ts';
import { actionCode, type Step } from './step.ts';

export function expandInSync(step: Step, primary: number): void {
  const { model, before } = step;
  const request = at(before, replicaAt(model.layout, primary) + REQUEST);
  if (request === EVICT_ACCEPTED || request === ADD_ACCEPTED) {
    const after = begin(step);
    const target = at(after, replicaAt(model.layout, primary) + REQUEST_TARGET);
    learn(model, after, primary);
    step.emit(step, actionCode('learn', primary, target));
    return;
  }
  // A request that nobody will accept only holds its primary back.
  if (at(before, CHANGES) >= model.bounds.changes || !isCurrent(model, before, primary)) return;
  expandCandidates(step, primary);
  if (request === NO_REQUEST) {
    expandRequests(step, primary);
    return;
  }
  const after = begin(step);
  accept(model, after, primary);
  step.emit(step, actionCode('accept', primary));
}

/**
 * E3: the candidate counts from now on. It must hold the log up to this point before it is added; here it does so at once,
 * which loses nothing: that a candidate catches up only enables, and until it has, it only holds decisions back. For the
 * same reason a candidate is never dropped again: not to have taken it is the same.
 */
function expandCandidates(step: Step, primary: number): void {
  const { model, before } = step;
  const { layout, broken } = model;
  const primaryAt = replicaAt(layout, primary);
  if (at(before, primaryAt + CANDIDATE) !== 0) return;
  const lsn = joinLsnOf(model, before, primary);
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary || isInSync(at(before, primaryAt + MEMBERS + replica))) continue;
    if (!broken.phBug && refusalsOf(model, before, primary, replica) !== 0) continue;
    // Its vote covers the whole log; that one record of it is a placeholder is asked above.
    if (!canVote(model, before, primary, replica, 0)) continue;
    const after = begin(step);
    takeVote(model, after, primary, replica, lsn);
    after[primaryAt + CANDIDATE] = replica + 1;
    step.emit(step, actionCode('startAdd', primary, replica));
  }
}

function expandRequests(step: Step, primary: number): void {
  const { model, before } = step;
  const { layout, broken } = model;
  const primaryAt = replicaAt(layout, primary);
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary) continue;
    if (isInSync(at(before, primaryAt + MEMBERS + replica))) {
      const keep = keepLsnOf(model, before, primary);
      ask(step, primary, { request: EVICT_ASKED, replica, keep });
      step.emit(step, actionCode('evict', primary, replica, keep));
    } else if (at(before, primaryAt + CANDIDATE) === replica + 1) {
      if (!broken.phBug && refusalsOf(model, before, primary, replica) !== 0) continue;
      ask(step, primary, { request: ADD_ASKED, replica, keep: 0 });
      step.emit(step, actionCode('add', primary, replica));
    }
  }
}

interface Request {
  readonly request: number;
  readonly replica: number;
  readonly keep: number;
}

function ask(step: Step, primary: number, { request, replica, keep }: Request): void {
  const { model } = step;
  const after = begin(step);
  const primaryAt = replicaAt(model.layout, primary);
  after[primaryAt + REQUEST] = request;
  after[primaryAt + REQUEST_TARGET] = replica;
  after[primaryAt + REQUEST_KEEP] = keep;
  if (!model.isChangeOneStep) return;
  accept(model, after, primary);
  learn(model, after, primary);
}

function accept(model: Model, state: Uint8Array, primary: number): void {
  const primaryAt = replicaAt(model.layout, primary);
  applyRequest(model, state, primary, CATALOG_MEMBERS);
  state[CATALOG_KEEP] = 0;
  state[CHANGES] = at(state, CHANGES) + 1;
  state[primaryAt + REQUEST] = at(state, primaryAt + REQUEST) + 1;
}

function learn(model: Model, state: Uint8Array, primary: number): void {
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  const target = at(state, primaryAt + REQUEST_TARGET);
  const wasDead = kindOf(at(state, primaryAt + MEMBERS + target)) === SYNC_DEAD;
  const isEviction = at(state, primaryAt + REQUEST) === EVICT_ACCEPTED;
  applyRequest(model, state, primary, primaryAt + MEMBERS);
  if (isEviction) {
    state[votesAt(layout, primary) + target] = 0;
    state[refusedAt(layout, primary) + target] = 0;
    // Whoever has that place from here on is another life than the one that was inherited.
    if (wasDead) state[primaryAt + FIRST_SYNC] = at(state, primaryAt + FIRST_SYNC) & ~(1 << target);
  } else {
    state[primaryAt + CANDIDATE] = 0;
    state[primaryAt + CANDIDATE_DEAD] = 0;
  }
  state.fill(0, primaryAt + REQUEST, primaryAt + REQUEST_KEEP + 1);
}

/** What the request changes, in the members beginning at `members`: the catalog's, or those that the primary knows. */
function applyRequest(model: Model, state: Uint8Array, primary: number, members: number): void {
  const { layout, broken, bounds } = model;
  const primaryAt = replicaAt(layout, primary);
  const request = at(state, primaryAt + REQUEST);
  const member = members + at(state, primaryAt + REQUEST_TARGET);
  if (request === EVICT_ASKED || request === EVICT_ACCEPTED) {
    const isDead = kindOf(at(state, member)) === SYNC_DEAD;
    state[member] = memberByte(OUT, 0);
    if (otherInSyncCount(model, state, members) < bounds.minSync) {
      state[member] = memberByte(isDead ? ELR_DEAD : ELR, at(state, primaryAt + REQUEST_KEEP));
    }
    return;
  }
  const isDead = at(state, primaryAt + CANDIDATE_DEAD) === 1;
  state[member] = memberByte(isDead ? SYNC_DEAD : SYNC, 0);
  if (otherInSyncCount(model, state, members) < bounds.minSync || broken.staleELR) return;
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (!isInSync(at(state, members + replica))) state[members + replica] = memberByte(OUT, 0);
  }
}
