/** The entry that a lock by name is, and what is asked of its primary. */
import {
  type ClientId,
  GridError,
  type Key,
  LOCKS_MAP,
  type MapId,
  NewOperation,
  NO_BYTES,
  type Operation,
  type OperationKind,
  type PartitionId,
} from '@ostraca/core';
import { type GridContext, placeKey, placeOf } from '../calls.ts';
import type { ClientAnswer, Pending } from '../pending.ts';
import { newValues } from '../values.ts';

export interface EntryVersion {
  readonly epoch: number;
  readonly lsn: number;
}

export type LockOperation =
  | { readonly kind: 'acquire' | 'insert'; readonly ttlMs: number }
  | { readonly kind: 'touch' | 'delete'; readonly version: EntryVersion };

export class LockEntry {
  readonly name: string;
  readonly #context: GridContext;
  readonly #map: MapId;
  readonly #partition: PartitionId;
  readonly #key: Uint8Array;

  /** @throws {@link GridError} `too_large`, `undefined_map`. */
  constructor(context: GridContext, name: string) {
    this.name = name;
    this.#context = context;
    const place = placeOf(context, LOCKS_MAP.name);
    const { bytes, partition } = placeKey(keyOf(name, place.mapSet.partitionBy), place);
    this.#map = place.map.id;
    this.#key = bytes;
    this.#partition = partition;
  }

  get facts(): { readonly lock: string; readonly partition: number } {
    return { lock: this.name, partition: this.#partition };
  }

  nowMs(): number {
    return this.#context.host.nowMs();
  }

  /** `onEnd` is called once, within a turn. */
  ask(operation: LockOperation, timeoutMs: number, onEnd: (result: ClientAnswer | GridError) => void): Pending {
    const { host } = this.#context;
    const operations = [this.#operationOf(operation)];
    const request = {
      partition: this.#partition,
      map: this.#map,
      body: { kind: 'write', operations },
      timeoutMs,
    } as const;
    return host.turn((nowMs) => host.machine.submit(request, onEnd, nowMs));
  }

  /** @returns what became of it, an error too. */
  answerTo(operation: LockOperation, timeoutMs: number): Promise<ClientAnswer | GridError> {
    return new Promise((resolve) => this.ask(operation, timeoutMs, resolve));
  }

  #operationOf(operation: LockOperation): Operation {
    const key = this.#key;
    if ('version' in operation) {
      return newOperation(operation.kind, { key, value: NO_BYTES, ttlMs: 0, ...operation.version });
    }
    const value = ownerValue(this.#context.host.machine.clientId);
    return newOperation(operation.kind, { key, value, ttlMs: operation.ttlMs, epoch: 0, lsn: 0 });
  }
}

interface OperationParts extends EntryVersion {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMs: number;
}

function newOperation(kind: OperationKind, { key, value, ttlMs, epoch, lsn }: OperationParts): Operation {
  return new NewOperation({ kind, key, value, ifEpoch: epoch, ifLsn: lsn, ttlMs, expireAtMs: 0 });
}

/** Where `partitionBy` wants a tuple, the name stands in every place that it may look at. */
function keyOf(name: string, partitionBy: readonly number[]): Key {
  return partitionBy.length === 0 ? name : new Array<string>(Math.max(...partitionBy) + 1).fill(name);
}

/** For those who look who has it: `ostraca show locks` reads it. */
function ownerValue(clientId: ClientId): Uint8Array {
  return newValues<string>('json').encode(clientId) as Uint8Array;
}

export function isGone(result: ClientAnswer | GridError): boolean {
  if (result instanceof GridError) return result.code === 'version_conflict';
  return result.type === 'writeAnswer' && !result.applied;
}
