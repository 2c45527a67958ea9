/**
 * Writes the protobuf wire format straight into one piece of memory: no object per field, no list of parts that are
 * joined afterwards. Who writes has counted the bytes before (byte-counts.ts), so nothing is moved to make room for a
 * length, and there is room for all of it.
 *
 * Frames lie one behind the other in a chunk: memory is asked for once in many frames. A frame that was taken is never
 * written to again, as the socket may hold it for long; what is left of its chunk serves the frames after it.
 */
import protobuf from 'protobufjs/minimal.js';

const UINT32_MAX = 0xffff_ffff;
/** Many frames of a usual size, yet little to keep for one frame that waits for a slow peer. */
export const CHUNK_BYTES = 64 * 1024;
/** Up to here a loop beats the call of `set`, which takes 16 ns whatever the length. */
const LOOP_BYTES_MAX = 12;

/** Of Node.js; a browser has none. */
interface UnclearedSupply {
  allocUnsafeSlow(bytes: number): Uint8Array;
}
const { Buffer: uncleared } = globalThis as { readonly Buffer?: UnclearedSupply };

/** Not cleared where that can be had, which takes a tenth of the time: a frame holds nothing but what was written. */
function newChunk(bytes: number): Uint8Array<ArrayBuffer> {
  if (uncleared === undefined) return new Uint8Array(bytes);
  const { buffer, byteOffset } = uncleared.allocUnsafeSlow(bytes);
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, bytes);
}

/** A value that the contract cannot carry. In no words: the walk of encode.ts, which refuses it as well, has them. */
export class UnsendableError extends Error {
  override readonly name = 'UnsendableError';
}

export function unsendable(): never {
  throw new UnsendableError('a value that cannot be sent');
}

/**
 * What is called for every field is kept small, and the rest of it in functions of their own: the compiler takes only
 * so much code of what is called into the caller, and past that a field costs a call.
 */
export class FrameWriter {
  private chunk = new Uint8Array(0);
  private chunkView = new DataView(this.chunk.buffer);
  /** Where the frame begins, and where it goes on, in the chunk. */
  private start = 0;
  private at = 0;
  /** Of the messages in the message that is written next: in the order in which they begin. */
  private readonly counts: number[] = [];
  private countsTaken = 0;
  private countsMade = 0;

  /** Of the frame so far. */
  get frameBytes(): number {
    return this.at - this.start;
  }

  /** Makes room, which must be all that is written until the next call. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.chunk.length) return;
    const frame = this.chunk.subarray(this.start, this.at);
    const needed = frame.length + bytes;
    const chunk = newChunk(needed <= CHUNK_BYTES / 2 ? CHUNK_BYTES : 2 * needed);
    this.chunk = chunk;
    this.chunkView = new DataView(chunk.buffer, chunk.byteOffset);
    chunk.set(frame);
    this.start = 0;
    this.at = frame.length;
  }

  /** The frame. The next one begins behind it. */
  take(): Uint8Array {
    const frame = new Uint8Array(this.chunk.buffer, this.chunk.byteOffset + this.start, this.at - this.start);
    this.start = this.at;
    return frame;
  }

  /** Forgets what was written after the frame had `frameBytes`. */
  cutTo(frameBytes: number): void {
    this.at = this.start + frameBytes;
  }

  // ── Counts: how long the messages inside of a message are, found when it was counted ──

  forgetCounts(): void {
    this.countsTaken = 0;
    this.countsMade = 0;
  }

  /** Keeps the place of a message whose own parts have counts too. */
  openCount(): number {
    return this.countsMade++;
  }

  closeCount(place: number, bytes: number): void {
    this.counts[place] = bytes;
  }

  addCount(bytes: number): void {
    this.counts[this.countsMade++] = bytes;
  }

  /** Begins a message inside of another. */
  nested(tag: number): void {
    this.number(tag, this.counts[this.countsTaken++] as number);
  }

  // ── Values ──

  /** Any number from 0 to 2^53 - 1. */
  varint(value: number): void {
    // True of whole numbers from 0 to 127 and of nothing else, so that the usual number is checked for free.
    if ((value & 127) === value) this.chunk[this.at++] = value;
    else this.longVarint(value);
  }

  private longVarint(value: number): void {
    if (value >>> 0 !== value && (!Number.isSafeInteger(value) || value < 0)) unsendable();
    const { chunk } = this;
    let { at } = this;
    let rest = value;
    while (rest > UINT32_MAX) {
      chunk[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      chunk[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    chunk[at++] = rest;
    this.at = at;
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length <= LOOP_BYTES_MAX) {
      const chunk = this.chunk;
      const at = this.at;
      for (let index = 0; index < length; index++) chunk[at + index] = bytes[index] as number;
    } else {
      this.chunk.set(bytes, this.at);
    }
    this.at += length;
  }

  // ── Fields. `tag` is of one byte. What equals its absence is not written, as in proto3 ──

  uint64(tag: number, value: number): void {
    if (value !== 0) this.number(tag, value);
  }

  uint32(tag: number, value: number): void {
    if ((value & 127) !== value) this.longUint32(tag, value);
    else if (value !== 0) this.number(tag, value);
  }

  private longUint32(tag: number, value: number): void {
    if (value >>> 0 !== value) unsendable();
    this.number(tag, value);
  }

  /** Also when it is zero. */
  private number(tag: number, value: number): void {
    const { chunk, at } = this;
    chunk[at] = tag;
    if ((value & 127) === value) {
      chunk[at + 1] = value;
      this.at = at + 2;
    } else {
      this.at = at + 1;
      this.longVarint(value);
    }
  }

  double(tag: number, value: number): void {
    // -0 is there.
    if (value !== 0 || 1 / value < 0) this.presentDouble(tag, value);
  }

  private presentDouble(tag: number, value: number): void {
    if (!Number.isFinite(value)) unsendable();
    this.chunk[this.at] = tag;
    this.chunkView.setFloat64(this.at + 1, value, true);
    this.at += 9;
  }

  bool(tag: number, value: boolean): void {
    if (value) this.number(tag, 1);
  }

  /** Also when it is empty: in a list. */
  item(tag: number, value: Uint8Array): void {
    this.number(tag, value.length);
    this.raw(value);
  }

  bytes(tag: number, value: Uint8Array): void {
    if (value.length > 0) this.item(tag, value);
  }

  /** `number` is that of its literal, from 1. */
  literal(tag: number, number: number): void {
    if (number < 1) unsendable();
    this.number(tag, number);
  }

  text(tag: number, value: string): void {
    if (value !== '') this.textItem(tag, value);
  }

  /** Also when it is empty. */
  textItem(tag: number, value: string): void {
    const { length } = value;
    const before = this.at;
    // As most texts are ASCII, it is written as such on trust, and again when it was none.
    this.number(tag, length);
    const { chunk, at } = this;
    let chars = 0;
    for (let index = 0; index < length; index++) {
      const char = value.charCodeAt(index);
      chars |= char;
      chunk[at + index] = char;
    }
    if (chars < 128) {
      this.at = at + length;
      return;
    }
    this.at = before;
    this.number(tag, protobuf.util.utf8.length(value));
    this.at += protobuf.util.utf8.write(value, chunk, this.at);
  }

  /** A list of numbers in one field. */
  packed(tag: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.nested(tag);
    for (const value of values) this.varint(value);
  }
}
