import { asPartitionId, type RefusedRecord, type Vote } from '@ostraca/core';
import { delimitedBytes, numberBytes } from './byte-counts.ts';
import { type FrameReader, noItems, withItem } from './frame-reader.ts';
import type { HotCodec } from './hot-codec.ts';

export const VOTE: HotCodec<Vote> = {
  type: 'vote',
  number: 9,

  count(vote, writer) {
    let bytes = numberBytes(vote.partition) + numberBytes(vote.epoch) + numberBytes(vote.shardInc);
    bytes += numberBytes(vote.ackLsn);
    for (const { lsn, code } of vote.refused) {
      const refusedBytes = numberBytes(lsn) + numberBytes(code);
      writer.addCount(refusedBytes);
      bytes += delimitedBytes(refusedBytes);
    }
    return bytes + numberBytes(vote.appliedLsn) + numberBytes(vote.version);
  },

  put(vote, writer) {
    writer.uint32(0x08, vote.partition);
    writer.uint64(0x10, vote.epoch);
    writer.uint64(0x18, vote.shardInc);
    writer.uint64(0x20, vote.ackLsn);
    for (const { lsn, code } of vote.refused) {
      writer.nested(0x2a);
      writer.uint64(0x08, lsn);
      writer.uint32(0x10, code);
    }
    writer.uint64(0x30, vote.appliedLsn);
    writer.uint64(0x38, vote.version);
  },

  take(reader, end) {
    let partition = 0;
    let epoch = 0;
    let shardInc = 0;
    let ackLsn = 0;
    let refused = noItems<RefusedRecord>();
    let appliedLsn = 0;
    let version = 0;
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
          ackLsn = reader.varint();
          break;
        case 0x2a:
          refused = withItem(refused, takeRefused(reader, reader.endOf(end)));
          break;
        case 0x30:
          appliedLsn = reader.varint();
          break;
        case 0x38:
          version = reader.varint();
          break;
        default:
          reader.skip(tag, 7);
      }
    }
    reader.finish(end);
    return { type: 'vote', partition: asPartitionId(partition), epoch, shardInc, ackLsn, refused, appliedLsn, version };
  },
};

function takeRefused(reader: FrameReader, end: number): RefusedRecord {
  let lsn = 0;
  let code = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === 0x08) lsn = reader.varint();
    else if (tag === 0x10) code = reader.uint32();
    else reader.skip(tag, 2);
  }
  reader.finish(end);
  return { lsn, code };
}
