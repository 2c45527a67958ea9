/**
 * What changed in a partition while one of its replicas was not sent anything: names, never values. Keys that were
 * written, removed or renewed; sessions that were written; maps that were cleared, of which only keys from after that count.
 */
import type { ClientId, MapId } from '../ids.ts';
import { type LogRecord, mapOfOperation } from '../messages.ts';
import { EntryMap, FOREVER } from '../store/entry-map.ts';

const NOTHING = new Uint8Array(0);
/** Of a key in the set, and of a session's name. */
const OVERHEAD_BYTES = 64;

export class DirtySet {
  /** Entries without values, in the order of a scan. */
  readonly keys = new Map<MapId, EntryMap>();
  readonly cleared = new Set<MapId>();
  readonly sessions = new Set<ClientId>();
  readonly #hashSeed: number;

  constructor(hashSeed: number) {
    this.#hashSeed = hashSeed;
  }

  get keyCount(): number {
    let count = 0;
    for (const keys of this.keys.values()) count += keys.count;
    return count;
  }

  get bytes(): number {
    let bytes = (this.keyCount + this.sessions.size) * OVERHEAD_BYTES;
    for (const keys of this.keys.values()) bytes += keys.bytes;
    return bytes;
  }

  /** The record has its outcome. One that was rolled back moves its client's window all the same. */
  add(record: LogRecord, committed: boolean): void {
    if (record.clientId !== '') this.sessions.add(record.clientId);
    if (!committed) return;
    for (const operation of record.operations) {
      const map = mapOfOperation(record, operation);
      const { kind, key } = operation;
      if (kind === 'clear') this.#clear(map);
      else this.#keysOf(map).put({ key, value: NOTHING, epoch: 0, lsn: 0, ...FOREVER });
    }
  }

  #clear(map: MapId): void {
    this.cleared.add(map);
    this.keys.delete(map);
  }

  #keysOf(map: MapId): EntryMap {
    let keys = this.keys.get(map);
    if (keys === undefined) {
      keys = new EntryMap(this.#hashSeed);
      this.keys.set(map, keys);
    }
    return keys;
  }
}
