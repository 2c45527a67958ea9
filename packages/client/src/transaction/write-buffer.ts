/**
 * What a transaction will write: one operation for each key, as all its calls together leave it. Until the commit nobody but
 * the transaction itself sees it.
 */
import {
  asMapId,
  GridError,
  LIMITS,
  type MapId,
  NewOperation,
  NO_BYTES,
  type Operation,
  type OperationKind,
} from '@ostraca/core';

export type WriteKind = 'set' | 'insert' | 'update' | 'delete' | 'touch';

export interface BufferedWrite {
  readonly kind: WriteKind;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMs: number;
  readonly ifEpoch: number;
  readonly ifLsn: number;
}

/** What is written to one map. */
interface MapWrites {
  /** Before all of `byKey`. */
  isCleared: boolean;
  readonly byKey: Map<string, BufferedWrite>;
}

export class WriteBuffer {
  readonly #byMap = new Map<MapId, MapWrites>();
  #count = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** What the transaction itself sees: undefined, what was there before it. */
  find(map: MapId, keyId: string): BufferedWrite | 'absent' | undefined {
    const writes = this.#byMap.get(map);
    const write = writes?.byKey.get(keyId);
    if (write?.kind === 'delete') return 'absent';
    if (write !== undefined && write.kind !== 'touch') return write;
    return writes?.isCleared === true ? 'absent' : undefined;
  }

  isCleared(map: MapId): boolean {
    return this.#byMap.get(map)?.isCleared ?? false;
  }

  /** Every key written, and what was written last. */
  ofMap(map: MapId): Iterable<[string, BufferedWrite]> {
    return this.#byMap.get(map)?.byKey ?? [];
  }

  /** @throws {@link GridError} `too_large`: the transaction would write more than one log record holds. */
  put(map: MapId, keyId: string, write: BufferedWrite): void {
    const { byKey, isCleared } = this.#writesOf(map);
    const before = byKey.get(keyId);
    const joined = join(before, write, isCleared);
    this.#add(before === undefined ? 1 : 0, bytesOf(joined) - bytesOf(before));
    if (joined !== undefined) byKey.set(keyId, joined);
    else if (byKey.delete(keyId)) this.#count -= 1;
    else this.#count -= before === undefined ? 1 : 0;
  }

  clear(map: MapId): void {
    const writes = this.#writesOf(map);
    let bytes = 0;
    for (const write of writes.byKey.values()) bytes -= bytesOf(write);
    this.#add((writes.isCleared ? 0 : 1) - writes.byKey.size, bytes);
    writes.isCleared = true;
    writes.byKey.clear();
  }

  /** Undefined: nothing is written. */
  operations(): { readonly map: MapId; readonly operations: readonly Operation[] } | undefined {
    if (this.isEmpty) return undefined;
    const written = [...this.#byMap].filter(([, { isCleared, byKey }]) => isCleared || byKey.size > 0);
    const lowest = asMapId(Math.min(...written.map(([map]) => map)));
    const operations: Operation[] = [];
    for (const [map, { isCleared, byKey }] of written) {
      const mapOffset = map - lowest;
      if (isCleared) operations.push(operationOf('clear', NOTHING, mapOffset));
      for (const write of byKey.values()) operations.push(operationOf(write.kind, write, mapOffset));
    }
    return { map: lowest, operations };
  }

  #writesOf(map: MapId): MapWrites {
    let writes = this.#byMap.get(map);
    if (writes === undefined) {
      writes = { isCleared: false, byKey: new Map() };
      this.#byMap.set(map, writes);
    }
    return writes;
  }

  #add(operations: number, bytes: number): void {
    const { recordOperationsMax, recordBytesMax } = LIMITS;
    if (this.#count + operations > recordOperationsMax || this.#bytes + bytes > recordBytesMax) {
      const reason = 'a transaction is one log record';
      throw new GridError('too_large', { details: { reason, recordOperationsMax, recordBytesMax } });
    }
    this.#count += operations;
    this.#bytes += bytes;
  }
}

const NOTHING = { key: NO_BYTES, value: NO_BYTES, ttlMs: 0, ifEpoch: 0, ifLsn: 0 };

/** Two writes of one key in one record are one. Undefined: together they change nothing. */
function join(before: BufferedWrite | undefined, after: BufferedWrite, isCleared: boolean): BufferedWrite | undefined {
  const { ifEpoch, ifLsn } = before ?? after;
  if (isCleared) {
    // What the primary has of the key does not matter any more.
    if (after.kind === 'delete') return undefined;
    return after.kind === 'touch' ? before : { ...after, kind: 'set', ifEpoch: 0, ifLsn: 0 };
  }
  if (before === undefined) return after;
  if (after.kind === 'touch') return before;
  if (after.kind === 'delete') return before.kind === 'insert' ? undefined : { ...after, ifEpoch, ifLsn };
  // The condition of the first still stands at the primary.
  if (before.kind === 'insert') return { ...after, kind: 'insert', ifEpoch, ifLsn };
  return { ...after, kind: before.kind === 'update' ? 'update' : 'set', ifEpoch, ifLsn };
}

function bytesOf(write: BufferedWrite | undefined): number {
  return write === undefined ? 0 : write.key.length + write.value.length;
}

function operationOf(kind: OperationKind, write: Omit<BufferedWrite, 'kind'>, mapOffset: number): Operation {
  const { key, value, ifEpoch, ifLsn, ttlMs } = write;
  return new NewOperation({ kind, key, value, ifEpoch, ifLsn, ttlMs, expireAtMs: 0, mapOffset });
}
