/**
 * Changes of the configuration: of S, of the primary by its own wish, by its silence, by proof of its death.
 *
 * Asking for a change of S and its acceptance are one step: between them the primary may only do less than before. That
 * it hears of the acceptance late is a step of its own, and may be after the next promotion.
 */
import { begin, type Move } from '../breadth-first.ts';
import { actionCode } from './actions.ts';
import { stopActing } from './actions-primary.ts';
import { grantsHaveEnded, isAckedByAll, isActing, isCurrent, isFollowing, type LeaseModel } from './rules.ts';
import {
  ACTS,
  ADDITION,
  ASKED,
  AWAKE,
  at,
  bitOf,
  CATALOG_ELR,
  CATALOG_EPOCH,
  CATALOG_LEASE,
  CATALOG_PRIMARY,
  CATALOG_REIGN,
  CATALOG_START,
  CATALOG_SYNC,
  CATALOG_WAITS,
  CHANGES,
  CRASHES,
  containerAt,
  countOf,
  DECLINED,
  ELR,
  EPOCH,
  EVICTION,
  GONE,
  GRANTS_END,
  HAND_OVER,
  HELD_LEASE,
  LAGS,
  LIFE,
  NEXT_ELR,
  NEXT_SYNC,
  NO_CHANGE,
  NOT_ASKED,
  OLD_RELEASE,
  PENDING,
  PLUS,
  PROMISED,
  PROMISED_BEFORE,
  PROMISED_EPOCH,
  PUSH_ELR,
  PUSH_PRIMARY,
  PUSH_SYNC,
  PUSH_WAITS,
  pushAt,
  ROLE,
  SYNC,
} from './state.ts';

export function expandConfiguration(move: Move<LeaseModel>): void {
  const { layout } = move.model;
  for (let container = 0; container < layout.containers; container++) {
    if (isActing(move.model, move.before, container)) {
      changeSync(move, container);
      learn(move, container);
      handOver(move, container);
    }
    takeOver(move, container);
    crash(move, container);
  }
  promote(move);
}

// ── S ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function changeSync(move: Move<LeaseModel>, primary: number): void {
  const { model, before } = move;
  const { layout, bounds, broken } = model;
  const own = containerAt(layout, primary);
  if (at(before, CHANGES) >= bounds.changes || !isCurrent(model, before, primary) || at(before, own + LAGS) === 1)
    return;
  if (at(before, own + HAND_OVER) === ASKED) {
    // Any change raises the version, and the release counts no more.
    accept(move, own, { pending: NO_CHANGE, sync: at(before, CATALOG_SYNC), elr: at(before, CATALOG_ELR) });
    move.emit(move, actionCode('ownChange', primary));
  }
  if (at(before, own + HAND_OVER) === ASKED || at(before, own + HAND_OVER) === DECLINED) return;
  const sync = at(before, CATALOG_SYNC);
  const elr = at(before, CATALOG_ELR);
  const isMin = (members: number): boolean => countOf(members) - 1 >= bounds.minSync;
  for (let other = 0; other < layout.containers; other++) {
    const bit = bitOf(other);
    if (other === primary) continue;
    if ((sync & bit) !== 0 && at(before, own + HELD_LEASE) > 0) {
      const left = sync & ~bit;
      accept(move, own, { pending: EVICTION, sync: left, elr: isMin(left) ? elr : elr | bit });
      move.emit(move, actionCode('evict', primary, other));
    }
    if ((sync & bit) !== 0 || !isFollowing(model, before, other, at(before, own + EPOCH))) continue;
    if (!grantsHaveEnded(model, before, own) && !broken.addBeforeGrantsEnd) continue;
    const joined = sync | bit;
    const after = accept(move, own, { pending: ADDITION, sync: joined, elr: isMin(joined) ? 0 : elr & ~bit });
    after[own + PLUS] = bit;
    move.emit(move, actionCode('add', primary, other));
  }
}

interface Change {
  readonly pending: number;
  readonly sync: number;
  readonly elr: number;
}

function accept(move: Move<LeaseModel>, own: number, { pending, sync, elr }: Change): Uint8Array {
  const after = begin(move);
  after[CHANGES] = at(after, CHANGES) + 1;
  after[CATALOG_SYNC] = sync;
  after[CATALOG_ELR] = elr;
  after[own + PENDING] = pending;
  after[own + LAGS] = 1;
  after[own + NEXT_SYNC] = sync;
  after[own + NEXT_ELR] = elr;
  return after;
}

function learn(move: Move<LeaseModel>, primary: number): void {
  const { layout, broken } = move.model;
  const own = containerAt(layout, primary);
  if (at(move.before, own + LAGS) === 0) return;
  const after = begin(move);
  after[own + SYNC] = at(after, own + NEXT_SYNC);
  after[own + ELR] = at(after, own + NEXT_ELR);
  for (const field of [PENDING, PLUS, LAGS, NEXT_SYNC, NEXT_ELR]) after[own + field] = 0;
  const hasAsked = at(after, own + HAND_OVER) === ASKED;
  after[own + HAND_OVER] = hasAsked && broken.oldReleaseHonoured ? OLD_RELEASE : NOT_ASKED;
  move.emit(move, actionCode('learn', primary));
}

// ── A planned change of primary ───────────────────────────────────────────────────────────────────────────────────

function handOver(move: Move<LeaseModel>, primary: number): void {
  const { model, before } = move;
  const { layout, broken } = model;
  const own = containerAt(layout, primary);
  const state = at(before, own + HAND_OVER);
  if (state === NOT_ASKED && at(before, own + PENDING) === NO_CHANGE && isQuiet(move, primary)) {
    begin(move)[own + HAND_OVER] = ASKED;
    move.emit(move, actionCode('askHandOver', primary));
  }
  if (state === DECLINED) {
    begin(move)[own + HAND_OVER] = NOT_ASKED;
    move.emit(move, actionCode('resume', primary));
  }
  const isNewest = state === ASKED && at(before, own + LAGS) === 0;
  if (!isCurrent(model, before, primary) || (!isNewest && !(broken.oldReleaseHonoured && state === OLD_RELEASE)))
    return;
  for (let other = 0; other < layout.containers; other++) {
    if (other === primary || !isPromotable(move, other, at(before, CATALOG_SYNC))) continue;
    if (at(before, CATALOG_EPOCH) >= layout.epochMax) continue;
    promoteTo(move, other, {
      ...{ sync: at(before, CATALOG_SYNC), elr: at(before, CATALOG_ELR) },
      waits: mustWait(before),
    });
    move.emit(move, actionCode('handOver', primary, other));
  }
  if (state !== ASKED) return;
  begin(move)[own + HAND_OVER] = DECLINED;
  move.emit(move, actionCode('decline', primary));
}

/** Everything is decided, and acknowledged by all of S+. */
function isQuiet({ model, before }: Move<LeaseModel>, primary: number): boolean {
  const isAlone = at(before, containerAt(model.layout, primary) + SYNC) === bitOf(primary);
  return !isAlone && isCurrent(model, before, primary) && isAckedByAll(model, before, primary);
}

/** Promises to the primary before this one may still run. */
function mustWait(state: Uint8Array): boolean {
  return at(state, CATALOG_WAITS) === 1 && at(state, CATALOG_REIGN) > 0;
}

// ── Promotion ─────────────────────────────────────────────────────────────────────────────────────────────────────

function promote(move: Move<LeaseModel>): void {
  const { layout, broken } = move.model;
  const { before } = move;
  if (at(before, CATALOG_EPOCH) >= layout.epochMax || at(before, CATALOG_START) > 0) return;
  // By silence, when every lease that it was granted has run out.
  if (at(before, CATALOG_LEASE) === 0 || broken.noLeaseWait) promoteFromAny(move, true);
  // By proof of its death: the lease is not waited for.
  const primary = indexOf(at(before, CATALOG_PRIMARY));
  if (at(before, containerAt(layout, primary) + LIFE) === GONE && !mustWait(before)) promoteFromAny(move, false);
}

function promoteFromAny(move: Move<LeaseModel>, waits: boolean): void {
  const { model, before } = move;
  const { bounds } = model;
  const primary = at(before, CATALOG_PRIMARY);
  const sync = at(before, CATALOG_SYNC);
  const elr = at(before, CATALOG_ELR);
  const others = sync & ~primary;
  for (let chosen = 0; chosen < model.layout.containers; chosen++) {
    const bit = bitOf(chosen);
    if (isPromotable(move, chosen, others)) {
      // Who is silent leaves with the old primary: any of them may be.
      for (let stay = others; ; stay = (stay - 1) & others) {
        if ((stay & bit) !== 0) {
          const isBelow = countOf(stay) - 1 < bounds.minSync;
          promoteTo(move, chosen, { sync: stay, elr: isBelow ? running(move, elr | (sync & ~stay)) : 0, waits });
          move.emit(move, actionCode('promoteFromSync', chosen, stay, waits ? 1 : 0));
        }
        if (stay === 0) break;
      }
    }
    if (isPromotable(move, chosen, elr)) {
      promoteTo(move, chosen, { sync: bit, elr: running(move, (elr | sync) & ~bit), waits });
      move.emit(move, actionCode('promoteFromElr', chosen, 0, waits ? 1 : 0));
    }
  }
}

interface Promotion {
  readonly sync: number;
  readonly elr: number;
  readonly waits: boolean;
}

function promoteTo(move: Move<LeaseModel>, chosen: number, { sync, elr, waits }: Promotion): void {
  const after = begin(move);
  const epoch = at(after, CATALOG_EPOCH) + 1;
  after[CATALOG_EPOCH] = epoch;
  after[CATALOG_PRIMARY] = bitOf(chosen);
  after[CATALOG_SYNC] = sync;
  after[CATALOG_ELR] = elr;
  after[CATALOG_WAITS] = waits ? 1 : 0;
  after[CATALOG_REIGN] = waits ? move.model.bounds.lease : 0;
  // It may fall silent in this very moment, and no lease of its own epoch has been granted yet.
  after[CATALOG_LEASE] = 0;
  const push = pushAt(epoch);
  after[push + PUSH_PRIMARY] = bitOf(chosen);
  after[push + PUSH_SYNC] = sync;
  after[push + PUSH_ELR] = elr;
  after[push + PUSH_WAITS] = waits ? 1 : 0;
}

function isPromotable({ model, before }: Move<LeaseModel>, container: number, among: number): boolean {
  return (among & bitOf(container)) !== 0 && at(before, containerAt(model.layout, container) + LIFE) !== GONE;
}

/** Without those that can never come back. */
function running({ model, before }: Move<LeaseModel>, members: number): number {
  let left = members;
  for (let container = 0; container < model.layout.containers; container++) {
    if (at(before, containerAt(model.layout, container) + LIFE) === GONE) left &= ~bitOf(container);
  }
  return left;
}

function takeOver(move: Move<LeaseModel>, container: number): void {
  const { model, before } = move;
  const { layout } = model;
  const own = containerAt(layout, container);
  if (at(before, own + LIFE) !== AWAKE) return;
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) {
    const push = pushAt(epoch);
    if (at(before, push + PUSH_PRIMARY) !== bitOf(container) || at(before, own + EPOCH) >= epoch) continue;
    const after = begin(move);
    stopActing(model, after, own);
    after[own + EPOCH] = epoch;
    after[own + ROLE] = ACTS;
    after[own + SYNC] = at(before, push + PUSH_SYNC);
    after[own + ELR] = at(before, push + PUSH_ELR);
    after[own + GRANTS_END] = promisesToOlder(move, own, epoch);
    move.emit(move, actionCode('takeOver', container, epoch));
  }
}

/** L2: of a primary that is gone, or gave its lease back, what was promised to it counts no more. */
function promisesToOlder({ model, before }: Move<LeaseModel>, own: number, epoch: number): number {
  const older = at(before, own + PROMISED_BEFORE);
  const all = Math.max(at(before, own + PROMISED), older);
  if (at(before, pushAt(epoch) + PUSH_WAITS) === 1) return all;
  if (model.broken.noOlderGrantWait) return 0;
  return at(before, own + PROMISED_EPOCH) === epoch - 1 ? older : all;
}

function crash(move: Move<LeaseModel>, container: number): void {
  const { layout, bounds } = move.model;
  const own = containerAt(layout, container);
  if (at(move.before, CRASHES) >= bounds.crashes || at(move.before, own + LIFE) !== AWAKE) return;
  const after = begin(move);
  after[CRASHES] = at(after, CRASHES) + 1;
  after.fill(0, own, own + layout.containerBytes);
  after[own + LIFE] = GONE;
  move.emit(move, actionCode('crash', container));
}

function indexOf(bit: number): number {
  return 31 - Math.clz32(bit);
}
