/**
 * Values to stored bytes and back. The first stored byte names the codec, and decoding goes by it alone, so that
 * every program can read what another wrote with another codec. Servers never decode values.
 */
import { GridError, LIMITS } from '@ostraca/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { decodeMessagePack, encodeMessagePack } from './messagepack.ts';
import { copyOf, newBytes } from './slab.ts';

/** A codec of one's own. */
export interface ValueCodec<Value> {
  /** First stored byte, 128 to 255: the same in every program that shares the map. */
  readonly id: number;
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
}

export type CodecOption<Value> = 'messagepack' | 'json' | 'bytes' | ValueCodec<Value>;

/** What a map needs to write and read its values. */
export interface Values<Value> {
  /**
   * Synchronous, but for a schema that validates asynchronously.
   *
   * @throws {@link GridError} `invalid_argument`: refused by the schema (`details.issues`) or the codec; `too_large`.
   */
  encode(value: Value): Uint8Array | Promise<Uint8Array>;
  decode(bytes: Uint8Array): Value;
}

const CODEC_BYTES = { messagepack: 1, json: 2, bytes: 3 } as const;
const CUSTOM_CODEC_MIN = 128;
const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder();

export function newValues<Value>(
  codec: CodecOption<Value> = 'messagepack',
  schema?: StandardSchemaV1<unknown, Value>,
): Values<Value> {
  checkCodec(codec);
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    throw invalidValue('expected a Standard Schema');
  }
  const encode = (value: unknown): Uint8Array => encodeValue(codec, value as Value);
  const custom = typeof codec === 'object' ? codec : undefined;
  return {
    encode(value) {
      if (schema === undefined) return encode(value);
      const result = schema['~standard'].validate(value);
      return result instanceof Promise ? result.then((late) => encode(accepted(late))) : encode(accepted(result));
    },
    decode: (bytes) => decodeValue(bytes, custom) as Value,
  };
}

function accepted<Value>(result: StandardSchemaV1.Result<Value>): Value {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path }) => ({
    message,
    path: (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)),
  }));
  throw new GridError('invalid_argument', { details: { argument: 'value', issues } });
}

function checkCodec<Value>(codec: CodecOption<Value>): void {
  if (typeof codec === 'string' && Object.hasOwn(CODEC_BYTES, codec)) return;
  if (typeof codec === 'object' && codec !== null) {
    const { id } = codec;
    if (!Number.isInteger(id) || id < CUSTOM_CODEC_MIN || id > 255) {
      throw invalidCodec(`the id of a codec is ${CUSTOM_CODEC_MIN} to 255`);
    }
    if (typeof codec.encode === 'function' && typeof codec.decode === 'function') return;
  }
  throw invalidCodec('messagepack, json, bytes, or an object with id, encode and decode');
}

function encodeValue<Value>(codec: CodecOption<Value>, value: Value): Uint8Array {
  switch (codec) {
    case 'messagepack':
      return stored(CODEC_BYTES.messagepack, encodeMessagePack(value));
    case 'json':
      return stored(CODEC_BYTES.json, TEXT_ENCODER.encode(jsonOf(value)));
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw invalidValue('the codec bytes takes a Uint8Array');
      return stored(CODEC_BYTES.bytes, value);
    default: {
      const bytes = codec.encode(value);
      if (!(bytes instanceof Uint8Array)) throw invalidCodec('encode returned no Uint8Array');
      return stored(codec.id, bytes);
    }
  }
}

function jsonOf(value: unknown): string {
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return text;
  } catch (cause) {
    throw new GridError('invalid_argument', { details: { argument: 'value', reason: String(cause) }, cause });
  }
  throw invalidValue(`${typeof value} has no JSON`);
}

function stored(codecByte: number, content: Uint8Array): Uint8Array {
  const valueBytes = content.length + 1;
  if (valueBytes > LIMITS.valueBytesMax) {
    const { valueBytesMax } = LIMITS;
    throw new GridError('too_large', { details: { argument: 'value', valueBytes, valueBytesMax } });
  }
  const bytes = newBytes(valueBytes);
  bytes[0] = codecByte;
  bytes.set(content, 1);
  return bytes;
}

/** @throws {@link GridError} `invalid_argument`: stored by a codec that this map was not given, or damaged. */
export function decodeValue(bytes: Uint8Array, custom?: ValueCodec<unknown>): unknown {
  try {
    // Of its own: a view of the frame would keep all of that in memory.
    if (bytes[0] === CODEC_BYTES.bytes) return copyOf(bytes.subarray(1));
    const content = bytes.subarray(1);
    switch (bytes[0]) {
      case CODEC_BYTES.messagepack:
        return decodeMessagePack(content);
      case CODEC_BYTES.json:
        return JSON.parse(TEXT_DECODER.decode(content));
      default:
        if (custom !== undefined && bytes[0] === custom.id) return custom.decode(content);
    }
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    const reason = `the stored value does not decode: ${String(cause)}`;
    throw new GridError('invalid_argument', { details: { reason, codec: bytes[0] }, cause });
  }
  throw invalidCodec(`the value was stored by codec ${bytes[0]}, which this map was not given`);
}

function invalidValue(reason: string): GridError {
  return new GridError('invalid_argument', { details: { argument: 'value', reason } });
}

function invalidCodec(reason: string): GridError {
  return new GridError('invalid_argument', { details: { argument: 'codec', reason } });
}
