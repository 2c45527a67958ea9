import { LIMITS, NewReadAnswer, NewReadEntry, NO_BYTES, type ReadAnswer, type ReadEntry } from '@ostraca/core';
import { boolBytes, bytesBytes, delimitedBytes, doubleBytes, numberBytes } from './byte-counts.ts';
import { type FrameReader, noItems, refuse, withItem } from './frame-reader.ts';
import { type FrameWriter, unsendable } from './frame-writer.ts';
import type { HotCodec } from './hot-codec.ts';

export const READ_ANSWER: HotCodec<ReadAnswer> = {
  type: 'readAnswer',
  number: 4,

  count(answer, writer) {
    let bytes = numberBytes(answer.id);
    for (const entry of answer.entries) {
      const entryBytes = countEntry(entry);
      writer.addCount(entryBytes);
      bytes += delimitedBytes(entryBytes);
    }
    return bytes + numberBytes(answer.lsn) + doubleBytes(answer.clockMs);
  },

  put(answer, writer) {
    if (answer.entries.length > LIMITS.readKeysMax) unsendable();
    writer.uint64(0x08, answer.id);
    for (const entry of answer.entries) {
      writer.nested(0x12);
      putEntry(entry, writer);
    }
    writer.uint64(0x18, answer.lsn);
    writer.double(0x21, answer.clockMs);
  },

  take(reader, end) {
    let id = 0;
    let entries = noItems<ReadEntry>();
    let lsn = 0;
    let clockMs = 0;
    while (reader.at < end) {
      const tag = reader.varint();
      switch (tag) {
        case 0x08:
          id = reader.varint();
          break;
        case 0x12:
          if (entries.length >= LIMITS.readKeysMax) refuse();
          entries = withItem(entries, takeEntry(reader, reader.endOf(end)));
          break;
        case 0x18:
          lsn = reader.varint();
          break;
        case 0x21:
          clockMs = reader.double();
          break;
        default:
          reader.skip(tag, 4);
      }
    }
    reader.finish(end);
    return new NewReadAnswer({ id, entries, lsn, clockMs });
  },
};

function countEntry(entry: ReadEntry): number {
  const bytes = boolBytes(entry.found) + bytesBytes(entry.value) + numberBytes(entry.epoch);
  return bytes + numberBytes(entry.lsn) + doubleBytes(entry.expireAtMs);
}

function putEntry(entry: ReadEntry, writer: FrameWriter): void {
  writer.bool(0x08, entry.found);
  writer.bytes(0x12, entry.value);
  writer.uint64(0x18, entry.epoch);
  writer.uint64(0x20, entry.lsn);
  writer.double(0x29, entry.expireAtMs);
}

function takeEntry(reader: FrameReader, end: number): ReadEntry {
  let found = false;
  let value: Uint8Array = NO_BYTES;
  let epoch = 0;
  let lsn = 0;
  let expireAtMs = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x08:
        found = reader.bool();
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
      case 0x29:
        expireAtMs = reader.double();
        break;
      default:
        reader.skip(tag, 5);
    }
  }
  reader.finish(end);
  return new NewReadEntry({ found, value, epoch, lsn, expireAtMs });
}
