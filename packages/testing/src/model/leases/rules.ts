/**
 * The guards of a primary: what its own state lets it read and decide. Each function is one rule of
 * docs/internals/replication.md and holds the switches that break it. A primary sees only itself.
 */
import { type Bounds, promiseOf } from './bounds.ts';
import { breaking, type LeaseBroken, type LeaseMutantName } from './mutants.ts';
import {
  ACTS,
  AWAKE,
  at,
  bitOf,
  CATALOG_EPOCH,
  CATALOG_PRIMARY,
  containerAt,
  countOf,
  ELR,
  EPOCH,
  EVICTION,
  FOLLOWS,
  GRANT,
  GRANTS_END,
  HAND_OVER,
  HELD_LEASE,
  type Layout,
  LIFE,
  layoutOf,
  NOT_ASKED,
  OLD_RELEASE,
  PENDING,
  PLUS,
  ROLE,
  SYNC,
  VOTED,
} from './state.ts';

export interface LeaseModel {
  readonly bounds: Bounds;
  readonly layout: Layout;
  readonly broken: LeaseBroken;
  /** How long a promise holds, in ticks. */
  readonly promise: number;
}

/** `mutant`: the rule to leave out. */
export function leaseModelOf(bounds: Bounds, mutant?: LeaseMutantName): LeaseModel {
  return { bounds, layout: layoutOf(bounds), broken: breaking(mutant), promise: promiseOf(bounds) };
}

export function isActing({ layout }: LeaseModel, state: Uint8Array, container: number): boolean {
  const own = containerAt(layout, container);
  return at(state, own + ROLE) === ACTS && at(state, own + LIFE) === AWAKE;
}

/** Whether it is still what the catalog says. */
export function isCurrent({ layout }: LeaseModel, state: Uint8Array, primary: number): boolean {
  const epoch = at(state, containerAt(layout, primary) + EPOCH);
  return epoch === at(state, CATALOG_EPOCH) && bitOf(primary) === at(state, CATALOG_PRIMARY);
}

/** Whether `container` runs, and follows the primary of `epoch`. */
export function isFollowing({ layout }: LeaseModel, state: Uint8Array, container: number, epoch: number): boolean {
  const own = containerAt(layout, container);
  if (at(state, own + LIFE) !== AWAKE || at(state, own + ROLE) !== FOLLOWS) return false;
  return at(state, own + EPOCH) === epoch;
}

/** S+ without the primary itself. */
export function ackersOf({ layout }: LeaseModel, state: Uint8Array, primary: number): number {
  const own = containerAt(layout, primary);
  return (at(state, own + SYNC) & ~bitOf(primary)) | at(state, own + PLUS);
}

/** L2. */
export function grantsHaveEnded({ broken }: LeaseModel, state: Uint8Array, own: number): boolean {
  return at(state, own + GRANTS_END) === 0 || broken.noGrantWait;
}

/** Since it has asked for its successor, until it hears of a newer configuration, or that it is to go on. */
export function hasHandedOver(state: Uint8Array, own: number): boolean {
  const handOver = at(state, own + HAND_OVER);
  return handOver !== NOT_ASKED && handOver !== OLD_RELEASE;
}

/** L1. */
export function mayRead(model: LeaseModel, state: Uint8Array, primary: number): boolean {
  const { layout, broken } = model;
  const own = containerAt(layout, primary);
  if (broken.readWithoutLease) return true;
  if (!grantsHaveEnded(model, state, own)) return false;
  if (hasHandedOver(state, own) && !broken.handOverReadsOn) return false;
  if (at(state, own + HELD_LEASE) > 0) return true;
  if (at(state, own + ELR) !== 0 && !broken.grantsDespiteEligible) return false;
  const ackers = ackersOf(model, state, primary) & (broken.candidateUnasked ? ~at(state, own + PLUS) : -1);
  if (ackers === 0) return false;
  const granting = grantingOf(model, state, primary) & ackers;
  return broken.oneGrantIsEnough ? granting !== 0 : granting === ackers;
}

/** Whose promises the primary holds. */
function grantingOf({ layout }: LeaseModel, state: Uint8Array, primary: number): number {
  const own = containerAt(layout, primary);
  let granting = 0;
  for (let other = 0; other < layout.containers; other++) {
    if (at(state, own + GRANT + other) > 0) granting |= bitOf(other);
  }
  return granting & at(state, own + VOTED);
}

/** D1. */
export function canDecide(model: LeaseModel, state: Uint8Array, primary: number): boolean {
  const { layout, bounds } = model;
  const own = containerAt(layout, primary);
  if (!grantsHaveEnded(model, state, own) || hasHandedOver(state, own)) return false;
  const replicaCount = countOf(at(state, own + SYNC)) - 1;
  if (at(state, own + PENDING) === EVICTION || replicaCount < bounds.minSync) return false;
  if (replicaCount === 0 && at(state, own + HELD_LEASE) === 0) return false;
  return isAckedByAll(model, state, primary);
}

export function isAckedByAll(model: LeaseModel, state: Uint8Array, primary: number): boolean {
  const ackers = ackersOf(model, state, primary);
  return (at(state, containerAt(model.layout, primary) + VOTED) & ackers) === ackers;
}

/** Where somebody outside of S+ could have been promoted, the catalog must say that the epoch holds (read-index.ts). */
export function needsCatalog(model: LeaseModel, state: Uint8Array, primary: number): boolean {
  const own = containerAt(model.layout, primary);
  return ackersOf(model, state, primary) === 0 || at(state, own + ELR) !== 0;
}
