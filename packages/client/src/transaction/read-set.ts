/**
 * What a transaction has read and locked. How a key is read is its map's strategy:
 *
 * - optimistic: as it is at the primary; its version is checked at the commit, and a second look finds the same.
 * - pessimistic: under a lock that is kept to the end; checked too, for what has expired was not stopped by a lock.
 * - none: as it is at the primary, each time anew, and nothing is checked.
 */
import {
  GridError,
  LIMITS,
  type LockMode,
  type MapId,
  must,
  type RangeCheck,
  type ReadCheck,
  type ReadEntry,
} from '@ostraca/core';
import { LINEARIZABLE } from '../read-modes.ts';
import type { MapPlace } from '../routes.ts';
import type { Transaction } from './transaction.ts';

/** How much is wanted of keys. */
export interface ReadNeed {
  /** Of a pessimistic map, and the weakest that will do when it is held already. */
  readonly mode: LockMode;
  readonly enough: LockMode;
  readonly withValues: boolean;
  /** False: only the lock matters, and what it shows is not checked. */
  readonly isRead: boolean;
}

interface KnownKey {
  readonly id: string;
  readonly bytes: Uint8Array;
  lock: LockMode | undefined;
  entry: ReadEntry | undefined;
  hasValue: boolean;
  /** On its way. */
  reading: { readonly need: ReadNeed; readonly over: Promise<void> } | undefined;
}

const RANK = { shared: 1, upgradable: 2, exclusive: 3 } as const;

export class ReadSet {
  readonly #transaction: Transaction;
  readonly #keys = new Map<MapId, Map<string, KnownKey>>();
  readonly #ranges = new Map<MapId, RangeCheck>();
  readonly #mapLocks = new Map<MapId, LockMode>();
  #count = 0;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  /** One entry for each key, in their order. */
  async read({ map }: MapPlace, keys: readonly Uint8Array[], need: ReadNeed): Promise<ReadEntry[]> {
    if (map.lockStrategy === 'none') return this.#fetch(map.id, keys, { ...need, isRead: false, isPessimistic: false });
    const known = keys.map((bytes) => this.#knownOf(map.id, bytes));
    const isPessimistic = map.lockStrategy === 'pessimistic';
    await this.#get(map.id, known, { ...need, isPessimistic });
    return known.map(({ entry }) => must(entry, 'a key that was read has an entry'));
  }

  /** Of a pessimistic map: so that it can be written. With an upgradable lock the commit raises it. */
  async lockToWrite({ map }: MapPlace, keys: readonly Uint8Array[]): Promise<void> {
    if (map.lockStrategy !== 'pessimistic' || this.#mapLocks.get(map.id) === 'exclusive') return;
    await this.lock(map.id, keys, { mode: 'exclusive', enough: 'upgradable' });
  }

  /** Of a pessimistic map. */
  async lock(map: MapId, keys: readonly Uint8Array[], modes: Pick<ReadNeed, 'mode' | 'enough'>): Promise<void> {
    const known = keys.map((bytes) => this.#knownOf(map, bytes));
    await this.#get(map, known, { ...modes, withValues: false, isRead: false, isPessimistic: true });
  }

  /** Before a whole pessimistic map is read, or emptied. */
  async lockMap({ map }: MapPlace, mode: 'shared' | 'exclusive'): Promise<void> {
    if (map.lockStrategy !== 'pessimistic') return;
    const held = this.#mapLocks.get(map.id);
    if (held !== undefined && RANK[held] >= RANK[mode]) return;
    await this.#transaction.lock(map.id, mode, { keys: [], withoutValues: true });
    this.#mapLocks.set(map.id, mode);
  }

  /** A whole map was read: what was first seen of it must still be so. */
  noteRange({ map }: MapPlace, { lsn, clockMs }: { readonly lsn: number; readonly clockMs: number }): void {
    if (map.lockStrategy === 'none' || this.#ranges.has(map.id)) return;
    this.#ranges.set(map.id, { map: map.id, lsn, clockMs });
  }

  checks(): { readonly keys: ReadCheck[]; readonly ranges: RangeCheck[] } {
    const keys: ReadCheck[] = [];
    for (const [map, known] of this.#keys) {
      for (const { bytes, entry } of known.values()) {
        if (entry !== undefined) keys.push({ map, key: bytes, ...versionAt(entry) });
      }
    }
    return { keys, ranges: [...this.#ranges.values()] };
  }

  async #get(map: MapId, keys: readonly KnownKey[], need: Need): Promise<void> {
    const missing: KnownKey[] = [];
    const awaited: Promise<void>[] = [];
    for (const key of keys) {
      if (missing.includes(key) || isEnough(key, need)) continue;
      if (key.reading !== undefined && covers(key.reading.need, need)) awaited.push(key.reading.over);
      else missing.push(key);
    }
    if (missing.length > 0) {
      if (need.isRead) this.#count += missing.filter(({ entry }) => entry === undefined).length;
      if (this.#count > LIMITS.transactionReadsMax) {
        const { transactionReadsMax } = LIMITS;
        throw new GridError('too_large', {
          details: { reason: 'a transaction reads so many keys', transactionReadsMax },
        });
      }
      const over = this.#fill(map, missing, need);
      for (const key of missing) key.reading = { need, over };
      awaited.push(over);
    }
    await Promise.all(awaited);
  }

  async #fill(map: MapId, keys: readonly KnownKey[], need: Need): Promise<void> {
    const bytes = keys.map((key) => key.bytes);
    const entries = await this.#fetch(map, bytes, need);
    keys.forEach((key, index) => {
      key.reading = undefined;
      this.#note(key, must(entries[index], 'an entry for each key'), need);
    });
  }

  async #fetch(map: MapId, keys: readonly Uint8Array[], need: Need): Promise<ReadEntry[]> {
    const entries: ReadEntry[] = [];
    const withoutValues = !need.withValues;
    // An answer ends early when its values grow too large for one frame.
    while (entries.length < keys.length) {
      const part = keys.slice(entries.length, entries.length + LIMITS.readKeysMax);
      const read = { kind: 'read', keys: part, withoutValues, wish: LINEARIZABLE } as const;
      const answer = need.isPessimistic
        ? await this.#transaction.lock(map, need.mode, { keys: part, withoutValues })
        : await this.#transaction.send(map, read, need.isRead);
      if (answer.entries.length === 0)
        throw new GridError('protocol_version', { details: { reason: 'an empty answer' } });
      entries.push(...answer.entries);
    }
    return entries;
  }

  #note(key: KnownKey, entry: ReadEntry, { mode, withValues, isRead, isPessimistic }: Need): void {
    if (isPessimistic && (key.lock === undefined || RANK[mode] > RANK[key.lock])) key.lock = mode;
    if (key.entry !== undefined && !isSameVersion(key.entry, entry)) {
      const failure = new GridError('version_conflict', { details: { reason: 'what was read has changed since' } });
      this.#transaction.fail(failure);
      throw failure;
    }
    if (!isRead && key.entry === undefined) return;
    if (key.entry === undefined || withValues) key.entry = entry;
    key.hasValue ||= withValues;
  }

  #knownOf(map: MapId, bytes: Uint8Array): KnownKey {
    let keys = this.#keys.get(map);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(map, keys);
    }
    const id = keyId(bytes);
    let known = keys.get(id);
    if (known === undefined) {
      known = { id, bytes, lock: undefined, entry: undefined, hasValue: false, reading: undefined };
      keys.set(id, known);
    }
    return known;
  }
}

interface Need extends ReadNeed {
  readonly isPessimistic: boolean;
}

function isEnough({ lock, entry, hasValue }: KnownKey, { enough, withValues, isRead, isPessimistic }: Need): boolean {
  if (isPessimistic && (lock === undefined || RANK[lock] < RANK[enough])) return false;
  return !isRead || (entry !== undefined && (hasValue || !withValues));
}

function covers(ongoing: ReadNeed, need: ReadNeed): boolean {
  const hasLock = RANK[ongoing.mode] >= RANK[need.enough];
  return hasLock && (ongoing.isRead || !need.isRead) && (ongoing.withValues || !need.withValues);
}

function isSameVersion(a: ReadEntry, b: ReadEntry): boolean {
  return a.lsn === b.lsn && a.epoch === b.epoch && a.found === b.found;
}

/** Zeros: it is not there. */
function versionAt({ found, epoch, lsn }: ReadEntry): { readonly epoch: number; readonly lsn: number } {
  return found ? { epoch, lsn } : { epoch: 0, lsn: 0 };
}

/** Something that a Map finds. */
export function keyId(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
