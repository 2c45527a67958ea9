/**
 * Reads the protobuf wire format in place. As in decode.ts nothing trusts a length or a count, and what is refused here
 * is what is refused there, though in fewer words: codec.ts lets that walk find them.
 *
 * A byte past the end of the frame reads as undefined, which is not less than 128: so the short way of `varint` needs
 * no look at the end.
 */
import { NO_BYTES } from '@ostraca/core';
import protobuf from 'protobufjs/minimal.js';
import { ProtocolError } from '../protocol-error.ts';

const UINT32_MAX = 0xffff_ffff;
const NO_TEXT = { text: '', start: 0, end: 0 };

/** A number by its bytes. A DataView of each frame costs more than to decode all of a small one. */
const DOUBLE = new DataView(new ArrayBuffer(8));

function int32At(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

export function refuse(): never {
  throw new ProtocolError('refused');
}

/** The list that all empty ones share: frozen, for it is readonly in the types alone. */
const NO_ITEMS: readonly never[] = Object.freeze([]);

/** To be added to by `withItem` alone. */
export function noItems<T>(): T[] {
  return NO_ITEMS as unknown as T[];
}

export function withItem<T>(items: T[], item: T): T[] {
  // Not a literal: see NewRead and the others.
  if (items.length === 0) return Array.of(item);
  items.push(item);
  return items;
}

export class FrameReader {
  readonly bytes: Uint8Array;
  at = 0;
  /** Asked for once: that costs as much as a view. */
  readonly #buffer: ArrayBufferLike;
  readonly #offset: number;
  /** The text read last: records that follow each other are often of one client. */
  #last = NO_TEXT;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#buffer = bytes.buffer;
    this.#offset = bytes.byteOffset;
  }

  /** At most 2^53 - 1. */
  varint(): number {
    const byte = this.bytes[this.at] as number;
    if (byte < 128) {
      this.at++;
      return byte;
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    const { bytes } = this;
    let { at } = this;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = bytes[at++];
      if (byte === undefined) refuse();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        this.at = at;
        return value;
      }
      scale *= 128;
    }
    return refuse();
  }

  uint32(): number {
    const value = this.varint();
    return value <= UINT32_MAX ? value : refuse();
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  double(): number {
    const { bytes, at } = this;
    if (at + 8 > bytes.length) refuse();
    DOUBLE.setInt32(0, int32At(bytes, at), true);
    DOUBLE.setInt32(4, int32At(bytes, at + 4), true);
    const value = DOUBLE.getFloat64(0, true);
    this.at = at + 8;
    return Number.isFinite(value) ? value : refuse();
  }

  /** Where the value that begins with its length ends; `end` is that of the message around it. */
  endOf(end: number): number {
    const length = this.varint();
    const { at } = this;
    return length <= end - at ? at + length : refuse();
  }

  /** A view of the frame. */
  view(end: number): Uint8Array {
    const viewEnd = this.endOf(end);
    const { at } = this;
    this.at = viewEnd;
    if (viewEnd === at) return NO_BYTES;
    return new Uint8Array(this.#buffer, this.#offset + at, viewEnd - at);
  }

  text(end: number): string {
    const { bytes, at: lengthAt } = this;
    const textEnd = this.endOf(end);
    // protobufjs refuses a longer one, which nobody has reason to send.
    if (this.at - lengthAt > 5) refuse();
    const { at } = this;
    this.at = textEnd;
    const last = this.#last;
    const length = textEnd - at;
    if (length === last.end - last.start) {
      let index = 0;
      while (index < length && bytes[at + index] === bytes[last.start + index]) index++;
      if (index === length) return last.text;
    }
    let text: string;
    try {
      text = protobuf.util.utf8.readStrict(bytes, at, textEnd);
    } catch {
      return refuse();
    }
    this.#last = { text, start: at, end: textEnd };
    return text;
  }

  /** The numbers of a packed list, added to `items`. */
  packed(items: number[], end: number): number[] {
    const itemsEnd = this.endOf(end);
    let added = items;
    while (this.at < itemsEnd) added = withItem(added, this.varint());
    if (this.at !== itemsEnd) refuse();
    return added;
  }

  /** What is passed over: a field of a newer version. The fields up to `known` are not, whatever their wire type. */
  skip(tag: number, known: number): void {
    if (tag > UINT32_MAX || tag >>> 3 <= known) refuse();
    const { bytes } = this;
    switch (tag & 7) {
      case 0:
        while ((bytes[this.at++] ?? refuse()) > 127);
        return;
      case 1:
        this.at += 8;
        break;
      case 2: {
        const lengthAt = this.at;
        const length = this.varint();
        if (this.at - lengthAt > 5) refuse();
        this.at += length;
        break;
      }
      case 5:
        this.at += 4;
        break;
      default:
        refuse();
    }
    if (this.at > bytes.length) refuse();
  }

  /** A message was read to its end, and not over it. */
  finish(end: number): void {
    if (this.at !== end) refuse();
  }
}
