/** What a read finds in the decided entries of one copy. */
import { LIMITS } from '../limits.ts';
import { NO_BYTES, type Read, type ReadEntry } from '../messages.ts';
import type { Entry } from '../store/entry-map.ts';
import { mapOf, type Shard } from './shard.ts';

/** Answers stay under the frame limit: the client asks again for the keys that are left out. */
export const READ_BYTES_MAX = 2 * LIMITS.valueBytesMax;

export const NOT_FOUND: ReadEntry = { found: false, value: NO_BYTES, epoch: 0, lsn: 0, expireAtMs: 0 };

export function foundEntry({ value, epoch, lsn, expireAtMs }: Entry, withoutValues: boolean): ReadEntry {
  return { found: true, value: withoutValues ? NO_BYTES : value, epoch, lsn, expireAtMs };
}

/** In the order of the keys; fewer when they grow too large. */
export function readEntries(shard: Shard, read: Read, isHidden: (entry: Entry) => boolean): ReadEntry[] {
  const map = mapOf(shard, read.map);
  const entries: ReadEntry[] = [];
  let bytes = 0;
  for (const key of read.keys) {
    const entry = map.get(key);
    const found = entry === undefined || isHidden(entry) ? NOT_FOUND : foundEntry(entry, read.withoutValues);
    entries.push(found);
    bytes += found.value.length;
    if (bytes > READ_BYTES_MAX) break;
  }
  return entries;
}
