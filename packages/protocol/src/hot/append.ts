import { type Append, asPartitionId, type LogRecord } from '@ostraca/core';
import { delimitedBytes, numberBytes } from './byte-counts.ts';
import { noItems, withItem } from './frame-reader.ts';
import type { HotCodec } from './hot-codec.ts';
import { countRecord, putRecord, takeRecord } from './log-record.ts';

export const APPEND: HotCodec<Append> = {
  type: 'append',
  number: 8,

  count(append, writer) {
    let bytes = numberBytes(append.partition) + numberBytes(append.epoch) + numberBytes(append.shardInc);
    bytes += numberBytes(append.prevEpoch) + numberBytes(append.prevLsn);
    for (const record of append.records) bytes += delimitedBytes(countRecord(record, writer));
    return bytes + numberBytes(append.decidedHint);
  },

  put(append, writer) {
    writer.uint32(0x08, append.partition);
    writer.uint64(0x10, append.epoch);
    writer.uint64(0x18, append.shardInc);
    writer.uint64(0x20, append.prevEpoch);
    writer.uint64(0x28, append.prevLsn);
    for (const record of append.records) {
      writer.nested(0x32);
      putRecord(record, writer);
    }
    writer.uint64(0x38, append.decidedHint);
  },

  take(reader, end) {
    let partition = 0;
    let epoch = 0;
    let shardInc = 0;
    let prevEpoch = 0;
    let prevLsn = 0;
    let records = noItems<LogRecord>();
    let decidedHint = 0;
    while (reader.at < end) {
      const tag = reader.varint();
      switch (tag) {
        case 0x08:
          partition = reader.uint32();
          break;
        case 0x10:
          epoch = reader.varint();
          break;
        case 0x18:
          shardInc = reader.varint();
          break;
        case 0x20:
          prevEpoch = reader.varint();
          break;
        case 0x28:
          prevLsn = reader.varint();
          break;
        case 0x32:
          records = withItem(records, takeRecord(reader, reader.endOf(end)));
          break;
        case 0x38:
          decidedHint = reader.varint();
          break;
        default:
          reader.skip(tag, 7);
      }
    }
    reader.finish(end);
    return {
      type: 'append',
      partition: asPartitionId(partition),
      epoch,
      shardInc,
      prevEpoch,
      prevLsn,
      records,
      decidedHint,
    };
  },
};
