/** In a Write and in a record of the log. */
import { NewOperation, NO_BYTES, type Operation, type OperationKind } from '@ostraca/core';
import { bytesBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import { type FrameReader, refuse } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

/** By number. */
const KINDS: readonly (OperationKind | undefined)[] = [
  undefined,
  'set',
  'insert',
  'update',
  'delete',
  'clear',
  'touch',
  'expire',
  'acquire',
];

export function countOperation(operation: Operation): number {
  let bytes = 2 + bytesBytes(operation.key) + bytesBytes(operation.value);
  bytes += numberBytes(operation.ifEpoch) + numberBytes(operation.ifLsn);
  bytes += doubleBytes(operation.ttlMs) + doubleBytes(operation.expireAtMs);
  return bytes + numberBytes(operation.mapOffset);
}

export function putOperation(operation: Operation, writer: FrameWriter): void {
  writer.literal(0x08, KINDS.indexOf(operation.kind));
  writer.bytes(0x12, operation.key);
  writer.bytes(0x1a, operation.value);
  writer.uint64(0x20, operation.ifEpoch);
  writer.uint64(0x28, operation.ifLsn);
  writer.double(0x31, operation.ttlMs);
  writer.double(0x39, operation.expireAtMs);
  writer.uint32(0x40, operation.mapOffset);
}

export function takeOperation(reader: FrameReader, end: number): Operation {
  let kind: OperationKind | undefined;
  let key: Uint8Array = NO_BYTES;
  let value: Uint8Array = NO_BYTES;
  let ifEpoch = 0;
  let ifLsn = 0;
  let ttlMs = 0;
  let expireAtMs = 0;
  let mapOffset = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x08:
        kind = KINDS[reader.varint()] ?? refuse();
        break;
      case 0x12:
        key = reader.view(end);
        break;
      case 0x1a:
        value = reader.view(end);
        break;
      case 0x20:
        ifEpoch = reader.varint();
        break;
      case 0x28:
        ifLsn = reader.varint();
        break;
      case 0x31:
        ttlMs = reader.double();
        break;
      case 0x39:
        expireAtMs = reader.double();
        break;
      case 0x40:
        mapOffset = reader.uint32();
        break;
      default:
        reader.skip(tag, 8);
    }
  }
  reader.finish(end);
  return new NewOperation({ kind: kind ?? refuse(), key, value, ifEpoch, ifLsn, ttlMs, expireAtMs, mapOffset });
}
