/**
 * MessagePack with the fidelity of structured cloning: what MessagePack has no form for travels as extensions.
 *
 * `undefined`, -0 and strings with lone surrogates are scalars that the library would change without a word, and an
 * object's own key `__proto__` is one that its decoder refuses. An object or array that holds such a thing is itself
 * written as an extension around its flattened elements; every other takes the library's fast path. References are
 * not kept: one object in two places becomes two, and a cycle is refused.
 */
import { Decoder, decodeTimestampExtension, Encoder, ExtData, encodeTimestampExtension } from '@msgpack/msgpack';
import { GridError } from '@ostraca/core';

/** Type numbers of our extensions: stored in values, so never used again for another meaning. */
const EXTENSIONS = {
  timestamp: -1,
  undefined: 0,
  negativeZero: 1,
  /** UTF-16 code units, for a string with a lone surrogate. */
  units: 2,
  bigint: 3,
  invalidDate: 4,
  map: 5,
  set: 6,
  /** One byte for the kind (BINARY_KINDS), then the bytes, little-endian. */
  binary: 7,
  object: 8,
  array: 9,
} as const;

const NOTHING = new Uint8Array(0);
const UNDEFINED = new ExtData(EXTENSIONS.undefined, NOTHING);
const NEGATIVE_ZERO = new ExtData(EXTENSIONS.negativeZero, NOTHING);
const INVALID_DATE = new ExtData(EXTENSIONS.invalidDate, NOTHING);

/** By their index here: add at the end. */
const BINARY_KINDS = [
  Uint8Array,
  ArrayBuffer,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as const;

const DEPTH_MAX = 500;

const extensionCodec = { tryToEncode: extensionOf, decode: decodeExtension };
const encoder = new Encoder({ extensionCodec, maxDepth: DEPTH_MAX });
const decoder = new Decoder({ extensionCodec });

/**
 * The bytes are shared with the next call: copy them first.
 *
 * @throws {@link GridError} `invalid_argument`: holds a function, a symbol, a cycle, or another object that
 *   structured cloning would not keep.
 */
export function encodeMessagePack(value: unknown): Uint8Array {
  try {
    return encoder.encodeSharedRef(storable(value));
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    const reason = cause instanceof RangeError ? 'nested too deep, or a cycle' : String(cause);
    throw new GridError('invalid_argument', { details: { argument: 'value', reason }, cause });
  }
}

export function decodeMessagePack(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/** The scalar itself, or the extension that stands for it. */
function storable(value: unknown): unknown {
  if (value === undefined) return UNDEFINED;
  if (value === 0 && Object.is(value, -0)) return NEGATIVE_ZERO;
  if (typeof value === 'string' && !isWellFormed(value)) return new ExtData(EXTENSIONS.units, unitsOf(value));
  return value;
}

/** Called by the encoder for everything that is no scalar of MessagePack; null: it writes the thing itself. */
function extensionOf(value: unknown): ExtData | null {
  if (typeof value === 'bigint') return new ExtData(EXTENSIONS.bigint, encoder.encode(value.toString(16)));
  if (typeof value !== 'object' || value === null) throw unstorable(`a ${typeof value}`);
  if (value instanceof ExtData) return value;
  if (Array.isArray(value)) return arrayExtension(value);
  if (value instanceof Date) return dateExtension(value);
  if (value instanceof Map) return new ExtData(EXTENSIONS.map, encoder.encode([...value].flat(1)));
  if (value instanceof Set) return new ExtData(EXTENSIONS.set, encoder.encode([...value]));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return binaryExtension(value);
  const tag = Object.prototype.toString.call(value);
  if (tag !== '[object Object]') throw unstorable(tag);
  return objectExtension(value);
}

function arrayExtension(array: readonly unknown[]): ExtData | null {
  let isPlain = true;
  for (let index = 0; index < array.length && isPlain; index += 1) isPlain = isPlainScalar(array[index]);
  return isPlain ? null : new ExtData(EXTENSIONS.array, encoder.encode(Array.from(array, storable)));
}

function objectExtension(value: object): ExtData | null {
  const entries = Object.entries(value);
  if (entries.every(([key, held]) => key !== '__proto__' && isWellFormed(key) && isPlainScalar(held))) return null;
  return new ExtData(EXTENSIONS.object, encoder.encode(entries.flat(1).map(storable)));
}

function isPlainScalar(value: unknown): boolean {
  return Object.is(storable(value), value);
}

function dateExtension(date: Date): ExtData {
  if (Number.isNaN(date.getTime())) return INVALID_DATE;
  const bytes = encodeTimestampExtension(date);
  return bytes === null ? INVALID_DATE : new ExtData(EXTENSIONS.timestamp, bytes);
}

function binaryExtension(value: ArrayBufferView | ArrayBuffer): ExtData {
  const kind = BINARY_KINDS.findIndex((binary) => value instanceof binary);
  if (kind < 0) throw unstorable(Object.prototype.toString.call(value));
  const held = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  const bytes = new Uint8Array(held.length + 1);
  bytes[0] = kind;
  bytes.set(held, 1);
  return new ExtData(EXTENSIONS.binary, bytes);
}

function decodeExtension(bytes: Uint8Array, type: number): unknown {
  switch (type) {
    case EXTENSIONS.timestamp:
      return decodeTimestampExtension(bytes);
    case EXTENSIONS.undefined:
      return undefined;
    case EXTENSIONS.negativeZero:
      return -0;
    case EXTENSIONS.units:
      return textOf(bytes);
    case EXTENSIONS.bigint:
      return bigintOf(decoder.decode(bytes) as string);
    case EXTENSIONS.invalidDate:
      return new Date(Number.NaN);
    case EXTENSIONS.map:
      return new Map(pairsOf(decoder.decode(bytes)));
    case EXTENSIONS.set:
      return new Set(decoder.decode(bytes) as unknown[]);
    case EXTENSIONS.binary:
      return binaryOf(bytes);
    case EXTENSIONS.object:
      return objectOf(pairsOf(decoder.decode(bytes)));
    case EXTENSIONS.array:
      return decoder.decode(bytes);
    default:
      throw new GridError('invalid_argument', { details: { reason: `a value with the unknown extension ${type}` } });
  }
}

function binaryOf(bytes: Uint8Array): unknown {
  const Binary = BINARY_KINDS[bytes[0] ?? BINARY_KINDS.length];
  if (Binary === undefined) {
    throw new GridError('invalid_argument', {
      details: { reason: `a value with the unknown binary kind ${bytes[0]}` },
    });
  }
  // A copy: the bytes lie in the frame that brought them, at any alignment.
  const { buffer } = bytes.slice(1);
  return Binary === ArrayBuffer ? buffer : new (Binary as new (buffer: ArrayBuffer) => unknown)(buffer);
}

function pairsOf(flat: unknown): [unknown, unknown][] {
  const elements = flat as unknown[];
  return Array.from({ length: elements.length / 2 }, (_, index) => [elements[2 * index], elements[2 * index + 1]]);
}

function objectOf(pairs: readonly [unknown, unknown][]): object {
  const object = {};
  for (const [key, value] of pairs) {
    // An assignment to `__proto__` would change the prototype.
    Object.defineProperty(object, key as string, { value, configurable: true, enumerable: true, writable: true });
  }
  return object;
}

function bigintOf(hex: string): bigint {
  return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
}

/** Free for a string of one-byte characters. Typed by hand: the method is in every supported engine, not in es2023. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

function unitsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    bytes[2 * index] = unit & 0xff;
    bytes[2 * index + 1] = unit >> 8;
  }
  return bytes;
}

function textOf(units: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 1 < units.length; at += 2) {
    text += String.fromCharCode((units[at] as number) | ((units[at + 1] as number) << 8));
  }
  return text;
}

function unstorable(what: string): GridError {
  return new GridError('invalid_argument', { details: { argument: 'value', reason: `${what} cannot be stored` } });
}
