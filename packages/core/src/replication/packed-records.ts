/**
 * Decided records of a log as bytes, the oldest first. As objects each took about seven times its size and kept the garbage
 * collector busy for as long as it was retained; almost none is ever read again (a replica that comes back asks for them).
 *
 *     chunks   [ r1 r2 r3 r4 r5 ][ r6 r7 …    ]        places   r1: (0, 0)  r2: (0, 61)  …  r6: (1, 0)
 *
 * The form is nobody's business but ours: it never leaves the process.
 */
import { assert, must } from '../assert.ts';
import type { ClientId, MapId } from '../ids.ts';
import type { LogRecord, Operation, OperationKind, RecordKind } from '../messages.ts';

const CHUNK_BYTES_MIN = 4 * 1024;
const CHUNK_BYTES_MAX = 256 * 1024;
/** Room of all numbers of a record, and of those of one operation. */
const RECORD_BYTES_MAX = 128;
const OPERATION_BYTES_MAX = 64;
const LSN_BYTES_MAX = 8;
const LOOP_BYTES_MAX = 64;

const KINDS: readonly RecordKind[] = ['write', 'noop', 'digest', 'expire', 'touch', 'session', 'abortMarker', 'evict'];
const OPERATIONS: readonly OperationKind[] = ['set', 'insert', 'update', 'delete', 'clear', 'touch', 'expire'];

interface Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Number of its first record, counted from the first that was ever put in. */
  readonly first: number;
  /** Names of clients that its records tell by their place here. */
  readonly clients: ClientId[];
}

export class PackedRecords {
  /** Of the records that are held, the oldest first; those of dropped ones lie before #headChunk. */
  #chunks: Chunk[] = [];
  #headChunk = 0;
  /** Where each begins in its chunk, from #head. */
  #places: number[] = [];
  #head = 0;
  /** Number of the record at #head. */
  #headNumber = 0;
  #at = 0;
  /** One for all records. */
  readonly #writer = new Writer();

  get count(): number {
    return this.#places.length - this.#head;
  }

  push(record: LogRecord): void {
    const bytesMax = roomOf(record);
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#at + bytesMax > chunk.bytes.length) {
      chunk = newChunk(Math.max(bytesMax, nextChunkBytes(chunk)), this.#headNumber + this.count);
      this.#chunks.push(chunk);
      this.#at = 0;
    }
    this.#places.push(this.#at);
    const writer = this.#writer;
    writer.begin(chunk, this.#at);
    writeRecord(writer, record);
    this.#at = writer.at;
  }

  /** A record made anew; its keys and values are views of ours. `index`: 0 is the oldest. */
  read(index: number): LogRecord {
    const place = must(this.#places[this.#head + index], 'a packed record');
    return readRecord(new Reader(this.#chunkOf(this.#headNumber + index), place));
  }

  /** The oldest `count` are not needed any more. */
  drop(count: number): void {
    assert(count <= this.count, 'no more than there are');
    this.#head += count;
    this.#headNumber += count;
    while (this.#chunks.length > this.#headChunk + 1) {
      if (must(this.#chunks[this.#headChunk + 1], 'chunk').first > this.#headNumber) break;
      this.#headChunk++;
    }
    if (this.#headChunk > 0) {
      this.#chunks = this.#chunks.slice(this.#headChunk);
      this.#headChunk = 0;
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#places.length) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
  }

  #chunkOf(number: number): Chunk {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#chunks[middle] as Chunk).first <= number) low = middle;
      else high = middle - 1;
    }
    return must(this.#chunks[low], 'a chunk for each record');
  }
}

function newChunk(length: number, first: number): Chunk {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer), first, clients: [] };
}

function nextChunkBytes(last: Chunk | undefined): number {
  return last === undefined ? CHUNK_BYTES_MIN : Math.min(CHUNK_BYTES_MAX, 2 * last.bytes.length);
}

function roomOf({ operations, aborted }: LogRecord): number {
  let bytes = RECORD_BYTES_MAX + LSN_BYTES_MAX * aborted.length;
  for (const { key, value } of operations) bytes += OPERATION_BYTES_MAX + key.length + value.length;
  return bytes;
}

/** What a record has besides, most have none of it. */
const HAS_ABORTED = 1;
const HAS_CLOCK = 2;
const HAS_DIGEST = 4;
const OF_CLIENT = 8;
const KIND_SHIFT = 4;
/** And an operation. */
const HAS_CONDITION = 1;
const HAS_LIFETIME = 2;
const OF_OTHER_MAP = 4;
const OPERATION_SHIFT = 3;

function writeRecord(writer: Writer, record: LogRecord): void {
  const { clientId, aborted, clockMs, ceilingMs, digestLsn } = record;
  let has = KINDS.indexOf(record.kind) << KIND_SHIFT;
  if (aborted.length > 0) has |= HAS_ABORTED;
  if (clockMs !== 0 || ceilingMs !== 0) has |= HAS_CLOCK;
  if (digestLsn !== 0) has |= HAS_DIGEST;
  if (clientId !== '') has |= OF_CLIENT;
  writer.number(has);
  writer.number(record.lsn);
  writer.number(record.epoch);
  writer.number(record.lsn - record.decidedUpTo);
  if ((has & OF_CLIENT) !== 0) {
    writer.client(clientId);
    writer.number(record.seq);
    writer.number(record.ackedBelow);
  }
  if ((has & HAS_ABORTED) !== 0) {
    writer.number(aborted.length);
    for (const lsn of aborted) writer.number(lsn);
  }
  if ((has & HAS_CLOCK) !== 0) {
    writer.double(clockMs);
    writer.double(ceilingMs);
  }
  if ((has & HAS_DIGEST) !== 0) {
    writer.number(digestLsn);
    writer.number(record.stateDigest);
  }
  writer.number(record.map);
  writer.number(record.operations.length);
  for (const operation of record.operations) writeOperation(writer, operation);
}

function writeOperation(writer: Writer, operation: Operation): void {
  const { kind, key, value, ifEpoch, ifLsn, ttlMs, expireAtMs, mapOffset } = operation;
  let has = OPERATIONS.indexOf(kind) << OPERATION_SHIFT;
  if (ifEpoch !== 0 || ifLsn !== 0) has |= HAS_CONDITION;
  if (ttlMs !== 0 || expireAtMs !== 0) has |= HAS_LIFETIME;
  if (mapOffset !== 0) has |= OF_OTHER_MAP;
  writer.number(has);
  writer.data(key);
  writer.data(value);
  if ((has & HAS_CONDITION) !== 0) {
    writer.number(ifEpoch);
    writer.number(ifLsn);
  }
  if ((has & HAS_LIFETIME) !== 0) {
    writer.double(ttlMs);
    writer.double(expireAtMs);
  }
  if ((has & OF_OTHER_MAP) !== 0) writer.number(mapOffset);
}

function readRecord(reader: Reader): LogRecord {
  const has = reader.number();
  const lsn = reader.number();
  const epoch = reader.number();
  const decidedUpTo = lsn - reader.number();
  const isOfClient = (has & OF_CLIENT) !== 0;
  const clientId = isOfClient ? reader.client() : '';
  const seq = isOfClient ? reader.number() : 0;
  const ackedBelow = isOfClient ? reader.number() : 0;
  const aborted: number[] = [];
  if ((has & HAS_ABORTED) !== 0) for (let left = reader.number(); left > 0; left--) aborted.push(reader.number());
  const hasClock = (has & HAS_CLOCK) !== 0;
  const clockMs = hasClock ? reader.double() : 0;
  const ceilingMs = hasClock ? reader.double() : 0;
  const hasDigest = (has & HAS_DIGEST) !== 0;
  const digestLsn = hasDigest ? reader.number() : 0;
  const stateDigest = hasDigest ? reader.number() : 0;
  const map = reader.number() as MapId;
  const operations: Operation[] = [];
  for (let left = reader.number(); left > 0; left--) operations.push(readOperation(reader));
  return {
    lsn,
    epoch,
    kind: must(KINDS[has >> KIND_SHIFT], 'a kind of record'),
    clientId,
    seq,
    ackedBelow,
    map,
    operations,
    decidedUpTo,
    aborted,
    clockMs,
    ceilingMs,
    digestLsn,
    stateDigest,
  };
}

function readOperation(reader: Reader): Operation {
  const has = reader.number();
  const kind = must(OPERATIONS[has >> OPERATION_SHIFT], 'a kind of operation');
  const key = reader.data();
  const value = reader.data();
  const hasCondition = (has & HAS_CONDITION) !== 0;
  const ifEpoch = hasCondition ? reader.number() : 0;
  const ifLsn = hasCondition ? reader.number() : 0;
  const hasLifetime = (has & HAS_LIFETIME) !== 0;
  const ttlMs = hasLifetime ? reader.double() : 0;
  const expireAtMs = hasLifetime ? reader.double() : 0;
  const mapOffset = (has & OF_OTHER_MAP) !== 0 ? reader.number() : 0;
  return { kind, key, value, ifEpoch, ifLsn, ttlMs, expireAtMs, mapOffset };
}

const NO_CHUNK = newChunk(0, 0);

/** Numbers in seven bits a byte, the lowest first (LEB128). */
class Writer {
  at = 0;
  #chunk = NO_CHUNK;

  begin(chunk: Chunk, at: number): void {
    this.#chunk = chunk;
    this.at = at;
  }

  number(value: number): void {
    const { bytes } = this.#chunk;
    let rest = value;
    while (rest >= 0x8000_0000) {
      bytes[this.at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      bytes[this.at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[this.at++] = rest;
  }

  double(value: number): void {
    this.#chunk.view.setFloat64(this.at, value);
    this.at += 8;
  }

  client(clientId: ClientId): void {
    const { clients } = this.#chunk;
    // Mostly few write at a time.
    let place = clients.lastIndexOf(clientId);
    if (place < 0) place = clients.push(clientId) - 1;
    this.number(place);
  }

  data(data: Uint8Array): void {
    const { length } = data;
    this.number(length);
    const { bytes } = this.#chunk;
    // A call out of compiled code costs more than a few bytes.
    if (length > LOOP_BYTES_MAX) bytes.set(data, this.at);
    else for (let index = 0; index < length; index++) bytes[this.at + index] = data[index] as number;
    this.at += length;
  }
}

class Reader {
  #at: number;
  readonly #chunk: Chunk;

  constructor(chunk: Chunk, at: number) {
    this.#chunk = chunk;
    this.#at = at;
  }

  number(): number {
    const { bytes } = this.#chunk;
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  double(): number {
    this.#at += 8;
    return this.#chunk.view.getFloat64(this.#at - 8);
  }

  client(): ClientId {
    return must(this.#chunk.clients[this.number()], 'a client of the chunk');
  }

  data(): Uint8Array {
    const length = this.number();
    this.#at += length;
    return this.#chunk.bytes.subarray(this.#at - length, this.#at);
  }
}
