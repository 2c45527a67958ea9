import { NewWriteAnswer, type WriteAnswer } from '@ostraca/core';
import { boolBytes, numberBytes } from './byte-counts.ts';
import type { HotCodec } from './hot-codec.ts';

export const WRITE_ANSWER: HotCodec<WriteAnswer> = {
  type: 'writeAnswer',
  number: 6,

  count(answer) {
    const bytes = numberBytes(answer.id) + numberBytes(answer.epoch);
    return bytes + numberBytes(answer.lsn) + boolBytes(answer.applied);
  },

  put(answer, writer) {
    writer.uint64(0x08, answer.id);
    writer.uint64(0x10, answer.epoch);
    writer.uint64(0x18, answer.lsn);
    writer.bool(0x20, answer.applied);
  },

  take(reader, end) {
    let id = 0;
    let epoch = 0;
    let lsn = 0;
    let applied = false;
    while (reader.at < end) {
      const tag = reader.varint();
      switch (tag) {
        case 0x08:
          id = reader.varint();
          break;
        case 0x10:
          epoch = reader.varint();
          break;
        case 0x18:
          lsn = reader.varint();
          break;
        case 0x20:
          applied = reader.bool();
          break;
        default:
          reader.skip(tag, 4);
      }
    }
    reader.finish(end);
    return new NewWriteAnswer({ id, epoch, lsn, applied });
  },
};
