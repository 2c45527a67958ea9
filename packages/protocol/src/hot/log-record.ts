import { asMapId, LIMITS, type LogRecord, type Operation, type RecordKind } from '@ostraca/core';
import { delimitedBytes, doubleBytes, numberBytes, textBytes, varintBytes } from './byte-counts.ts';
import { type FrameReader, noItems, refuse, withItem } from './frame-reader.ts';
import { type FrameWriter, unsendable } from './frame-writer.ts';
import { countOperation, putOperation, takeOperation } from './operation.ts';

/** By number. */
const KINDS: readonly (RecordKind | undefined)[] = [
  undefined,
  'write',
  'noop',
  'digest',
  'expire',
  'touch',
  'session',
  'abortMarker',
  'evict',
];

export function countRecord(record: LogRecord, writer: FrameWriter): number {
  const place = writer.openCount();
  let bytes = numberBytes(record.lsn) + numberBytes(record.epoch) + 2 + textBytes(record.clientId);
  bytes += numberBytes(record.seq) + numberBytes(record.ackedBelow) + numberBytes(record.map);
  for (const operation of record.operations) {
    const operationBytes = countOperation(operation);
    writer.addCount(operationBytes);
    bytes += delimitedBytes(operationBytes);
  }
  bytes += numberBytes(record.decidedUpTo) + countPacked(record.aborted, writer);
  bytes += doubleBytes(record.clockMs) + doubleBytes(record.ceilingMs);
  bytes += numberBytes(record.digestLsn) + numberBytes(record.stateDigest);
  writer.closeCount(place, bytes);
  return bytes;
}

export function countPacked(values: readonly number[], writer: FrameWriter): number {
  if (values.length === 0) return 0;
  let bytes = 0;
  for (const value of values) bytes += varintBytes(value);
  writer.addCount(bytes);
  return delimitedBytes(bytes);
}

export function putRecord(record: LogRecord, writer: FrameWriter): void {
  if (record.operations.length > LIMITS.recordOperationsMax) unsendable();
  writer.uint64(0x08, record.lsn);
  writer.uint64(0x10, record.epoch);
  writer.literal(0x18, KINDS.indexOf(record.kind));
  writer.text(0x22, record.clientId);
  writer.uint64(0x28, record.seq);
  writer.uint64(0x30, record.ackedBelow);
  writer.uint32(0x38, record.map);
  for (const operation of record.operations) {
    writer.nested(0x42);
    putOperation(operation, writer);
  }
  writer.uint64(0x48, record.decidedUpTo);
  writer.packed(0x52, record.aborted);
  writer.double(0x59, record.clockMs);
  writer.double(0x61, record.ceilingMs);
  writer.uint64(0x68, record.digestLsn);
  writer.uint32(0x70, record.stateDigest);
}

export function takeRecord(reader: FrameReader, end: number): LogRecord {
  let lsn = 0;
  let epoch = 0;
  let kind: RecordKind | undefined;
  let clientId = '';
  let seq = 0;
  let ackedBelow = 0;
  let map = 0;
  let operations = noItems<Operation>();
  let decidedUpTo = 0;
  let aborted = noItems<number>();
  let clockMs = 0;
  let ceilingMs = 0;
  let digestLsn = 0;
  let stateDigest = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x08:
        lsn = reader.varint();
        break;
      case 0x10:
        epoch = reader.varint();
        break;
      case 0x18:
        kind = KINDS[reader.varint()] ?? refuse();
        break;
      case 0x22:
        clientId = reader.text(end);
        break;
      case 0x28:
        seq = reader.varint();
        break;
      case 0x30:
        ackedBelow = reader.varint();
        break;
      case 0x38:
        map = reader.uint32();
        break;
      case 0x42:
        if (operations.length >= LIMITS.recordOperationsMax) refuse();
        operations = withItem(operations, takeOperation(reader, reader.endOf(end)));
        break;
      case 0x48:
        decidedUpTo = reader.varint();
        break;
      case 0x50:
        aborted = withItem(aborted, reader.varint());
        break;
      case 0x52:
        aborted = reader.packed(aborted, end);
        break;
      case 0x59:
        clockMs = reader.double();
        break;
      case 0x61:
        ceilingMs = reader.double();
        break;
      case 0x68:
        digestLsn = reader.varint();
        break;
      case 0x70:
        stateDigest = reader.uint32();
        break;
      default:
        reader.skip(tag, 14);
    }
  }
  reader.finish(end);
  return {
    lsn,
    epoch,
    kind: kind ?? refuse(),
    clientId,
    seq,
    ackedBelow,
    map: asMapId(map),
    operations,
    decidedUpTo,
    aborted,
    clockMs,
    ceilingMs,
    digestLsn,
    stateDigest,
  };
}
