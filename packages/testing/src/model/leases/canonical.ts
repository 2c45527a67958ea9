/**
 * States that differ only in what nobody can ever see are one state: what no action will read again is cleared, and containers
 * have no names (folding.ts). All sets are masks, so a renaming is one table for masks.
 */
import { mix, type Renaming } from '../folding.ts';
import type { LeaseModel } from './rules.ts';
import {
  ACTED,
  ACTS,
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
  ELR,
  EPOCH,
  FOLLOWS,
  GONE,
  GRANT,
  GRANTS_END,
  HAND_OVER,
  HELD_LEASE,
  IDLE,
  INDEX_READ,
  LAGS,
  type Layout,
  LIFE,
  NEXT_ELR,
  NEXT_SYNC,
  PENDING,
  PLUS,
  PROMISED,
  PROMISED_BEFORE,
  PROMISED_EPOCH,
  PUSH_BYTES,
  PUSH_ELR,
  PUSH_PRIMARY,
  PUSH_SYNC,
  pushAt,
  RESTARTS,
  ROLE,
  SYNC,
  VOTED,
} from './state.ts';

export function forget(model: LeaseModel, state: Uint8Array): void {
  const { layout } = model;
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) forgetPush(model, state, epoch);
  if (at(state, CATALOG_EPOCH) === layout.epochMax) forgetPromotions(model, state);
  if (at(state, CATALOG_WAITS) === 0 || at(state, CATALOG_REIGN) === 0) {
    state[CATALOG_WAITS] = 0;
    state[CATALOG_REIGN] = 0;
  }
  for (let container = 0; container < layout.containers; container++) {
    const own = containerAt(layout, container);
    forgetPromises(model, state, container);
    if (at(state, own + ROLE) === FOLLOWS && !hasPrimary(layout, state, at(state, own + EPOCH)))
      state[own + ROLE] = IDLE;
    if (at(state, own + ROLE) !== ACTS) continue;
    if (at(state, ACTED) <= at(state, own + EPOCH)) state[own + INDEX_READ] = 0;
    forgetVotes(model, state, own);
  }
}

/** No other primary is to come: what the catalog decides by, and faults that only it could make use of, are nothing any more. */
function forgetPromotions({ layout, bounds }: LeaseModel, state: Uint8Array): void {
  for (const field of [CATALOG_WAITS, CATALOG_REIGN, CATALOG_START, CATALOG_LEASE, CATALOG_ELR]) state[field] = 0;
  state[CRASHES] = bounds.crashes;
  state[RESTARTS] = bounds.restarts;
  if (at(state, ACTED) < layout.epochMax) return;
  // It has acted: what counts from now on are older ones that may read.
  state[CHANGES] = bounds.changes;
  state[CATALOG_SYNC] = 0;
  const newest = at(state, CATALOG_PRIMARY);
  for (let container = 0; container < layout.containers; container++) {
    const own = containerAt(layout, container);
    if (newest !== bitOf(container) || at(state, own + EPOCH) < layout.epochMax) continue;
    state.fill(0, own + ROLE, own + layout.containerBytes);
  }
}

/**
 * What was promised in an epoch counts apart only while the next one may be taken over by proof that its primary is gone. The
 * longer of two promises is what is waited for.
 */
function forgetPromises({ layout }: LeaseModel, state: Uint8Array, container: number): void {
  const own = containerAt(layout, container);
  if (at(state, CATALOG_EPOCH) === layout.epochMax && !isPromoted(layout, state, container)) {
    state.fill(0, own + PROMISED_EPOCH, own + PROMISED_BEFORE + 1);
    return;
  }
  const epoch = at(state, own + PROMISED_EPOCH);
  const promised = at(state, own + PROMISED);
  const before = at(state, own + PROMISED_BEFORE);
  const isApart =
    epoch === at(state, CATALOG_EPOCH) || at(state, pushAt(epoch + 1) + PUSH_PRIMARY) === bitOf(container);
  if (promised > before && isApart) return;
  state[own + PROMISED_EPOCH] = 0;
  state[own + PROMISED] = 0;
  state[own + PROMISED_BEFORE] = Math.max(promised, before);
}

function isPromoted(layout: Layout, state: Uint8Array, container: number): boolean {
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) {
    if (at(state, pushAt(epoch) + PUSH_PRIMARY) === bitOf(container)) return true;
  }
  return false;
}

/** Of one that has gone on to a later epoch, and is in no set that the primary knows or will hear of. */
function forgetVotes({ layout }: LeaseModel, state: Uint8Array, own: number): void {
  const members = at(state, own + SYNC) | at(state, own + PLUS) | at(state, own + NEXT_SYNC);
  for (let other = 0; other < layout.containers; other++) {
    const theirs = containerAt(layout, other);
    if ((members & bitOf(other)) !== 0) continue;
    if (at(state, theirs + EPOCH) <= at(state, own + EPOCH) && at(state, theirs + LIFE) !== GONE) continue;
    state[own + VOTED] = at(state, own + VOTED) & ~bitOf(other);
    state[own + GRANT + other] = 0;
  }
}

/** One that will never be obeyed. */
function forgetPush({ layout }: LeaseModel, state: Uint8Array, epoch: number): void {
  const push = pushAt(epoch);
  for (let container = 0; container < layout.containers; container++) {
    if (at(state, push + PUSH_PRIMARY) !== bitOf(container)) continue;
    const own = containerAt(layout, container);
    if (at(state, own + EPOCH) < epoch && at(state, own + LIFE) !== GONE) return;
  }
  state.fill(0, push, push + PUSH_BYTES);
}

function hasPrimary(layout: Layout, state: Uint8Array, epoch: number): boolean {
  for (let container = 0; container < layout.containers; container++) {
    const own = containerAt(layout, container);
    if (at(state, own + ROLE) === ACTS && at(state, own + EPOCH) === epoch) return true;
  }
  return false;
}

const CATALOG_MASKS = [CATALOG_PRIMARY, CATALOG_SYNC, CATALOG_ELR];
const PUSH_MASKS = [PUSH_PRIMARY, PUSH_SYNC, PUSH_ELR];
const MASKS = [SYNC, ELR, PLUS, VOTED, NEXT_SYNC, NEXT_ELR];
const SIGNED = [
  ...[EPOCH, ROLE, LIFE, PROMISED_EPOCH, PROMISED, PROMISED_BEFORE],
  ...[PENDING, HAND_OVER, LAGS, HELD_LEASE, GRANTS_END],
];

export function renamingOf(layout: Layout): Renaming {
  const masks = new Uint8Array(1 << layout.containers);
  return {
    count: layout.containers,
    bytes: layout.bytes,
    signature: (state, container) => signatureOf(layout, state, container),
    permute: (state, order, image) => {
      tabulate(order, masks);
      permute({ layout, order, masks }, state, image);
    },
  };
}

function signatureOf(layout: Layout, state: Uint8Array, container: number): number {
  const own = containerAt(layout, container);
  let signature = 0;
  for (const field of SIGNED) signature = mix(signature, at(state, own + field));
  for (const mask of CATALOG_MASKS) signature = mix(signature, (at(state, mask) >> container) & 1);
  for (let epoch = 2; epoch <= at(state, CATALOG_EPOCH); epoch++) {
    signature = mix(signature, (at(state, pushAt(epoch) + PUSH_PRIMARY) >> container) & 1);
  }
  return signature;
}

interface Names {
  readonly layout: Layout;
  readonly order: readonly number[];
  /** Of each mask, what it is with the new names. */
  readonly masks: Uint8Array;
}

function tabulate(order: readonly number[], masks: Uint8Array): void {
  for (let mask = 0; mask < masks.length; mask++) {
    let renamed = 0;
    for (let index = 0; index < order.length; index++) {
      if ((mask & bitOf(order[index] as number)) !== 0) renamed |= bitOf(index);
    }
    masks[mask] = renamed;
  }
}

function permute({ layout, order, masks }: Names, state: Uint8Array, image: Uint8Array): void {
  image.set(state);
  const rename = (index: number): void => {
    image[index] = at(masks, at(image, index));
  };
  for (const index of CATALOG_MASKS) rename(index);
  for (let epoch = 2; epoch <= layout.epochMax; epoch++) for (const field of PUSH_MASKS) rename(pushAt(epoch) + field);
  for (let container = 0; container < layout.containers; container++) {
    const from = containerAt(layout, order[container] as number);
    const to = containerAt(layout, container);
    for (let field = 0; field < GRANT; field++) image[to + field] = at(state, from + field);
    for (const field of MASKS) rename(to + field);
    const read = at(image, to + INDEX_READ);
    if (read > 1) image[to + INDEX_READ] = 1 | (at(masks, read >> 1) << 1);
    for (let other = 0; other < layout.containers; other++) {
      image[to + GRANT + other] = at(state, from + GRANT + (order[other] as number));
    }
  }
}
