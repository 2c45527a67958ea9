/** What a CheckpointChunk has many of. */
import { asMapId, type CheckpointEntry, type CheckpointKey, NO_BYTES } from '@ostraca/core';
import { bytesBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import type { FrameReader } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

export function countEntry(entry: CheckpointEntry): number {
  let bytes = numberBytes(entry.map) + bytesBytes(entry.key) + bytesBytes(entry.value);
  bytes += numberBytes(entry.epoch) + numberBytes(entry.lsn);
  return bytes + doubleBytes(entry.ttlMs) + doubleBytes(entry.expireAtMs);
}

export function putEntry(entry: CheckpointEntry, writer: FrameWriter): void {
  writer.uint32(0x08, entry.map);
  writer.bytes(0x12, entry.key);
  writer.bytes(0x1a, entry.value);
  writer.uint64(0x20, entry.epoch);
  writer.uint64(0x28, entry.lsn);
  writer.double(0x31, entry.ttlMs);
  writer.double(0x39, entry.expireAtMs);
}

export function takeEntry(reader: FrameReader, end: number): CheckpointEntry {
  let map = 0;
  let key: Uint8Array = NO_BYTES;
  let value: Uint8Array = NO_BYTES;
  let epoch = 0;
  let lsn = 0;
  let ttlMs = 0;
  let expireAtMs = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x08:
        map = reader.uint32();
        break;
      case 0x12:
        key = reader.view(end);
        break;
      case 0x1a:
        value = reader.view(end);
        break;
      case 0x20:
        epoch = reader.varint();
        break;
      case 0x28:
        lsn = reader.varint();
        break;
      case 0x31:
        ttlMs = reader.double();
        break;
      case 0x39:
        expireAtMs = reader.double();
        break;
      default:
        reader.skip(tag, 7);
    }
  }
  reader.finish(end);
  return { map: asMapId(map), key, value, epoch, lsn, ttlMs, expireAtMs };
}

export function countKey({ map, key }: CheckpointKey): number {
  return numberBytes(map) + bytesBytes(key);
}

export function putKey({ map, key }: CheckpointKey, writer: FrameWriter): void {
  writer.uint32(0x08, map);
  writer.bytes(0x12, key);
}

export function takeKey(reader: FrameReader, end: number): CheckpointKey {
  let map = 0;
  let key: Uint8Array = NO_BYTES;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === 0x08) map = reader.uint32();
    else if (tag === 0x12) key = reader.view(end);
    else reader.skip(tag, 2);
  }
  reader.finish(end);
  return { map: asMapId(map), key };
}
