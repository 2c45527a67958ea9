/**
 * Whether there is room for a write, before it is appended: in its map (`maxBytes`), and in the container (`--memory`).
 * Memory is never taken first and looked for later, so there is no running out of it.
 *
 * A map that evicts makes room by a record ahead of the write: entries go at one lsn, the write comes at a later one, and
 * at none of them does any copy hold more than the limit. Who needs room does not wait for it.
 */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { Lsn, MapId } from '../ids.ts';
import { mapOfOperation, type Operation, type ReadCheck } from '../messages.ts';
import type { MapLimit } from '../policy.ts';
import { evictSome } from '../replication/evict.ts';
import type { Primary } from '../replication/primary.ts';
import { chargeOf } from '../store/entry-map.ts';
import { MapLedger } from './map-ledger.ts';
import type { ShardPorts } from './ports.ts';
import { mapOf, type Shard } from './shard.ts';

/** `room`: the record may be appended, and is then noted with these bytes. `wait`: for what is under way. */
export type Admission =
  | { readonly is: 'room'; readonly addedBytes: number }
  | { readonly is: 'wait' }
  | { readonly is: 'refused'; readonly code: ErrorCode; readonly details: ErrorDetails };

export interface NewWrite {
  readonly map: MapId;
  /** With their ends, as they will be in the record. */
  readonly operations: readonly Operation[];
  /** Of a transaction: what it has read is not evicted for it. */
  readonly reads?: readonly ReadCheck[];
}

/** Freed beyond need, so that not each write evicts: this part of the limit, at most what so many entries take. */
const AHEAD_SHARE = 1 / 64;
const AHEAD_ENTRIES = 32;
/** Beyond key and value. */
const OPERATION_BYTES = 128;
const NO_LIMIT: Admission = { is: 'room', addedBytes: 0 };
const WAIT: Admission = { is: 'wait' };

export function admit(shard: Shard, primary: Primary, ports: ShardPorts, write: NewWrite): Admission {
  if (!ports.hasMemory('write') && write.operations.some(isPut)) {
    ports.count('refused_by_memory');
    return { is: 'refused', code: 'overloaded', details: { partition: shard.partition, limit: 'memory' } };
  }
  const limit = shard.mapLimits.get(write.map);
  return limit === undefined ? NO_LIMIT : admitToMap(shard, primary, ports, { write, limit });
}

/** To be called once its record is appended, at `lsn`. */
export function noteAdmitted(
  primary: Primary,
  ports: ShardPorts,
  { map, operations, addedBytes, lsn }: NewWrite & { readonly addedBytes: number; readonly lsn: Lsn },
): void {
  ports.takeMemory(estimatedBytes(operations));
  if (addedBytes > 0) primary.ledgers.get(map)?.note(lsn, addedBytes);
}

/** In the store and in the log, rather too much. */
export function estimatedBytes(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const { key, value } of operations) bytes += OPERATION_BYTES + 2 * (key.length + value.length);
  return bytes;
}

function admitToMap(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { write, limit }: { readonly write: NewWrite; readonly limit: MapLimit },
): Admission {
  const { map, operations } = write;
  const { maxBytes, evict } = limit;
  // Whatever is there now: each attempt of a write is told the same.
  const bytes = sumOfPuts(operations, chargeOf);
  if (bytes > maxBytes) {
    return { is: 'refused', code: 'too_large', details: { partition: shard.partition, bytes, maxBytes } };
  }
  const addedBytes = addedBytesOf(shard, primary, write);
  if (addedBytes === 0) return NO_LIMIT;
  const entries = mapOf(shard, map);
  const ledger = ledgerOf(shard, primary, map);
  const overBytes = (): number =>
    entries.chargedBytes + ledger.undecidedBytes(shard.decidedLsn) + addedBytes - maxBytes;
  if (overBytes() <= 0) return { is: 'room', addedBytes };
  if (evict === 'NONE') {
    // Of a record that was inherited, or of a key with a write under way, it is not known yet what it replaces.
    if (shard.decidedLsn < primary.startLsn) return WAIT;
    if (operations.some(({ key }) => primary.keys.blockerOfWrite(map, key, true) !== undefined)) return WAIT;
    ports.count('refused_by_map');
    const details = { partition: shard.partition, limit: 'maxBytes', maxBytes };
    return { is: 'refused', code: 'overloaded', details };
  }
  const average = entries.chargedBytes / Math.max(1, entries.count);
  const aheadBytes = Math.min(maxBytes * AHEAD_SHARE, average * AHEAD_ENTRIES);
  for (let left = overBytes(); left > 0; left = overBytes()) {
    const evicted = evictSome(shard, primary, ports, { write, bytes: left + aheadBytes });
    if (evicted === undefined) return WAIT;
    ledger.note(evicted.lsn, -evicted.bytes);
  }
  return { is: 'room', addedBytes };
}

function ledgerOf(shard: Shard, primary: Primary, map: MapId): MapLedger {
  let ledger = primary.ledgers.get(map);
  if (ledger !== undefined) return ledger;
  ledger = new MapLedger();
  // What it inherited adds all that it puts; how much it replaces or evicts shows when it is decided.
  for (let lsn = shard.decidedLsn + 1; lsn <= shard.log.lastLsn; lsn++) {
    const record = shard.log.at(lsn);
    ledger.note(
      lsn,
      sumOfPuts(
        record.operations.filter((operation) => mapOfOperation(record, operation) === map),
        chargeOf,
      ),
    );
  }
  primary.ledgers.set(map, ledger);
  return ledger;
}

/** Beyond what its keys hold now: all of it for those with a record under way, which may take away what is there. */
function addedBytesOf(shard: Shard, primary: Primary, { map, operations }: NewWrite): number {
  const entries = mapOf(shard, map);
  return sumOfPuts(operations, (operation) => {
    const mayChange = primary.keys.blockerOfWrite(map, operation.key, true) !== undefined;
    return Math.max(0, chargeOf(operation) - (mayChange ? 0 : entries.chargeOfKey(operation.key)));
  });
}

function sumOfPuts(operations: readonly Operation[], bytesOf: (operation: Operation) => number): number {
  let bytes = 0;
  for (const operation of operations) {
    if (isPut(operation)) bytes += bytesOf(operation);
  }
  return bytes;
}

export function isPut({ kind }: Operation): boolean {
  return kind === 'set' || kind === 'insert' || kind === 'update';
}
