/** What a primary does by itself, and with those who follow it: it reads, decides, opens followers and has them promise. */
import { begin, type Move, violate } from '../breadth-first.ts';
import { actionCode } from './actions.ts';
import {
  ackersOf,
  canDecide,
  grantsHaveEnded,
  hasHandedOver,
  isCurrent,
  isFollowing,
  type LeaseModel,
  mayRead,
  needsCatalog,
} from './rules.ts';
import {
  ACTED,
  ACTS,
  AWAKE,
  at,
  bitOf,
  CATALOG_EPOCH,
  CATALOG_LEASE,
  containerAt,
  EPOCH,
  FOLLOWS,
  GRANT,
  HELD_LEASE,
  INDEX_READ,
  LIFE,
  PROMISED,
  PROMISED_BEFORE,
  PROMISED_EPOCH,
  ROLE,
  VOTED,
} from './state.ts';

export function expandPrimary(move: Move<LeaseModel>, primary: number): void {
  act(move, primary);
  readWithoutLease(move, primary);
  heartbeat(move, primary);
  for (let other = 0; other < move.model.layout.containers; other++) {
    if (other === primary) continue;
    open(move, primary, other);
    promise(move, primary, other);
    tellFresh(move, primary, other);
  }
}

/** I-LEASE: a primary that reads is the newest that has read or decided anything. */
function act(move: Move<LeaseModel>, primary: number): void {
  const { model, before } = move;
  const epoch = at(before, containerAt(model.layout, primary) + EPOCH);
  const acted = at(before, ACTED);
  if (acted !== epoch && mayRead(model, before, primary)) {
    const after = begin(move);
    if (acted > epoch)
      violate(move, `I-LEASE: the primary of epoch ${epoch} reads after that of epoch ${acted} has acted`);
    after[ACTED] = Math.max(acted, epoch);
    move.emit(move, actionCode('read', primary));
  }
  if (acted < epoch && canDecide(model, before, primary)) {
    begin(move)[ACTED] = epoch;
    move.emit(move, actionCode('decide', primary));
  }
}

/**
 * A read that rests on no clock. Of the newest primary it is one step, for nothing is won by waiting. Of a deposed one only those
 * count that arrive when a newer one has acted: answering them is what must not be.
 */
function readWithoutLease(move: Move<LeaseModel>, primary: number): void {
  const { model, before } = move;
  const { layout, broken } = model;
  const own = containerAt(layout, primary);
  const epoch = at(before, own + EPOCH);
  const acted = at(before, ACTED);
  if (acted === epoch || !grantsHaveEnded(model, before, own) || hasHandedOver(before, own)) return;
  if (acted < epoch) {
    if (!broken.readIndexAlone && !isEpochHeld(move, primary)) return;
    begin(move)[ACTED] = epoch;
    move.emit(move, actionCode('readIndex', primary));
    return;
  }
  const read = at(before, own + INDEX_READ);
  if (read === 0) {
    begin(move)[own + INDEX_READ] = 1;
    move.emit(move, actionCode('readArrives', primary));
    return;
  }
  const acked = read >> 1;
  for (let other = 0; other < layout.containers; other++) {
    if (other === primary || (acked & bitOf(other)) !== 0 || !isFollowing(model, before, other, epoch)) continue;
    begin(move)[own + INDEX_READ] = read | (bitOf(other) << 1);
    move.emit(move, actionCode('epochAck', primary, other));
  }
  // The catalog has a newer epoch: it acknowledges nothing any more.
  const ackers = ackersOf(model, before, primary);
  const isAcked = !needsCatalog(model, before, primary) && (acked & ackers) === ackers;
  if (!isAcked && !broken.readIndexAlone) return;
  begin(move);
  violate(
    move,
    `I-LEASE: the primary of epoch ${epoch} answers a read that came after that of epoch ${acted} had acted`,
  );
  move.emit(move, actionCode('answerRead', primary));
}

/** All of S+ follow it now, and the catalog says so where it must. */
function isEpochHeld({ model, before }: Move<LeaseModel>, primary: number): boolean {
  const epoch = at(before, containerAt(model.layout, primary) + EPOCH);
  const ackers = ackersOf(model, before, primary);
  for (let other = 0; other < model.layout.containers; other++) {
    if ((ackers & bitOf(other)) !== 0 && !isFollowing(model, before, other, epoch)) return false;
  }
  return !needsCatalog(model, before, primary) || isCurrent(model, before, primary);
}

/** K3: the catalog renews the lease of its primary, and of nobody else. */
function heartbeat(move: Move<LeaseModel>, primary: number): void {
  const { model, before } = move;
  const own = containerAt(model.layout, primary);
  const { lease } = model.bounds;
  if (isCurrent(model, before, primary)) {
    const after = begin(move);
    after[own + HELD_LEASE] = lease;
    after[CATALOG_LEASE] = lease;
    move.emit(move, actionCode('heartbeat', primary));
  } else if (model.broken.ackAfterPromotion && at(before, own + EPOCH) === at(before, CATALOG_EPOCH) - 1) {
    begin(move)[own + HELD_LEASE] = lease;
    move.emit(move, actionCode('heartbeat', primary));
  }
}

/** N2; its acknowledgement comes in the same step, for it only enables. An older primary is told nothing by it. */
function open(move: Move<LeaseModel>, primary: number, other: number): void {
  const { model, before } = move;
  const { layout } = model;
  const own = containerAt(layout, primary);
  const theirs = containerAt(layout, other);
  const epoch = at(before, own + EPOCH);
  if (at(before, theirs + LIFE) !== AWAKE) return;
  const isIdleHere = at(before, theirs + EPOCH) === epoch && at(before, theirs + ROLE) !== ACTS;
  const isOpen = at(before, theirs + ROLE) === FOLLOWS && (at(before, own + VOTED) & bitOf(other)) !== 0;
  if (at(before, theirs + EPOCH) > epoch || (at(before, theirs + EPOCH) === epoch && (!isIdleHere || isOpen))) return;
  const after = begin(move);
  if (at(before, theirs + ROLE) === ACTS) stopActing(model, after, theirs);
  after[theirs + EPOCH] = epoch;
  after[theirs + ROLE] = FOLLOWS;
  after[own + VOTED] = at(before, own + VOTED) | bitOf(other);
  move.emit(move, actionCode('open', primary, other));
}

/** Everything that only a primary has. */
export function stopActing({ layout }: LeaseModel, state: Uint8Array, own: number): void {
  state.fill(0, own + PROMISED_BEFORE + 1, own + layout.containerBytes);
}

/** The follower's promise and the primary's hold on it begin together. */
function promise(move: Move<LeaseModel>, primary: number, other: number): void {
  const { model, before } = move;
  const { layout } = model;
  const own = containerAt(layout, primary);
  const epoch = at(before, own + EPOCH);
  if ((ackersOf(model, before, primary) & bitOf(other)) === 0 || !isFollowing(model, before, other, epoch)) return;
  const after = begin(move);
  const theirs = containerAt(layout, other);
  if (at(before, theirs + PROMISED_EPOCH) !== epoch) {
    after[theirs + PROMISED_BEFORE] = Math.max(at(before, theirs + PROMISED), at(before, theirs + PROMISED_BEFORE));
    after[theirs + PROMISED_EPOCH] = epoch;
  }
  after[theirs + PROMISED] = model.promise;
  after[own + GRANT + other] = model.promise;
  move.emit(move, actionCode('promise', primary, other));
}

/** A replica that is told so takes what it has for as fresh as its question. */
function tellFresh(move: Move<LeaseModel>, primary: number, other: number): void {
  const { model, before } = move;
  const epoch = at(before, containerAt(model.layout, primary) + EPOCH);
  const acted = at(before, ACTED);
  if (acted <= epoch || !isFollowing(model, before, other, epoch)) return;
  if (!model.broken.freshWithoutLease && !mayRead(model, before, primary)) return;
  begin(move);
  violate(move, `I-LEASE: the primary of epoch ${epoch} calls a replica fresh after that of epoch ${acted} has acted`);
  move.emit(move, actionCode('tellFresh', primary, other));
}
