/**
 * One state of one partition, as far as leases are concerned: the catalog, and each container as a replica and as a primary.
 * Logs are not here. Sets of containers are masks; whoever is named alone is a mask of one bit, so that containers
 * can be given other names by one table.
 *
 * Time is what is left: each lease and each promise is the number of ticks that it still holds, by its owner's clock, and a
 * tick takes one from all of them. No state says what time it is, so the space is finite although time is not.
 */
import { type Bounds, checkBounds } from './bounds.ts';

/** The catalog. */
export const CATALOG_EPOCH = 0;
export const CATALOG_PRIMARY = 1;
export const CATALOG_SYNC = 2;
export const CATALOG_ELR = 3;
/** `waitGrants` of its configuration: whoever is primary waits out all of its promises. */
export const CATALOG_WAITS = 4;
/** What is left, at the catalog, of the leases that it granted to the primary. */
export const CATALOG_LEASE = 5;
/** Until the primary has reigned for as long as a lease; a catalog that starts takes it for long past. */
export const CATALOG_REIGN = 6;
/** What is left of the wait of K1. */
export const CATALOG_START = 7;
/** The highest epoch whose primary has read or decided anything. */
export const ACTED = 8;
export const CHANGES = 9;
export const CRASHES = 10;
export const SLEEPS = 11;
export const RESTARTS = 12;
/** Per epoch from 2 on, the configuration on its way to a primary that has not taken over yet; zero: none. */
export const PUSHES = 13;
export const PUSH_PRIMARY = 0;
export const PUSH_SYNC = 1;
export const PUSH_ELR = 2;
export const PUSH_WAITS = 3;
export const PUSH_BYTES = 4;

/** A container: its life and its epoch, what it has promised, and, if it acts, what it has as a primary. */
export const EPOCH = 0;
export const ROLE = 1;
export const LIFE = 2;
/** In which epoch it promised last, what is left of that, and of what it promised in earlier epochs. */
export const PROMISED_EPOCH = 3;
export const PROMISED = 4;
export const PROMISED_BEFORE = 5;
/** S and ELR, as far as the primary has heard. */
export const SYNC = 6;
export const ELR = 7;
/** The candidate in S+. */
export const PLUS = 8;
/** Who has acknowledged in this epoch. */
export const VOTED = 9;
/** The change of S that the catalog has accepted, of which the primary has not heard. */
export const PENDING = 10;
export const HAND_OVER = 11;
/** The catalog has a newer configuration of this epoch, of the members that follow. */
export const LAGS = 12;
export const NEXT_SYNC = 13;
export const NEXT_ELR = 14;
/** What is left of the best lease that an answer of the catalog gave (time.ts). */
export const HELD_LEASE = 15;
/** What is left of its own promises to older primaries (L2). */
export const GRANTS_END = 16;
/** A read without a lease that arrived when a newer primary had acted: 0 none, else 1 + 2 * who has answered since. */
export const INDEX_READ = 17;
/** Per container, what is left of the best promise that it gave to this primary. */
export const GRANT = 18;

/** Roles. */
export const IDLE = 0;
/** Opened by the primary of its epoch. */
export const FOLLOWS = 1;
export const ACTS = 2;

/** Lives. */
export const AWAKE = 0;
export const ASLEEP = 1;
export const GONE = 2;

/** Of PENDING. */
export const NO_CHANGE = 0;
export const EVICTION = 1;
export const ADDITION = 2;

/** Of HAND_OVER. */
export const NOT_ASKED = 0;
export const ASKED = 1;
/** By the catalog; the answer is on its way. */
export const DECLINED = 2;
/** Only where an old release is honoured: the primary goes on, and its question is still on its way. */
export const OLD_RELEASE = 3;

export interface Layout {
  readonly containers: number;
  readonly epochMax: number;
  readonly containersAt: number;
  readonly containerBytes: number;
  /** A multiple of 4, so that it hashes by words. */
  readonly bytes: number;
}

export function layoutOf(bounds: Bounds): Layout {
  checkBounds(bounds);
  const { containers } = bounds;
  const epochMax = 1 + bounds.promotions;
  const containersAt = PUSHES + bounds.promotions * PUSH_BYTES;
  const containerBytes = GRANT + containers;
  const bytes = Math.ceil((containersAt + containers * containerBytes) / 4) * 4;
  return { containers, epochMax, containersAt, containerBytes, bytes };
}

export function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

export function containerAt(layout: Layout, container: number): number {
  return layout.containersAt + container * layout.containerBytes;
}

/** Where the configuration that begins `epoch` (from 2) waits for its primary. */
export function pushAt(epoch: number): number {
  return PUSHES + (epoch - 2) * PUSH_BYTES;
}

export function bitOf(container: number): number {
  return 1 << container;
}

/** How many a mask names. */
export function countOf(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Container 0 is primary of epoch 1, 1 is its replica in sync, the others may come to be; nobody has promised anything. */
export function firstState(layout: Layout): Uint8Array {
  const state = new Uint8Array(layout.bytes);
  const both = bitOf(0) | bitOf(1);
  state[CATALOG_EPOCH] = 1;
  state[CATALOG_PRIMARY] = bitOf(0);
  state[CATALOG_SYNC] = both;
  const primary = containerAt(layout, 0);
  state[primary + EPOCH] = 1;
  state[primary + ROLE] = ACTS;
  state[primary + SYNC] = both;
  state[primary + VOTED] = bitOf(1);
  const replica = containerAt(layout, 1);
  state[replica + EPOCH] = 1;
  state[replica + ROLE] = FOLLOWS;
  return state;
}
