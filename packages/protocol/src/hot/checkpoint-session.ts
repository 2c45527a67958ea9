/** What a replica is told of one client in a CheckpointChunk. */
import type { CheckpointSession, CompletionRecord } from '@ostraca/core';
import { delimitedBytes, numberBytes, textBytes } from './byte-counts.ts';
import { type FrameReader, noItems, withItem } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';
import { countPacked } from './log-record.ts';

export function countSession(session: CheckpointSession, writer: FrameWriter): number {
  const place = writer.openCount();
  let bytes = textBytes(session.clientId) + numberBytes(session.ackedBelow);
  for (const { seq, epoch, lsn } of session.done) {
    const doneBytes = numberBytes(seq) + numberBytes(epoch) + numberBytes(lsn);
    writer.addCount(doneBytes);
    bytes += delimitedBytes(doneBytes);
  }
  bytes += countPacked(session.rolledBack, writer);
  writer.closeCount(place, bytes);
  return bytes;
}

export function putSession(session: CheckpointSession, writer: FrameWriter): void {
  writer.text(0x0a, session.clientId);
  writer.uint64(0x10, session.ackedBelow);
  for (const { seq, epoch, lsn } of session.done) {
    writer.nested(0x1a);
    writer.uint64(0x08, seq);
    writer.uint64(0x10, epoch);
    writer.uint64(0x18, lsn);
  }
  writer.packed(0x22, session.rolledBack);
}

export function takeSession(reader: FrameReader, end: number): CheckpointSession {
  let clientId = '';
  let ackedBelow = 0;
  let done = noItems<CompletionRecord>();
  let rolledBack = noItems<number>();
  while (reader.at < end) {
    const tag = reader.varint();
    switch (tag) {
      case 0x0a:
        clientId = reader.text(end);
        break;
      case 0x10:
        ackedBelow = reader.varint();
        break;
      case 0x1a:
        done = withItem(done, takeCompletion(reader, reader.endOf(end)));
        break;
      case 0x20:
        rolledBack = withItem(rolledBack, reader.varint());
        break;
      case 0x22:
        rolledBack = reader.packed(rolledBack, end);
        break;
      default:
        reader.skip(tag, 4);
    }
  }
  reader.finish(end);
  return { clientId, ackedBelow, done, rolledBack };
}

function takeCompletion(reader: FrameReader, end: number): CompletionRecord {
  let seq = 0;
  let epoch = 0;
  let lsn = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === 0x08) seq = reader.varint();
    else if (tag === 0x10) epoch = reader.varint();
    else if (tag === 0x18) lsn = reader.varint();
    else reader.skip(tag, 3);
  }
  reader.finish(end);
  return { seq, epoch, lsn };
}
