import {
  asPartitionId,
  type CheckpointChunk,
  type CheckpointEntry,
  type CheckpointKey,
  type CheckpointSession,
} from '@ostraca/core';
import { delimitedBytes, numberBytes, textLength } from './byte-counts.ts';
import { countEntry, countKey, putEntry, putKey, takeEntry, takeKey } from './checkpoint-entry.ts';
import { countSession, putSession, takeSession } from './checkpoint-session.ts';
import { noItems, withItem } from './frame-reader.ts';
import type { HotCodec } from './hot-codec.ts';

export const CHECKPOINT_CHUNK: HotCodec<CheckpointChunk> = {
  type: 'checkpointChunk',
  number: 63,

  count(chunk, writer) {
    let bytes = numberBytes(chunk.partition) + numberBytes(chunk.epoch) + numberBytes(chunk.shardInc);
    for (const entry of chunk.entries) {
      const entryBytes = countEntry(entry);
      writer.addCount(entryBytes);
      bytes += delimitedBytes(entryBytes);
    }
    for (const session of chunk.sessions) bytes += delimitedBytes(countSession(session, writer));
    for (const key of chunk.removed) {
      const keyBytes = countKey(key);
      writer.addCount(keyBytes);
      bytes += delimitedBytes(keyBytes);
    }
    for (const clientId of chunk.endedSessions) bytes += delimitedBytes(textLength(clientId));
    return bytes;
  },

  put(chunk, writer) {
    writer.uint32(0x08, chunk.partition);
    writer.uint64(0x10, chunk.epoch);
    writer.uint64(0x18, chunk.shardInc);
    for (const entry of chunk.entries) {
      writer.nested(0x22);
      putEntry(entry, writer);
    }
    for (const session of chunk.sessions) {
      writer.nested(0x2a);
      putSession(session, writer);
    }
    for (const key of chunk.removed) {
      writer.nested(0x32);
      putKey(key, writer);
    }
    for (const clientId of chunk.endedSessions) writer.textItem(0x3a, clientId);
  },

  take(reader, end) {
    let partition = 0;
    let epoch = 0;
    let shardInc = 0;
    let entries = noItems<CheckpointEntry>();
    let sessions = noItems<CheckpointSession>();
    let removed = noItems<CheckpointKey>();
    let endedSessions = noItems<string>();
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
        case 0x22:
          entries = withItem(entries, takeEntry(reader, reader.endOf(end)));
          break;
        case 0x2a:
          sessions = withItem(sessions, takeSession(reader, reader.endOf(end)));
          break;
        case 0x32:
          removed = withItem(removed, takeKey(reader, reader.endOf(end)));
          break;
        case 0x3a:
          endedSessions = withItem(endedSessions, reader.text(end));
          break;
        default:
          reader.skip(tag, 7);
      }
    }
    reader.finish(end);
    return {
      type: 'checkpointChunk',
      partition: asPartitionId(partition),
      epoch,
      shardInc,
      entries,
      sessions,
      removed,
      endedSessions,
    };
  },
};
