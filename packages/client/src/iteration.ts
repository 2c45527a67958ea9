/**
 * Iteration over a map: partition by partition, in the order of the key hash. The cursor (partition, hash) means the
 * same on every replica, so an entry that is there throughout is given exactly once, also across a failover.
 */
import { encodeTextPrefix, LIMITS, NO_BYTES, type ScanEntry } from '@ostraca/core';
import { type CallOptions, call, type GridContext, partitionsOfPlace, placeOf } from './calls.ts';
import { checkCount, checkOptions, invalid } from './check-options.ts';

export interface IterationOptions extends CallOptions {
  /** Only string keys that begin with it. */
  readonly prefix?: string | undefined;
  /** Entries asked for at a time, at most 1_000. Default 500. `deadlineMs` is for each such step. */
  readonly batch?: number | undefined;
}

export const BATCH = 500;

export async function* scan(
  context: GridContext,
  map: string,
  { withoutValues, ...options }: IterationOptions & { readonly withoutValues: boolean },
): AsyncGenerator<ScanEntry> {
  checkOptions(options, { known: ['prefix', 'batch', 'signal', 'deadlineMs'] });
  const limit = checkCount('batch', options.batch ?? BATCH, LIMITS.scanEntriesMax);
  const prefix = prefixBytes(options.prefix);
  const place = placeOf(context, map);
  for (const partition of partitionsOfPlace(place)) {
    let afterHash = 0;
    let resumed = false;
    for (let done = false; !done; resumed = true) {
      const body = { kind: 'scan', resumed, afterHash, limit, prefix, withoutValues } as const;
      const answer = await call(context, { place, partition, body, options });
      yield* answer.entries;
      afterHash = answer.lastHash;
      done = answer.done;
    }
  }
}

export function prefixBytes(prefix: string | undefined): Uint8Array {
  if (prefix === undefined) return NO_BYTES;
  if (typeof prefix !== 'string') throw invalid('prefix', 'must be a string');
  return encodeTextPrefix(prefix);
}
