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

const KINDS: readonly RecordKind[] = ['write', 'noop', 'digest', 'expire', 'touch', 'session', 'abortMarker'];
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
    const writer = new Writer(chunk, this.#at);
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

function writeRecord(writer: Writer, record: LogRecord): void {
  writer.number(record.lsn);
  writer.number(record.epoch);
  writer.number(KINDS.indexOf(record.kind));
  writer.client(record.clientId);
  writer.number(record.seq);
  writer.number(record.ackedBelow);
  writer.number(record.map);
  writer.number(record.decidedUpTo);
  writer.number(record.aborted.length);
  for (const lsn of record.aborted) writer.number(lsn);
  writer.time(record.clockMs);
  writer.time(record.ceilingMs);
  writer.number(record.digestLsn);
  writer.number(record.stateDigest);
  writer.number(record.operations.length);
  for (const operation of record.operations) {
    writer.number(OPERATIONS.indexOf(operation.kind));
    writer.data(operation.key);
    writer.data(operation.value);
    writer.number(operation.ifEpoch);
    writer.number(operation.ifLsn);
    writer.time(operation.ttlMs);
    writer.time(operation.expireAtMs);
  }
}

function readRecord(reader: Reader): LogRecord {
  const lsn = reader.number();
  const epoch = reader.number();
  const kind = must(KINDS[reader.number()], 'a kind of record');
  const clientId = reader.client();
  const seq = reader.number();
  const ackedBelow = reader.number();
  const map = reader.number() as MapId;
  const decidedUpTo = reader.number();
  const aborted: number[] = [];
  for (let left = reader.number(); left > 0; left--) aborted.push(reader.number());
  const clockMs = reader.time();
  const ceilingMs = reader.time();
  const digestLsn = reader.number();
  const stateDigest = reader.number();
  const operations: Operation[] = [];
  for (let left = reader.number(); left > 0; left--) operations.push(readOperation(reader));
  return {
    lsn,
    epoch,
    kind,
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
  const kind = must(OPERATIONS[reader.number()], 'a kind of operation');
  const key = reader.data();
  const value = reader.data();
  const ifEpoch = reader.number();
  const ifLsn = reader.number();
  const ttlMs = reader.time();
  return { kind, key, value, ifEpoch, ifLsn, ttlMs, expireAtMs: reader.time() };
}

/** Numbers in seven bits a byte, the lowest first (LEB128). */
class Writer {
  at: number;
  readonly #chunk: Chunk;

  constructor(chunk: Chunk, at: number) {
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

  /** Mostly none, and not always whole. */
  time(ms: number): void {
    this.#chunk.bytes[this.at++] = ms === 0 ? 0 : 1;
    if (ms === 0) return;
    this.#chunk.view.setFloat64(this.at, ms);
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
    this.number(data.length);
    this.#chunk.bytes.set(data, this.at);
    this.at += data.length;
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

  time(): number {
    if (this.#chunk.bytes[this.#at++] === 0) return 0;
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
