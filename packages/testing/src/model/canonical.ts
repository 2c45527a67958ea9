/**
 * States that differ only in what nobody can ever see are one state.
 *
 * Two things are folded. `forget` clears, in the state itself, what no action will read again: the log of an epoch that no
 * process acts in and none can still join, a push to a process that is gone, epochs of attempts that bind nobody any more.
 * `renamingOf` says how replicas are given other names (folding.ts): nothing in the rules depends on a replica's name, the
 * first primary's included, so a state and its image under any permutation have equal futures.
 */
import { mix, type Renaming } from './folding.ts';
import { isCurrent, type Model } from './rules.ts';
import {
  ACTING,
  ADD_ASKED,
  at,
  CANDIDATE,
  CATALOG_EPOCH,
  CATALOG_MEMBERS,
  CATALOG_PRIMARY,
  CHANGES,
  DECIDED_BYTES,
  EPOCH,
  EPOCH_PRIMARY,
  EPOCH_STATUS,
  ESTABLISHED,
  EVICT_ASKED,
  epochAt,
  FIRST_ATTEMPT,
  FIRST_SYNC,
  type Layout,
  MEMBERS,
  NO_REQUEST,
  NO_TARGET,
  pushedMembersAt,
  REQUEST,
  REQUEST_KEEP,
  REQUEST_TARGET,
  RETRIES,
  ROLLED_BACK,
  replicaAt,
  SECOND_ATTEMPT,
  SOME_EPOCH,
  transactionAt,
  WAITING,
} from './state.ts';
import { actingPrimaryOf } from './step.ts';

/** Clears what nothing will read again. */
export function forget(model: Model, state: Uint8Array): void {
  const { layout } = model;
  let isOlderPushWaiting = false;
  for (let epoch = 1; epoch <= at(state, CATALOG_EPOCH); epoch++) {
    const epochIndex = epochAt(layout, epoch);
    const status = at(state, epochIndex + EPOCH_STATUS);
    if (status === ESTABLISHED && isUnreachable(model, state, epoch)) {
      state.fill(0, epochIndex, epochIndex + layout.epochBytes);
    }
    if (status === WAITING) {
      const promoted = replicaAt(layout, at(state, epochIndex + EPOCH_PRIMARY));
      if (at(state, promoted + EPOCH) >= epoch) state.fill(0, epochIndex, epochIndex + layout.epochBytes);
      else if (epoch < at(state, CATALOG_EPOCH)) isOlderPushWaiting = true;
    }
  }
  forgetAttempts(model, state);
  forgetRequests(model, state);
  if (isOlderPushWaiting) return;
  // In which epoch a record was decided matters only to one who may still take over an older one.
  for (let index = layout.decidedAt; index < layout.decidedAt + layout.lsnMax * DECIDED_BYTES; index += DECIDED_BYTES) {
    if (at(state, index) !== 0) state[index + 1] = (at(state, index + 1) & ~7) | 1;
  }
}

/** Nobody acts in the epoch, nobody is in it, and nobody who may have unread bytes of it is still below. */
function isUnreachable(model: Model, state: Uint8Array, epoch: number): boolean {
  const { layout } = model;
  for (let replica = 0; replica < layout.replicas; replica++) {
    const own = at(state, replicaAt(layout, replica) + EPOCH);
    if (own > 0 && own <= epoch) return false;
  }
  return actingPrimaryOf(model, state, epoch) < 0;
}

function forgetAttempts({ layout, bounds }: Model, state: Uint8Array): void {
  const areRetriesGone = at(state, RETRIES) >= bounds.retries;
  for (let transaction = 0; transaction < layout.transactions; transaction++) {
    const index = transactionAt(layout, transaction);
    const isRolledBack = at(state, index + ROLLED_BACK) === 1;
    if (at(state, index + FIRST_ATTEMPT) === 0) continue;
    if (areRetriesGone || isRolledBack || at(state, index + SECOND_ATTEMPT) !== 0) {
      state[index + FIRST_ATTEMPT] = SOME_EPOCH;
      if (isRolledBack && at(state, index + SECOND_ATTEMPT) !== 0) state[index + SECOND_ATTEMPT] = SOME_EPOCH;
    }
  }
}

/** Of a request that will never be accepted, only that it freezes its primary. */
function forgetRequests(model: Model, state: Uint8Array): void {
  const { layout, bounds, broken } = model;
  for (let primary = 0; primary < layout.replicas; primary++) {
    const index = replicaAt(layout, primary);
    const request = at(state, index + REQUEST);
    if (request !== EVICT_ASKED && request !== ADD_ASKED) continue;
    if (at(state, CHANGES) < bounds.changes && isCurrent(model, state, primary)) continue;
    if (request === EVICT_ASKED && broken.evictNotConfirmed) continue;
    if (request === ADD_ASKED) state[index + REQUEST] = NO_REQUEST;
    state[index + REQUEST_TARGET] = request === ADD_ASKED ? 0 : NO_TARGET;
    state[index + REQUEST_KEEP] = 0;
  }
}

export function renamingOf(layout: Layout): Renaming {
  const inverse = Array.from({ length: layout.replicas }, () => 0);
  return {
    count: layout.replicas,
    bytes: layout.bytes,
    signature: (state, replica) => signatureOf(layout, state, replica),
    permute: (state, order, image) => permute({ layout, order, inverse }, state, image),
  };
}

/** What can be said of a replica without naming one. */
function signatureOf(layout: Layout, state: Uint8Array, replica: number): number {
  const own = replicaAt(layout, replica);
  let signature = at(state, CATALOG_MEMBERS + replica) * 2 + (at(state, CATALOG_PRIMARY) === replica ? 1 : 0);
  for (let field = 0; field < REQUEST_TARGET; field++) signature = mix(signature, at(state, own + field));
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) {
    const isPromoted = at(state, epochAt(layout, epoch) + EPOCH_STATUS) === WAITING;
    const isThis = isPromoted && at(state, epochAt(layout, epoch) + EPOCH_PRIMARY) === replica;
    signature = mix(signature, at(state, pushedMembersAt(layout, epoch) + replica) * 2 + (isThis ? 1 : 0));
  }
  // A sum, because the other primaries come in the order of their names.
  let views = 0;
  for (let primary = 0; primary < layout.replicas; primary++) {
    const index = replicaAt(layout, primary);
    if (at(state, index + ACTING) === 0) continue;
    let view = mix(at(state, index + EPOCH), primary === replica ? 1 : 0);
    for (let table = 0; table < 3; table++) {
      view = mix(view, at(state, index + MEMBERS + table * layout.replicas + replica));
    }
    const isTarget = at(state, index + REQUEST) !== NO_REQUEST && at(state, index + REQUEST_TARGET) === replica;
    view = mix(view, (isTarget ? 2 : 0) + (at(state, index + CANDIDATE) === replica + 1 ? 1 : 0));
    views = (views + view) | 0;
  }
  return mix(signature, views);
}

interface Names {
  readonly layout: Layout;
  readonly order: readonly number[];
  /** Filled in by `permute`. */
  readonly inverse: number[];
}

function permute(names: Names, state: Uint8Array, image: Uint8Array): void {
  const { layout, order, inverse } = names;
  const { replicas } = layout;
  for (let index = 0; index < replicas; index++) inverse[order[index] as number] = index;
  image.set(state);
  image[CATALOG_PRIMARY] = inverse[at(state, CATALOG_PRIMARY)] as number;
  for (let index = 0; index < replicas; index++) {
    image[CATALOG_MEMBERS + index] = at(state, CATALOG_MEMBERS + (order[index] as number));
  }
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) {
    const epochIndex = epochAt(layout, epoch);
    if (at(state, epochIndex + EPOCH_STATUS) !== WAITING) continue;
    image[epochIndex + EPOCH_PRIMARY] = inverse[at(state, epochIndex + EPOCH_PRIMARY)] as number;
    const members = pushedMembersAt(layout, epoch);
    for (let index = 0; index < replicas; index++) {
      image[members + index] = at(state, members + (order[index] as number));
    }
  }
  for (let index = 0; index < replicas; index++) permuteReplica(names, index, state, image);
}

function permuteReplica({ layout, order, inverse }: Names, index: number, state: Uint8Array, image: Uint8Array): void {
  const { replicas } = layout;
  const from = replicaAt(layout, order[index] as number);
  const to = replicaAt(layout, index);
  for (let field = 0; field < MEMBERS; field++) image[to + field] = at(state, from + field);
  if (at(state, from + ACTING) === 0) {
    image.fill(0, to + ACTING, to + layout.replicaBytes);
    return;
  }
  const target = at(state, from + REQUEST_TARGET);
  const hasTarget = at(state, from + REQUEST) !== NO_REQUEST && target !== NO_TARGET;
  if (hasTarget) image[to + REQUEST_TARGET] = inverse[target] as number;
  const candidate = at(state, from + CANDIDATE);
  if (candidate > 0) image[to + CANDIDATE] = (inverse[candidate - 1] as number) + 1;
  let firstSync = 0;
  for (let other = 0; other < replicas; other++) {
    const named = order[other] as number;
    if ((at(state, from + FIRST_SYNC) & (1 << named)) !== 0) firstSync |= 1 << other;
    for (let table = 0; table < 3; table++) {
      image[to + MEMBERS + table * replicas + other] = at(state, from + MEMBERS + table * replicas + named);
    }
  }
  image[to + FIRST_SYNC] = firstSync;
}
