/**
 * Operations on many keys or on a whole map: cut by partition and by the limits of one message, sent in one turn
 * (one frame per container), and put together again. When parts fail the error says of every key, or of every
 * partition, what became of it.
 */
import {
  GridError,
  type Key,
  LIMITS,
  type Lsn,
  NO_BYTES,
  type Operation,
  type Outcome,
  type PartitionId,
  type ReadEntry,
} from '@ostraca/core';
import { type CallOptions, call, type GridContext, type PlacedKey, partitionsOfPlace } from './calls.ts';
import type { ReadWish } from './read-modes.ts';
import type { MapPlace } from './routes.ts';

export interface BulkOptions {
  readonly context: GridContext;
  readonly place: MapPlace;
  readonly options: CallOptions | undefined;
}

export interface BulkWrite<K extends Key> {
  readonly placed: PlacedKey<K>;
  readonly operation: Operation;
}

/** Operations of one partition that are one log record: atomic. */
interface WritePart<K> {
  readonly partition: PartitionId;
  readonly keys: K[];
  readonly operations: Operation[];
}

/** @throws {@link GridError} of the worst outcome, with `details.committed`, `not_applied` and `unknown`: keys. */
export async function writeAll<K extends Key>(bulk: BulkOptions, writes: Iterable<BulkWrite<K>>): Promise<void> {
  const { context, place, options } = bulk;
  const parts = cutWrites(writes);
  const results = await Promise.allSettled(
    parts.map(({ partition, operations }) =>
      call(context, { place, partition, body: { kind: 'write', operations }, options }),
    ),
  );
  const keysBy: Record<'committed' | Outcome, K[]> = { committed: [], not_applied: [], unknown: [] };
  const failures: GridError[] = [];
  for (const [index, result] of results.entries()) {
    const keys = parts[index]?.keys ?? [];
    const failure = result.status === 'rejected' ? asGridError(result.reason) : undefined;
    if (failure !== undefined) failures.push(failure);
    const list = keysBy[failure?.outcome ?? 'committed'];
    for (const key of keys) list.push(key);
  }
  if (failures.length === 0) return;
  throw worstOf(failures, {
    committed: listed(keysBy.committed),
    not_applied: listed(keysBy.not_applied),
    unknown: listed(keysBy.unknown),
  });
}

function cutWrites<K extends Key>(writes: Iterable<BulkWrite<K>>): WritePart<K>[] {
  const parts: WritePart<K>[] = [];
  const open = new Map<PartitionId, { part: WritePart<K>; bytes: number }>();
  for (const { placed, operation } of writes) {
    const bytes = operation.key.length + operation.value.length;
    let current = open.get(placed.partition);
    const isFull =
      current !== undefined &&
      (current.part.operations.length >= LIMITS.recordOperationsMax || current.bytes + bytes > LIMITS.recordBytesMax);
    if (current === undefined || isFull) {
      current = { part: { partition: placed.partition, keys: [], operations: [] }, bytes: 0 };
      open.set(placed.partition, current);
      parts.push(current.part);
    }
    current.part.keys.push(placed.key);
    current.part.operations.push(operation);
    current.bytes += bytes;
  }
  return parts;
}

export interface FoundValue<K> {
  readonly key: K;
  readonly bytes: Uint8Array;
}

export interface BulkRead<Placed> extends BulkOptions {
  /** Told of every key, also one that is not there, with the lsn that its answer reflects. */
  readonly onEntry: (placed: Placed, entry: ReadEntry, lsn: Lsn) => void;
}

/** Those that are there. @throws {@link GridError} with `details.partitions`: those that failed. */
export async function readAll<K extends Key, Placed extends PlacedKey<K>>(
  bulk: BulkRead<Placed>,
  placedKeys: Iterable<Placed>,
  wish: ReadWish,
): Promise<FoundValue<K>[]> {
  const { context, place, options, onEntry } = bulk;
  const parts: { partition: PartitionId; keys: Placed[] }[] = [];
  const open = new Map<PartitionId, Placed[]>();
  for (const placed of placedKeys) {
    let keys = open.get(placed.partition);
    if (keys === undefined || keys.length >= LIMITS.readKeysMax) {
      keys = [];
      open.set(placed.partition, keys);
      parts.push({ partition: placed.partition, keys });
    }
    keys.push(placed);
  }
  const answers = await allOf(
    parts.map(({ partition, keys }) => ({
      partition,
      answer: readPart(partition, keys),
    })),
  );
  return answers.flat();

  async function readPart(partition: PartitionId, keys: readonly Placed[]): Promise<FoundValue<K>[]> {
    const body = { kind: 'read', keys: keys.map(({ bytes }) => bytes), withoutValues: false, wish } as const;
    const { entries, lsn } = await call(context, { place, partition, body, options });
    const found = keys.flatMap((placed, index) => {
      const entry = entries[index];
      if (entry !== undefined) onEntry(placed, entry, lsn);
      const { key } = placed;
      return entry?.found === true ? [{ key, bytes: entry.value }] : [];
    });
    // An answer ends early when its values grow too large for one frame.
    if (entries.length >= keys.length || entries.length === 0) return found;
    return found.concat(await readPart(partition, keys.slice(entries.length)));
  }
}

/** @throws {@link GridError} with `details.partitions`: those that failed. */
export async function sizeOf({ context, place, options }: BulkOptions): Promise<number> {
  const answers = await allOf(
    partitionsOfPlace(place).map((partition) => ({
      partition,
      answer: call(context, { place, partition, body: { kind: 'size' }, options }),
    })),
  );
  return answers.reduce((sum, { count }) => sum + count, 0);
}

/** @throws {@link GridError} with `details.partitions`: those that failed; the others are empty. */
export async function clearAll({ context, place, options }: BulkOptions): Promise<void> {
  const clear: Operation = {
    kind: 'clear',
    key: NO_BYTES,
    value: NO_BYTES,
    ifEpoch: 0,
    ifLsn: 0,
    ttlMs: 0,
    expireAtMs: 0,
    mapOffset: 0,
  };
  await allOf(
    partitionsOfPlace(place).map((partition) => ({
      partition,
      answer: call(context, { place, partition, body: { kind: 'write', operations: [clear] }, options }),
    })),
  );
}

/** Waits for every part, so that the error can name all that failed. */
async function allOf<Answer>(
  parts: readonly { readonly partition: PartitionId; readonly answer: Promise<Answer> }[],
): Promise<Answer[]> {
  const results = await Promise.allSettled(parts.map(({ answer }) => answer));
  const answers: Answer[] = [];
  const failures: GridError[] = [];
  const partitions = new Set<PartitionId>();
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') {
      answers.push(result.value);
      continue;
    }
    failures.push(asGridError(result.reason));
    const partition = parts[index]?.partition;
    if (partition !== undefined) partitions.add(partition);
  }
  if (failures.length > 0) throw worstOf(failures, { partitions: [...partitions] });
  return answers;
}

/** One error for several: of the first with an unknown outcome, else of the first. */
function worstOf(failures: readonly GridError[], details: Readonly<Record<string, unknown>>): GridError {
  const worst = failures.find(({ outcome }) => outcome === 'unknown') ?? failures[0];
  const { partition: _, ...facts } = worst?.details ?? {};
  const codes = [...new Set(failures.map(({ code }) => code))];
  return new GridError(worst?.code ?? 'unavailable', {
    outcome: worst?.outcome ?? 'unknown',
    details: { ...facts, codes, ...details },
    cause: worst,
  });
}

/** A list that a message tells by its length: keys may be many, and a bigint has no JSON. */
function listed<T>(elements: T[]): readonly T[] {
  Object.defineProperty(elements, 'toJSON', { value: () => `${elements.length} keys` });
  return elements;
}

/** Anything else that was thrown is a bug, and stays what it is. */
function asGridError(reason: unknown): GridError {
  if (reason instanceof GridError) return reason;
  throw reason;
}
