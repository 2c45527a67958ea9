/** Key to bytes; the form is described in key.ts. */
import { GridError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { BIGINT_ZERO, ESCAPE, KEY_TAGS, type Key } from './key.ts';

/**
 * @throws {@link GridError} `invalid_argument`: not a key (NaN, a lone surrogate, too deep, another type).
 * @throws {@link GridError} `too_large`: more than LIMITS.keyBytesMax bytes.
 */
export function encodeKey(key: Key): Uint8Array {
  const plain = typeof key === 'string' ? encodePlainText(key) : undefined;
  if (plain !== undefined) return plain;
  const writer = new KeyWriter();
  writeKey(writer, key, 0);
  return writer.bytes.slice(0, writer.length);
}

/** What the bytes of every string key that begins with `prefix` begin with. */
export function encodeTextPrefix(prefix: string): Uint8Array {
  const bytes = encodeKey(prefix);
  return bytes.subarray(0, bytes.length - 1);
}

/** Most keys are short ASCII strings: one loop and one array of the right size (saves the writer and a copy). */
function encodePlainText(text: string): Uint8Array | undefined {
  if (text.length > LIMITS.keyBytesMax - 2) throw keyTooLarge();
  const bytes = new Uint8Array(text.length + 2);
  bytes[0] = KEY_TAGS.string;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80 || unit === 0) return undefined;
    bytes[index + 1] = unit;
  }
  return bytes;
}

/** Grows by doubling; never past the limit. */
class KeyWriter {
  bytes = new Uint8Array(64);
  length = 0;

  push(byte: number): void {
    if (this.length === this.bytes.length) this.#grow();
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  pushEscaped(byte: number): void {
    this.push(byte);
    if (byte === 0) this.push(ESCAPE);
  }

  #grow(): void {
    if (this.length >= LIMITS.keyBytesMax) throw keyTooLarge();
    const grown = new Uint8Array(Math.min(this.bytes.length * 2, LIMITS.keyBytesMax));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

function writeKey(writer: KeyWriter, key: Key, depth: number): void {
  switch (typeof key) {
    case 'boolean':
      writer.push(key ? KEY_TAGS.true : KEY_TAGS.false);
      return;
    case 'number':
      writeNumber(writer, key);
      return;
    case 'bigint':
      writeBigint(writer, key);
      return;
    case 'string':
      writeText(writer, key);
      return;
    default:
      if (key instanceof Uint8Array) writeBytes(writer, key);
      else if (Array.isArray(key)) writeTuple(writer, key, depth + 1);
      else throw invalidKey(`a key is a string, number, bigint, boolean, Uint8Array or a tuple, not ${nameOf(key)}`);
  }
}

function writeNumber(writer: KeyWriter, value: number): void {
  if (Number.isNaN(value)) throw invalidKey('NaN is no key');
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  writer.push(KEY_TAGS.number);
  const isNegative = view.getUint8(0) >= 0x80;
  for (let index = 0; index < 8; index += 1) {
    const flip = isNegative ? 0xff : index === 0 ? 0x80 : 0;
    writer.push(view.getUint8(index) ^ flip);
  }
}

function writeBigint(writer: KeyWriter, value: bigint): void {
  const isNegative = value < 0n;
  // A radix that is a power of two takes time linear in the length.
  const digits = (isNegative ? -value : value).toString(16);
  const count = value === 0n ? 0 : (digits.length + 1) >> 1;
  if (count > LIMITS.keyBytesMax) throw keyTooLarge();
  const distance = isNegative ? BIGINT_ZERO - count : BIGINT_ZERO + count;
  writer.push(KEY_TAGS.bigint);
  writer.push(distance >> 8);
  writer.push(distance & 0xff);
  const even = digits.padStart(count * 2, '0');
  for (let index = 0; index < count; index += 1) {
    const byte = Number.parseInt(even.slice(index * 2, index * 2 + 2), 16);
    writer.push(isNegative ? byte ^ 0xff : byte);
  }
}

/** UTF-8 by hand: core has no TextEncoder, and that would replace a lone surrogate without a word. */
function writeText(writer: KeyWriter, text: string): void {
  writer.push(KEY_TAGS.string);
  for (let index = 0; index < text.length; index += 1) {
    let point = text.charCodeAt(index);
    if (point >= 0xd800 && point <= 0xdfff) {
      const low = text.charCodeAt(index + 1);
      if (point >= 0xdc00 || !(low >= 0xdc00 && low <= 0xdfff)) throw invalidKey('a lone surrogate in a string');
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      index += 1;
    }
    if (point < 0x80) {
      writer.pushEscaped(point);
    } else if (point < 0x800) {
      writer.push(0xc0 | (point >> 6));
      writer.push(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      writer.push(0xe0 | (point >> 12));
      writer.push(0x80 | ((point >> 6) & 0x3f));
      writer.push(0x80 | (point & 0x3f));
    } else {
      writer.push(0xf0 | (point >> 18));
      writer.push(0x80 | ((point >> 12) & 0x3f));
      writer.push(0x80 | ((point >> 6) & 0x3f));
      writer.push(0x80 | (point & 0x3f));
    }
  }
  writer.push(KEY_TAGS.end);
}

function writeBytes(writer: KeyWriter, bytes: Uint8Array): void {
  writer.push(KEY_TAGS.bytes);
  for (const byte of bytes) writer.pushEscaped(byte);
  writer.push(KEY_TAGS.end);
}

function writeTuple(writer: KeyWriter, elements: readonly Key[], depth: number): void {
  if (depth > LIMITS.keyDepthMax) throw invalidKey(`tuples are nested deeper than ${LIMITS.keyDepthMax}`);
  writer.push(KEY_TAGS.tuple);
  // By index: a hole is an undefined element, and refused as such.
  for (let index = 0; index < elements.length; index += 1) writeKey(writer, elements[index] as Key, depth);
  writer.push(KEY_TAGS.end);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return value.constructor?.name ?? 'object';
}

function invalidKey(reason: string): GridError {
  return new GridError('invalid_argument', { details: { argument: 'key', reason } });
}

function keyTooLarge(): GridError {
  return new GridError('too_large', { details: { argument: 'key', keyBytesMax: LIMITS.keyBytesMax } });
}
