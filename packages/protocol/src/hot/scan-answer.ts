import { LIMITS, NO_BYTES, type ScanAnswer, type ScanEntry } from '@ostraca/core';
import { boolBytes, bytesBytes, delimitedBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import { type FrameReader, noItems, refuse, withItem } from './frame-reader.ts';
import { type FrameWriter, unsendable } from './frame-writer.ts';
import type { HotCodec } from './hot-codec.ts';

export const SCAN_ANSWER: HotCodec<ScanAnswer> = {
  type: 'scanAnswer',
  number: 19,

  count(answer, writer) {
    let bytes = numberBytes(answer.id);
    for (const entry of answer.entries) {
      const entryBytes = countEntry(entry);
      writer.addCount(entryBytes);
      bytes += delimitedBytes(entryBytes);
    }
    bytes += boolBytes(answer.done) + numberBytes(answer.lastHash);
    return bytes + numberBytes(answer.lsn) + doubleBytes(answer.clockMs);
  },

  put(answer, writer) {
    if (answer.entries.length > LIMITS.scanEntriesMax) unsendable();
    writer.uint64(0x08, answer.id);
    for (const entry of answer.entries) {
      writer.nested(0x12);
      putEntry(entry, writer);
    }
    writer.bool(0x18, answer.done);
    writer.uint32(0x20, answer.lastHash);
    writer.uint64(0x28, answer.lsn);
    writer.double(0x31, answer.clockMs);
  },

  take(reader, end) {
    let id = 0;
    let entries = noItems<ScanEntry>();
    let done = false;
    let lastHash = 0;
    let lsn = 0;
    let clockMs = 0;
    while (reader.at < end) {
      const tag = reader.varint();
      switch (tag) {
        case 0x08:
          id = reader.varint();
          break;
        case 0x12:
          if (entries.length >= LIMITS.scanEntriesMax) refuse();
          entries = withItem(entries, takeEntry(reader, reader.endOf(end)));
          break;
        case 0x18:
          done = reader.bool();
          break;
        case 0x20:
          lastHash = reader.uint32();
          break;
        case 0x28:
          lsn = reader.varint();
          break;
        case 0x31:
          clockMs = reader.double();
          break;
        default:
          reader.skip(tag, 6);
      }
    }
    reader.finish(end);
    return { type: 'scanAnswer', id, entries, done, lastHash, lsn, clockMs };
  },
};

function countEntry(entry: ScanEntry): number {
  return bytesBytes(entry.key) + bytesBytes(entry.value) + numberBytes(entry.epoch) + numberBytes(entry.lsn);
}

function putEntry(entry: ScanEntry, writer: FrameWriter): void {
  writer.bytes(0x0a, entry.key);
  writer.bytes(0x12, entry.value);
  writer.uint64(0x18, entry.epoch);
  writer.uint64(0x20, entry.lsn);
}

function takeEntry(reader: FrameReader, end: number): ScanEntry {
  let key: Uint8Array = NO_BYTES;
  let value: Uint8Array = NO_BYTES;
  let epoch = 0;
  let lsn = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x0a:
        key = reader.view(end);
        break;
      case 0x12:
        value = reader.view(end);
        break;
      case 0x18:
        epoch = reader.varint();
        break;
      case 0x20:
        lsn = reader.varint();
        break;
      default:
        reader.skip(tag, 4);
    }
  }
  reader.finish(end);
  return { key, value, epoch, lsn };
}
