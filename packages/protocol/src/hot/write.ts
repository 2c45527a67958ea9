import { asMapId, asPartitionId, LIMITS, NewWrite, type Operation, type Write } from '@ostraca/core';
import { delimitedBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import { noItems, refuse, withItem } from './frame-reader.ts';
import { unsendable } from './frame-writer.ts';
import type { HotCodec } from './hot-codec.ts';
import { countOperation, putOperation, takeOperation } from './operation.ts';

export const WRITE: HotCodec<Write> = {
  type: 'write',
  number: 5,

  count(write, writer) {
    let bytes = numberBytes(write.id) + numberBytes(write.partition) + numberBytes(write.epoch);
    bytes += numberBytes(write.map) + doubleBytes(write.ttlMs) + numberBytes(write.seq);
    bytes += numberBytes(write.ackedBelow) + numberBytes(write.attempt);
    for (const operation of write.operations) {
      const operationBytes = countOperation(operation);
      writer.addCount(operationBytes);
      bytes += delimitedBytes(operationBytes);
    }
    return bytes;
  },

  put(write, writer) {
    if (write.operations.length > LIMITS.recordOperationsMax) unsendable();
    writer.uint64(0x08, write.id);
    writer.uint32(0x10, write.partition);
    writer.uint64(0x18, write.epoch);
    writer.uint32(0x20, write.map);
    writer.double(0x29, write.ttlMs);
    writer.uint64(0x30, write.seq);
    writer.uint64(0x38, write.ackedBelow);
    writer.uint32(0x40, write.attempt);
    for (const operation of write.operations) {
      writer.nested(0x4a);
      putOperation(operation, writer);
    }
  },

  take(reader, end) {
    let id = 0;
    let partition = 0;
    let epoch = 0;
    let map = 0;
    let ttlMs = 0;
    let seq = 0;
    let ackedBelow = 0;
    let attempt = 0;
    let operations = noItems<Operation>();
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
        case 0x30:
          seq = reader.varint();
          break;
        case 0x38:
          ackedBelow = reader.varint();
          break;
        case 0x40:
          attempt = reader.uint32();
          break;
        case 0x4a:
          if (operations.length >= LIMITS.recordOperationsMax) refuse();
          operations = withItem(operations, takeOperation(reader, reader.endOf(end)));
          break;
        default:
          reader.skip(tag, 9);
      }
    }
    reader.finish(end);
    return new NewWrite({
      id,
      partition: asPartitionId(partition),
      epoch,
      map: asMapId(map),
      ttlMs,
      seq,
      ackedBelow,
      attempt,
      operations,
    });
  },
};
