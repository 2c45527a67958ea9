/** The near caches of one client, by the names of their maps: each hears what the client hears. */
import {
  asMapId,
  type Clocks,
  type ConnectionId,
  GridError,
  type NearChanges,
  type Operation,
  SuspendGuard,
} from '@ostraca/core';
import type { ClientAnswer, Pending } from '../pending.ts';
import { NearCache, type NearCacheParts, type NearCacheSettings } from './near-cache.ts';

export interface NearCachesOptions extends Omit<NearCacheParts, keyof NearCacheSettings | 'ageMs'> {
  /** Undefined: nothing notices that the machine slept. */
  readonly clocks: Clocks | undefined;
}

/** Less counts as slept without a closer look: the wall clock moves in whole milliseconds. */
const MOVED_MS_MAX = 2;

export class NearCaches {
  readonly #shared: Omit<NearCacheParts, keyof NearCacheSettings>;
  readonly #guard: SuspendGuard;
  readonly #clocks: Clocks | undefined;
  /** Of the wall clock from the monotonic one, when they were looked at last. */
  #wallAheadMs = Number.NaN;
  readonly #byMap = new Map<string, NearCache>();
  #isClosed = false;

  constructor({ clocks, ...shared }: NearCachesOptions) {
    this.#guard = new SuspendGuard(clocks);
    this.#clocks = clocks;
    this.#shared = { ...shared, ageMs: (at, nowMs) => this.#ageMs(at, nowMs) };
  }

  /** Of one map there is one: a second wish for it must be the same. Undefined: it is another. */
  of(map: string, settings: NearCacheSettings): NearCache | undefined {
    const held = this.#byMap.get(map);
    if (held !== undefined) {
      const isSame = held.settings.maxBytes === settings.maxBytes && held.settings.maxStaleMs === settings.maxStaleMs;
      return isSame ? held : undefined;
    }
    const cache = new NearCache({ ...this.#shared, ...settings });
    if (this.#isClosed) cache.close();
    this.#byMap.set(map, cache);
    return cache;
  }

  onChanges(connection: ConnectionId, changes: NearChanges): void {
    for (const cache of this.#byMap.values()) cache.onChanges(connection, changes);
  }

  /** Before the caller hears of it. */
  onEnd({ request }: Pending, result: ClientAnswer | GridError): void {
    if (this.#byMap.size === 0) return;
    const { body, partition, map } = request;
    const isRefusal = result instanceof GridError;
    // A replica may answer although nobody knows how far its state goes; pages and sizes tell no lsn either.
    const isRead = body.kind === 'read' || body.kind === 'lock';
    const tellsLsn = isRead && (isRefusal || pointOf(result) > 0);
    for (const cache of this.#byMap.values()) {
      if (body.kind === 'write' || body.kind === 'commit') {
        const isApplied = !isRefusal && result.type === 'writeAnswer' && result.applied;
        for (const [offset, operations] of operationsByMap(body.operations)) {
          const part = { partition, map: asMapId(map + offset) };
          cache.onWritten(operations, part, isApplied ? result.lsn : undefined);
        }
      } else if (!tellsLsn) cache.mistrust({ partition, map });
    }
  }

  onLinkLost(connection: ConnectionId): void {
    for (const cache of this.#byMap.values()) cache.onLinkLost(connection);
  }

  onTick(nowMs: number): void {
    if (this.#byMap.size === 0) return;
    this.#lookAtClocks(nowMs, true);
    for (const cache of this.#byMap.values()) cache.onTick(nowMs);
  }

  /** The monotonic clock stands still while the machine sleeps: what was fresh before says nothing after. */
  #lookAtClocks(nowMs: number, isTick: boolean): void {
    const hasSlept = this.#guard.look(nowMs, isTick);
    this.#guard.endTurn();
    if (hasSlept) for (const cache of this.#byMap.values()) cache.mistrustAll();
    this.#wallAheadMs = (this.#clocks?.wallMs() ?? nowMs) - nowMs;
  }

  /** The whole look costs as much as the rest of a hit: it is taken when the clocks have moved against each other at all. */
  #ageMs(at: { readonly freshMs: number }, nowMs: number): number {
    const movedMs = (this.#clocks?.wallMs() ?? nowMs) - nowMs - this.#wallAheadMs;
    if (!(movedMs > -MOVED_MS_MAX && movedMs < MOVED_MS_MAX)) {
      this.#lookAtClocks(nowMs, false);
      return nowMs + this.#guard.standstillMs - at.freshMs;
    }
    return nowMs + this.#guard.standstillMs + Math.max(0, movedMs) - at.freshMs;
  }

  close(): void {
    this.#isClosed = true;
    for (const cache of this.#byMap.values()) cache.close();
  }
}

/** By how far their map lies after the one of their request. */
function operationsByMap(operations: readonly Operation[]): Iterable<readonly [number, readonly Operation[]]> {
  if (operations.every(({ mapOffset }) => mapOffset === 0)) return [[0, operations]];
  const byMap = new Map<number, Operation[]>();
  for (const operation of operations) {
    const known = byMap.get(operation.mapOffset);
    if (known === undefined) byMap.set(operation.mapOffset, [operation]);
    else known.push(operation);
  }
  return byMap;
}

function pointOf(answer: ClientAnswer): number {
  return 'lsn' in answer ? answer.lsn : 0;
}
