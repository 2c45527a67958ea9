/**
 * States that differ only in what nobody can ever see are one state.
 *
 * Two things are folded. `forget` clears, in the state itself, what no action will read again: the log of an epoch that no
 * process acts in and none can still join, a push to a process that is gone, epochs of attempts that bind nobody any more.
 * `Folding` orders the replicas: nothing in the rules depends on a replica's name, the first primary's included, so a state
 * and its image under any permutation have equal futures. The fingerprint is that of one image, chosen without regard to
 * names: replicas are sorted by a signature that any renaming leaves as it is, and where signatures are equal, all orders
 * are tried and the smallest fingerprint is taken. (A signature that tells too little costs time, never a state.)
 */
import type { Fingerprint } from './fingerprints.ts';
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

/** Computes fingerprints; holds the buffers that this takes. */
export class Folding {
  readonly #layout: Layout;
  readonly #image: Uint8Array;
  readonly #words: Int32Array;
  readonly #signatures: Int32Array;
  readonly #order: number[];
  readonly #inverse: number[];
  #high = 0;
  #low = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
    const buffer = new ArrayBuffer(layout.bytes);
    this.#image = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#signatures = new Int32Array(layout.replicas);
    this.#order = Array.from({ length: layout.replicas }, () => 0);
    this.#inverse = Array.from({ length: layout.replicas }, () => 0);
  }

  /** Of the state as it is: no two replicas are taken for each other. */
  plain(state: Uint8Array, into: Fingerprint): void {
    this.#image.set(state);
    this.#hash();
    into.high = this.#high;
    into.low = this.#low;
  }

  /** Equal for all renamings of one state. */
  folded(state: Uint8Array, into: Fingerprint): void {
    const { replicas } = this.#layout;
    for (let replica = 0; replica < replicas; replica++) {
      this.#order[replica] = replica;
      this.#signatures[replica] = this.#signature(state, replica);
    }
    this.#sortOrder();
    into.high = 0xffffffff;
    into.low = 0xffffffff;
    this.#tryOrders(state, 0, into);
  }

  /** By insertion: for three numbers a call of `sort` costs more than all the rest. */
  #sortOrder(): void {
    const order = this.#order;
    for (let index = 1; index < order.length; index++) {
      const replica = order[index] as number;
      const signature = this.#signatures[replica] as number;
      let place = index;
      while (place > 0 && (this.#signatures[order[place - 1] as number] as number) > signature) {
        order[place] = order[place - 1] as number;
        place--;
      }
      order[place] = replica;
    }
  }

  /** All orders that keep the signatures sorted, from position `from` on. */
  #tryOrders(state: Uint8Array, from: number, into: Fingerprint): void {
    const order = this.#order;
    if (from >= order.length - 1) {
      this.permute(state, order, this.#image);
      this.#hash();
      if (this.#high < into.high || (this.#high === into.high && this.#low < into.low)) {
        into.high = this.#high;
        into.low = this.#low;
      }
      return;
    }
    const first = order[from] as number;
    for (let other = from; other < order.length; other++) {
      const chosen = order[other] as number;
      if (this.#signatures[chosen] !== this.#signatures[first]) break;
      order[other] = first;
      order[from] = chosen;
      this.#tryOrders(state, from + 1, into);
      order[from] = first;
      order[other] = chosen;
    }
  }

  /** What can be said of a replica without naming one. */
  #signature(state: Uint8Array, replica: number): number {
    const layout = this.#layout;
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

  /** The same state with other names: the replica that becomes number i is `order[i]`. */
  permute(state: Uint8Array, order: readonly number[], image: Uint8Array): void {
    const layout = this.#layout;
    const { replicas } = layout;
    const inverse = this.#inverse;
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
    for (let index = 0; index < replicas; index++) this.#permuteReplica(state, order, index, image);
  }

  #permuteReplica(state: Uint8Array, order: readonly number[], index: number, image: Uint8Array): void {
    const layout = this.#layout;
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
    if (hasTarget) image[to + REQUEST_TARGET] = this.#inverse[target] as number;
    const candidate = at(state, from + CANDIDATE);
    if (candidate > 0) image[to + CANDIDATE] = (this.#inverse[candidate - 1] as number) + 1;
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

  #hash(): void {
    let high = 0x9e3779b9;
    let low = 0x85ebca6b;
    const words = this.#words;
    for (let index = 0; index < words.length; index++) {
      const word = words[index] as number;
      high = Math.imul(high ^ word, 0xcc9e2d51);
      high = (high << 15) | (high >>> 17);
      low = Math.imul(low ^ word, 0x1b873593) + 0x52dce729;
      low ^= low >>> 13;
    }
    high = Math.imul(high ^ (high >>> 16) ^ low, 0x85ebca6b);
    low = Math.imul(low ^ (low >>> 15) ^ high, 0xc2b2ae35);
    this.#high = (high ^ (high >>> 13)) >>> 0;
    this.#low = (low ^ (low >>> 16)) >>> 0;
  }
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
