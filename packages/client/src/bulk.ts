/**
 * Operations on a whole map: one request for each partition, sent in one turn, and put together again. When parts fail the
 * error names their partitions. Those on many keys are in read-all.ts and write-all.ts.
 */
import { GridError, NO_BYTES, type Operation, type PartitionId } from '@ostraca/core';
import { type CallOptions, call, type GridContext, partitionsOfPlace } from './calls.ts';
import type { MapPlace } from './routes.ts';

export interface BulkOptions {
  readonly context: GridContext;
  readonly place: MapPlace;
  readonly options: CallOptions | undefined;
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
export function worstOf(failures: readonly GridError[], details: Readonly<Record<string, unknown>>): GridError {
  const worst = failures.find(({ outcome }) => outcome === 'unknown') ?? failures[0];
  const { partition: _, ...facts } = worst?.details ?? {};
  const codes = [...new Set(failures.map(({ code }) => code))];
  return new GridError(worst?.code ?? 'unavailable', {
    outcome: worst?.outcome ?? 'unknown',
    details: { ...facts, codes, ...details },
    cause: worst,
  });
}

/** Anything else that was thrown is a bug, and stays what it is. */
function asGridError(reason: unknown): GridError {
  if (reason instanceof GridError) return reason;
  throw reason;
}
