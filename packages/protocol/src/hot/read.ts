import { asMapId, asPartitionId, LIMITS, NewRead, type Read, type ReadMode } from '@ostraca/core';
import { boolBytes, delimitedBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import { noItems, refuse, withItem } from './frame-reader.ts';
import { unsendable } from './frame-writer.ts';
import type { HotCodec } from './hot-codec.ts';

/** By number. */
const MODES: readonly (ReadMode | undefined)[] = [
  undefined,
  'linearizable',
  'readIndex',
  'bounded',
  'session',
  'eventual',
];

export const READ: HotCodec<Read> = {
  type: 'read',
  number: 3,

  count(read) {
    let bytes = numberBytes(read.id) + numberBytes(read.partition) + numberBytes(read.epoch);
    bytes += numberBytes(read.map) + doubleBytes(read.ttlMs);
    for (const key of read.keys) bytes += delimitedBytes(key.length);
    bytes += boolBytes(read.withoutValues) + 2 + doubleBytes(read.maxStalenessMs);
    return bytes + numberBytes(read.minLsn) + doubleBytes(read.minClockMs);
  },

  put(read, writer) {
    if (read.keys.length > LIMITS.readKeysMax) unsendable();
    writer.uint64(0x08, read.id);
    writer.uint32(0x10, read.partition);
    writer.uint64(0x18, read.epoch);
    writer.uint32(0x20, read.map);
    writer.double(0x29, read.ttlMs);
    for (const key of read.keys) writer.item(0x32, key);
    writer.bool(0x38, read.withoutValues);
    writer.literal(0x40, MODES.indexOf(read.mode));
    writer.double(0x49, read.maxStalenessMs);
    writer.uint64(0x50, read.minLsn);
    writer.double(0x59, read.minClockMs);
  },

  take(reader, end) {
    let id = 0;
    let partition = 0;
    let epoch = 0;
    let map = 0;
    let ttlMs = 0;
    let keys = noItems<Uint8Array>();
    let withoutValues = false;
    let mode: ReadMode | undefined;
    let maxStalenessMs = 0;
    let minLsn = 0;
    let minClockMs = 0;
    while (reader.at < end) {
      const tag = reader.varint();
      switch (tag) {
        case 0x08:
          id = reader.varint();
          break;
        case 0x10:
          partition = reader.uint32();
          break;
        case 0x18:
          epoch = reader.varint();
          break;
        case 0x20:
          map = reader.uint32();
          break;
        case 0x29:
          ttlMs = reader.double();
          break;
        case 0x32:
          if (keys.length >= LIMITS.readKeysMax) refuse();
          keys = withItem(keys, reader.view(end));
          break;
        case 0x38:
          withoutValues = reader.bool();
          break;
        case 0x40:
          mode = MODES[reader.varint()] ?? refuse();
          break;
        case 0x49:
          maxStalenessMs = reader.double();
          break;
        case 0x50:
          minLsn = reader.varint();
          break;
        case 0x59:
          minClockMs = reader.double();
          break;
        default:
          reader.skip(tag, 11);
      }
    }
    reader.finish(end);
    return new NewRead({
      id,
      partition: asPartitionId(partition),
      epoch,
      map: asMapId(map),
      ttlMs,
      keys,
      withoutValues,
      mode: mode ?? refuse(),
      maxStalenessMs,
      minLsn,
      minClockMs,
    });
  },
};
