/**
 * The catalog promotes, at any time (leases are thought to be waited out), and the promoted replica takes over some time
 * later: perhaps after the catalog has promoted somebody else, so that it is deposed from its first moment.
 *
 * That a replica stops being primary is no action: one that has stopped is one that goes on and does nothing.
 */
import { begin, violate } from './breadth-first.ts';
import { commonLength, cutBelowDecided, joinEpoch, leaveVote, mostHeard, receive } from './delivery.ts';
import { lostAtTakeOver } from './properties.ts';
import { type Model, otherInSyncCount } from './rules.ts';
import {
  ACTING,
  at,
  CATALOG_EPOCH,
  CATALOG_KEEP,
  CATALOG_MEMBERS,
  CATALOG_PRIMARY,
  DECIDED,
  ELR,
  ELR_DEAD,
  EPOCH,
  EPOCH_DECIDED,
  EPOCH_KEEP,
  EPOCH_LENGTH,
  EPOCH_LOG,
  EPOCH_PLACEHOLDERS,
  EPOCH_PRIMARY,
  EPOCH_START,
  EPOCH_STATUS,
  ESTABLISHED,
  epochAt,
  FIRST_SYNC,
  isInSync,
  KEEP_ALL,
  keepOf,
  kindOf,
  LENGTH,
  MEMBERS,
  memberByte,
  OUT,
  PLACEHOLDERS,
  pushedMembersAt,
  recordIn,
  replicaAt,
  SYNC,
  SYNC_DEAD,
  WAITING,
} from './state.ts';
import { actionCode, type Step, stopActing } from './step.ts';

export function expandPromotion(step: Step): void {
  const { model, before } = step;
  const { layout } = model;
  const epoch = at(before, CATALOG_EPOCH);
  if (epoch < layout.epochMax) {
    for (let replica = 0; replica < layout.replicas; replica++) {
      if (replica === at(before, CATALOG_PRIMARY)) continue;
      const kind = kindOf(at(before, CATALOG_MEMBERS + replica));
      if (kind === SYNC) expandPromotionFromSync(step, replica);
      if (kind === ELR) promoteFromElr(step, replica);
    }
  }
  for (let pushed = 1; pushed <= epoch; pushed++) {
    if (at(before, epochAt(layout, pushed) + EPOCH_STATUS) === WAITING) expandTakeOver(step, pushed);
  }
}

/**
 * P1: S' = S without the old primary, and without members that are silent too, any of the others: they may be alive.
 * All that leave become eligible if S' is below minSyncReplicas.
 */
function expandPromotionFromSync(step: Step, replica: number): void {
  const { before, model } = step;
  const others: number[] = [];
  for (let other = 0; other < model.layout.replicas; other++) {
    if (other === replica || other === at(before, CATALOG_PRIMARY)) continue;
    if (isInSync(at(before, CATALOG_MEMBERS + other))) others.push(other);
  }
  for (let silent = 0; silent < 1 << others.length; silent++) {
    const leaving = others.filter((_, index) => (silent & (1 << index)) !== 0);
    promoteFromSync(step, replica, leaving);
  }
}

function promoteFromSync(step: Step, replica: number, silent: readonly number[]): void {
  const { model } = step;
  const { layout, bounds } = model;
  const after = begin(step);
  let mask = 0;
  for (const other of [at(after, CATALOG_PRIMARY), ...silent]) {
    const member = CATALOG_MEMBERS + other;
    after[member] = memberByte(kindOf(at(after, member)) === SYNC_DEAD ? ELR_DEAD : ELR, KEEP_ALL);
  }
  for (const other of silent) mask |= 1 << other;
  if (otherInSyncCount(model, after, CATALOG_MEMBERS) >= bounds.minSync) {
    for (let other = 0; other < layout.replicas; other++) {
      if (!isInSync(at(after, CATALOG_MEMBERS + other))) after[CATALOG_MEMBERS + other] = memberByte(OUT, 0);
    }
  }
  after[CATALOG_KEEP] = 0;
  push(model, after, replica);
  step.emit(step, actionCode('promoteFromSync', replica, 0, mask));
}

/** P1: S' = the promoted one alone; the old members of S stay eligible. */
function promoteFromElr(step: Step, replica: number): void {
  const { model } = step;
  const { layout, broken } = model;
  const after = begin(step);
  const oldKeep = at(after, CATALOG_KEEP);
  for (let other = 0; other < layout.replicas; other++) {
    const member = at(after, CATALOG_MEMBERS + other);
    if (!isInSync(member)) continue;
    const keepsOwn = other === at(after, CATALOG_PRIMARY) && oldKeep > 0 && !broken.forgetKeep;
    const kind = kindOf(member) === SYNC_DEAD ? ELR_DEAD : ELR;
    after[CATALOG_MEMBERS + other] = memberByte(kind, keepsOwn ? oldKeep - 1 : KEEP_ALL);
  }
  const keep = keepOf(at(after, CATALOG_MEMBERS + replica));
  after[CATALOG_MEMBERS + replica] = memberByte(SYNC, 0);
  after[CATALOG_KEEP] = keep === KEEP_ALL ? 0 : 1 + keep;
  push(model, after, replica);
  step.emit(step, actionCode('promoteFromElr', replica, 0, keep === KEEP_ALL ? 15 : keep));
}

function push({ layout }: Model, state: Uint8Array, replica: number): void {
  const epoch = at(state, CATALOG_EPOCH) + 1;
  state[CATALOG_EPOCH] = epoch;
  state[CATALOG_PRIMARY] = replica;
  const pushed = epochAt(layout, epoch);
  state[pushed + EPOCH_STATUS] = WAITING;
  state[pushed + EPOCH_PRIMARY] = replica;
  state[pushed + EPOCH_KEEP] = at(state, CATALOG_KEEP);
  const members = pushedMembersAt(layout, epoch);
  for (let other = 0; other < layout.replicas; other++) state[members + other] = at(state, CATALOG_MEMBERS + other);
}

/** What had reached the promoted replica when it took over: a choice, made only now (delivery.ts). */
interface Received {
  /** The last epoch that it had joined, and how much of its log it holds, before the cut to keepLsn. */
  readonly base: number;
  readonly received: number;
  /** After the cut. */
  readonly length: number;
  readonly decided: number;
}

/** N1. */
function expandTakeOver(step: Step, epoch: number): void {
  const { model, before } = step;
  const { layout } = model;
  const pushed = epochAt(layout, epoch);
  const replica = at(before, pushed + EPOCH_PRIMARY);
  const index = replicaAt(layout, replica);
  const own = at(before, index + EPOCH);
  if (own >= epoch) return;
  const isActing = at(before, index + ACTING) === 1;
  for (let base = own; base < epoch; base++) {
    if (base > own && at(before, epochAt(layout, base) + EPOCH_STATUS) !== ESTABLISHED) continue;
    // A crash that nobody noticed (a mutant's) leaves nothing to go on from.
    const least = own === 0 ? 0 : commonLength(layout, before, replica, base);
    const most = own === 0 || (isActing && base === own) ? least : at(before, epochAt(layout, base) + EPOCH_LENGTH);
    for (let received = least; received <= most; received++) expandReceived(step, epoch, base, received);
    if (own === 0) break;
  }
}

function expandReceived(step: Step, epoch: number, base: number, received: number): void {
  const { model, before } = step;
  const { layout, broken } = model;
  const pushed = epochAt(layout, epoch);
  const replica = at(before, pushed + EPOCH_PRIMARY);
  const index = replicaAt(layout, replica);
  const keep = broken.noKeep ? 0 : at(before, pushed + EPOCH_KEEP);
  const length = keep > 0 ? Math.min(received, keep - 1) : received;
  const heard = Math.min(mostHeard(model, before, replica, base), received);
  const highest = Math.min(heard, length);
  const isActing = at(before, index + ACTING) === 1 && base === at(before, index + EPOCH);
  for (let decided = highest; decided >= (isActing ? highest : 0); decided--) {
    const after = begin(step);
    takeOver(model, after, epoch, { base, received, length, decided });
    if (heard > length) {
      violate(step, `P1: r${replica} may know lsn ${heard} to be decided, and must cut to keepLsn ${length}`);
    }
    const broken = lostAtTakeOver(model, after, replica) ?? cutBelowDecided(model, after);
    if (broken !== undefined) violate(step, broken);
    step.emit(step, actionCode('takeOver', replica, base * 16 + received, decided * 16 + epoch));
  }
}

function takeOver(model: Model, state: Uint8Array, epoch: number, { base, received, length, decided }: Received): void {
  const { layout } = model;
  const pushed = epochAt(layout, epoch);
  const replica = at(state, pushed + EPOCH_PRIMARY);
  const index = replicaAt(layout, replica);
  if (base > 0) {
    joinEpoch(model, state, replica, base);
    receive(model, state, replica, received);
    leaveVote(model, state, replica, base);
  }
  for (let lsn = 1; lsn <= length; lsn++) state[pushed + EPOCH_LOG + lsn - 1] = recordIn(layout, state, base, lsn);
  const placeholders = at(state, index + PLACEHOLDERS) & ((1 << length) - 1);
  state[pushed + EPOCH_STATUS] = ESTABLISHED;
  state[pushed + EPOCH_PRIMARY] = 0;
  state[pushed + EPOCH_KEEP] = 0;
  state[pushed + EPOCH_LENGTH] = length;
  state[pushed + EPOCH_START] = length;
  state[pushed + EPOCH_DECIDED] = decided;
  state[pushed + EPOCH_PLACEHOLDERS] = placeholders;

  stopActing(layout, state, replica);
  state[index + EPOCH] = epoch;
  state[index + LENGTH] = length;
  state[index + DECIDED] = decided;
  state[index + PLACEHOLDERS] = placeholders;
  state[index + ACTING] = 1;
  const members = pushedMembersAt(layout, epoch);
  let firstSync = 0;
  for (let other = 0; other < layout.replicas; other++) {
    const member = at(state, members + other);
    state[index + MEMBERS + other] = member;
    if (kindOf(member) === SYNC) firstSync |= 1 << other;
    state[members + other] = 0;
  }
  state[index + FIRST_SYNC] = firstSync;
}
