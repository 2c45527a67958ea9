/**
 * The bytes of a journal file.
 *
 *   header   "OSTRACAJ" · version (u32) · CRC-32 of the twelve bytes before (u32)
 *   record   payload bytes (u32) · CRC-32 of that number and the payload (u32) · payload: a JSON array of events
 *
 * All numbers are little endian. One record holds what one sync made durable, so an interrupted write leaves a
 * broken last record and never a broken one before a whole one. That is how the two are told apart: if anything
 * that reads as a whole record lies behind the break, something else has damaged the file, and what is behind the
 * break was promised to be durable. (A bit that flips within the last record looks like an interrupted write.)
 */
import { crc32 } from 'node:zlib';
import { JournalError } from './journal-error.ts';

const MAGIC = Buffer.from('OSTRACAJ', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 16;
const RECORD_HEAD_BYTES = 8;
/** `[]` is the least that a payload can be; it always starts with a bracket. */
const PAYLOAD_BYTES_MIN = 2;
const OPENING_BRACKET = 0x5b;

export function encodeHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** `events` are JSON texts. */
export function encodeRecord(events: readonly string[]): Buffer {
  const payload = Buffer.from(`[${events.join(',')}]`);
  const record = Buffer.alloc(RECORD_HEAD_BYTES + payload.length);
  record.writeUInt32LE(payload.length, 0);
  payload.copy(record, RECORD_HEAD_BYTES);
  record.writeUInt32LE(crc32(payload, crc32(record.subarray(0, 4))), 4);
  return record;
}

export interface ReadRecords {
  readonly events: unknown[];
  /** Where the whole records end; behind it there is only the rest of an interrupted write. 0: not even a header. */
  readonly endBytes: number;
}

/** @throws {JournalError} `damaged`. `path` is for its message. */
export function readRecords(bytes: Buffer, path: string): ReadRecords {
  if (!hasHeader(bytes, path)) return { events: [], endBytes: 0 };
  const events: unknown[] = [];
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    const payload = wholeRecordAt(bytes, at);
    if (payload === undefined) {
      if (hasRecordBehind(bytes, at)) throw damaged(path, at, 'a record is broken and whole ones follow it');
      break;
    }
    for (const event of JSON.parse(payload.toString()) as unknown[]) events.push(event);
    at += RECORD_HEAD_BYTES + payload.length;
  }
  return { events, endBytes: at };
}

/** False: the file is new, or its maker died over the header. */
function hasHeader(bytes: Buffer, path: string): boolean {
  const expected = encodeHeader();
  if (bytes.length < HEADER_BYTES) {
    if (bytes.equals(expected.subarray(0, bytes.length))) return false;
    throw damaged(path, 0, 'the file does not start as a journal does');
  }
  const header = bytes.subarray(0, HEADER_BYTES);
  if (header.equals(expected)) return true;
  if (header.every((byte) => byte === 0) && bytes.length === HEADER_BYTES) return false;
  const isOtherVersion =
    header.subarray(0, MAGIC.length).equals(MAGIC) && crc32(header.subarray(0, 12)) === header.readUInt32LE(12);
  const version = header.readUInt32LE(8);
  throw isOtherVersion
    ? new JournalError('damaged', `journal ${path} has format ${version}, this program reads format ${VERSION}`)
    : damaged(path, 0, 'the file does not start as a journal does');
}

function wholeRecordAt(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length - at < RECORD_HEAD_BYTES + PAYLOAD_BYTES_MIN) return undefined;
  const payloadBytes = bytes.readUInt32LE(at);
  const start = at + RECORD_HEAD_BYTES;
  if (payloadBytes < PAYLOAD_BYTES_MIN || payloadBytes > bytes.length - start) return undefined;
  // Looked at before the sum, which spares `hasRecordBehind` most of its work.
  if (bytes[start] !== OPENING_BRACKET) return undefined;
  const payload = bytes.subarray(start, start + payloadBytes);
  return crc32(payload, crc32(bytes.subarray(at, at + 4))) === bytes.readUInt32LE(at + 4) ? payload : undefined;
}

/** The broken record's length cannot be trusted, so every place behind it is tried. */
function hasRecordBehind(bytes: Buffer, at: number): boolean {
  for (let start = at + 1; start < bytes.length; start++) {
    if (wholeRecordAt(bytes, start) !== undefined) return true;
  }
  return false;
}

function damaged(path: string, offset: number, what: string): JournalError {
  return new JournalError(
    'damaged',
    `journal ${path} is damaged at byte ${offset}: ${what}; nothing was changed in it`,
  );
}
