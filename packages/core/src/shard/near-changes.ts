/**
 * Which keys of one map the decided records of a partition changed, read from its log: the log is the only queue that
 * near caches have, so a client that does not read costs nothing but its place in it.
 */
import type { Lsn, MapId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { mapOfOperation } from '../messages.ts';
import type { Shard } from './shard.ts';

export interface KeyChanges {
  readonly fromLsn: Lsn;
  readonly toLsn: Lsn;
  /** The map was cleared, or too many keys changed to name them: `keys` is empty. */
  readonly allKeys: boolean;
  readonly keys: readonly Uint8Array[];
  readonly bytes: number;
}

/** In one turn: who was away for longer begins anew. */
const RECORDS_MAX = 50_000;
/** Of a key beside its bytes. */
const KEY_BYTES = 8;
const NO_KEYS: readonly Uint8Array[] = [];

/**
 * After `afterLsn`, up to what is decided or to as much as one message names. The log must hold all of them: see
 * `holdsAfter`. `omits` is for the simulator: a change that is told nobody.
 */
export function changesAfter(
  shard: Shard,
  { map, afterLsn }: { readonly map: MapId; readonly afterLsn: Lsn },
  omits: (lsn: Lsn) => boolean,
): KeyChanges {
  const keys: Uint8Array[] = [];
  const fromLsn = afterLsn + 1;
  const toLsn = Math.max(afterLsn, shard.decidedLsn);
  let bytes = 0;
  let allKeys = toLsn - afterLsn > RECORDS_MAX;
  for (let lsn = fromLsn; lsn <= toLsn && !allKeys; lsn++) {
    const record = shard.log.at(lsn);
    if (shard.log.abortRecordOf(lsn) !== undefined || omits(lsn)) continue;
    for (const operation of record.operations) {
      if (mapOfOperation(record, operation) !== map) continue;
      const { kind, key } = operation;
      if (kind === 'clear') allKeys = true;
      keys.push(key);
      bytes += key.length + KEY_BYTES;
    }
    if (bytes > LIMITS.nearChangesBytes) allKeys = true;
  }
  return allKeys ? { fromLsn, toLsn, allKeys, keys: NO_KEYS, bytes: 0 } : { fromLsn, toLsn, allKeys, keys, bytes };
}

/** Whether the log can tell all that changed after this lsn, which lies in our history. */
export function holdsAfter({ log }: Shard, lsn: Lsn): boolean {
  return lsn >= log.baseLsn && lsn <= log.lastLsn;
}
