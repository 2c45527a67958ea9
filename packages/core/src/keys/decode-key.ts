/** Bytes to key, and the places of a tuple's elements; the form is described in key.ts. */
import { must } from '../assert.ts';
import { GridError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { BIGINT_ZERO, ESCAPE, KEY_TAGS, type Key } from './key.ts';

/** Where one element of an encoded tuple lies: `start` included, `end` not. */
export interface KeyElementRange {
  readonly start: number;
  readonly end: number;
}

/**
 * @throws {@link GridError} `invalid_argument`: the bytes are no encoded key.
 */
export function decodeKey(bytes: Uint8Array): Key {
  const reader = new KeyReader(bytes);
  const key = reader.readKey(0);
  if (reader.at !== bytes.length) throw damaged(bytes);
  return key;
}

/**
 * The elements of an encoded tuple, in their order; undefined if the key is no tuple. Reads no element's content,
 * so it is cheap enough for a server that checks the partition of a key.
 *
 * @throws {@link GridError} `invalid_argument`: the bytes are no encoded key.
 */
export function keyElementRanges(bytes: Uint8Array): KeyElementRange[] | undefined {
  if (bytes[0] !== KEY_TAGS.tuple) return undefined;
  const ranges: KeyElementRange[] = [];
  let at = 1;
  while (bytes[at] !== KEY_TAGS.end) {
    const end = skipElement(bytes, at);
    ranges.push({ start: at, end });
    at = end;
  }
  if (at + 1 !== bytes.length) throw damaged(bytes);
  return ranges;
}

/** The position after the element at `start`; nested tuples are counted, not entered, so no depth can hurt. */
function skipElement(bytes: Uint8Array, start: number): number {
  let at = start;
  let openTuples = 0;
  do {
    const tag = bytes[at];
    if (tag === KEY_TAGS.end && openTuples > 0) {
      openTuples -= 1;
      at += 1;
    } else if (tag === KEY_TAGS.tuple) {
      openTuples += 1;
      at += 1;
    } else {
      at = skipScalar(bytes, at);
    }
  } while (openTuples > 0);
  if (at > bytes.length) throw damaged(bytes);
  return at;
}

function skipScalar(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case KEY_TAGS.false:
    case KEY_TAGS.true:
      return at + 1;
    case KEY_TAGS.number:
      return at + 9;
    case KEY_TAGS.bigint: {
      const distance = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      return at + 3 + Math.abs(distance - BIGINT_ZERO);
    }
    case KEY_TAGS.string:
    case KEY_TAGS.bytes: {
      let next = at + 1;
      while (next < bytes.length) {
        if (bytes[next] !== 0) next += 1;
        else if (bytes[next + 1] === ESCAPE) next += 2;
        else return next + 1;
      }
      throw damaged(bytes);
    }
    default:
      throw damaged(bytes);
  }
}

class KeyReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  readKey(depth: number): Key {
    switch (this.#next()) {
      case KEY_TAGS.false:
        return false;
      case KEY_TAGS.true:
        return true;
      case KEY_TAGS.number:
        return this.#readNumber();
      case KEY_TAGS.bigint:
        return this.#readBigint();
      case KEY_TAGS.string:
        return this.#readText();
      case KEY_TAGS.bytes:
        return Uint8Array.from(this.#readEscaped());
      case KEY_TAGS.tuple:
        return this.#readTuple(depth + 1);
      default:
        throw damaged(this.bytes);
    }
  }

  #next(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw damaged(this.bytes);
    this.at += 1;
    return byte;
  }

  #readNumber(): number {
    const view = new DataView(new ArrayBuffer(8));
    const first = this.#next();
    const isNegative = first < 0x80;
    view.setUint8(0, first ^ (isNegative ? 0xff : 0x80));
    for (let index = 1; index < 8; index += 1) view.setUint8(index, this.#next() ^ (isNegative ? 0xff : 0));
    return view.getFloat64(0);
  }

  #readBigint(): bigint {
    const distance = (this.#next() << 8) | this.#next();
    const count = Math.abs(distance - BIGINT_ZERO);
    if (count > this.bytes.length - this.at) throw damaged(this.bytes);
    const isNegative = distance < BIGINT_ZERO;
    let digits = '';
    for (let index = 0; index < count; index += 1) {
      const byte = this.#next();
      digits += (isNegative ? byte ^ 0xff : byte).toString(16).padStart(2, '0');
    }
    const magnitude = BigInt(`0x${digits === '' ? '0' : digits}`);
    return isNegative ? -magnitude : magnitude;
  }

  #readText(): string {
    const bytes = this.#readEscaped();
    let text = '';
    let at = 0;
    while (at < bytes.length) {
      const first = must(bytes[at], 'first byte of a code point');
      const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      let point = length === 1 ? first : first & (0x7f >> length);
      for (let index = 1; index < length; index += 1) {
        const next = bytes[at + index];
        if (next === undefined || (next & 0xc0) !== 0x80) throw damaged(this.bytes);
        point = (point << 6) | (next & 0x3f);
      }
      if (point > 0x10ffff) throw damaged(this.bytes);
      text += String.fromCodePoint(point);
      at += length;
    }
    return text;
  }

  #readEscaped(): number[] {
    const plain: number[] = [];
    for (;;) {
      const byte = this.#next();
      if (byte !== 0) {
        plain.push(byte);
      } else if (this.bytes[this.at] === ESCAPE) {
        plain.push(0);
        this.at += 1;
      } else {
        return plain;
      }
    }
  }

  #readTuple(depth: number): Key {
    if (depth > LIMITS.keyDepthMax) throw damaged(this.bytes);
    const elements: Key[] = [];
    while (this.bytes[this.at] !== KEY_TAGS.end) elements.push(this.readKey(depth));
    this.at += 1;
    return elements;
  }
}

function damaged(bytes: Uint8Array): GridError {
  return new GridError('invalid_argument', {
    details: { argument: 'key', reason: 'these bytes are no encoded key', keyBytes: bytes.length },
  });
}
