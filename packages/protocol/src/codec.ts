/**
 * Frames: what one turn has to say to one peer, in one WebSocket message. The contract is proto/frame.proto; here
 * is its only reader and writer. Hot messages are written and read by hand (hot/), all others by a walk over the schema
 * (encode.ts, decode.ts). What the former refuse is given to the latter, which refuses it too and says why.
 */
import { assert, LIMITS, must } from '@ostraca/core';
import protobuf from 'protobufjs/minimal.js';
import { decodeFields, readTag, readVarint } from './decode.ts';
import { encodeFields } from './encode.ts';
import type { WireMessage } from './hello.ts';
import { varintBytes } from './hot/byte-counts.ts';
import { FrameReader } from './hot/frame-reader.ts';
import { FrameWriter, UnsendableError } from './hot/frame-writer.ts';
import type { HotCodec } from './hot/hot-codec.ts';
import { HOT_BY_NUMBER, HOT_BY_TYPE } from './hot/hot-messages.ts';
import { ENVELOPE, WIRE } from './message-plan.ts';
import { ProtocolError } from './protocol-error.ts';

/** `Frame.messages`. */
const MESSAGE_TAG = (1 << 3) | WIRE.delimited;

/** The process's supply of memory for frames. No call finds in it anything that another one left. */
const WRITER = new FrameWriter();

/** All messages in one frame, in order. That it is not over LIMITS.frameBytesMax is for the caller to see to. */
export function encodeFrame(messages: readonly WireMessage[]): Uint8Array {
  assert(messages.length <= LIMITS.frameMessagesMax, 'a frame holds no more than frameMessagesMax messages');
  return encodeFrames(messages, Infinity)[0] ?? new Uint8Array(0);
}

/**
 * All messages in as few frames as their order allows, none of them over `frameBytesMax` or
 * LIMITS.frameMessagesMax; no frame for no message.
 *
 * @throws {AssertionError} One message alone is over `frameBytesMax`: the limits of its parts were not kept.
 */
export function encodeFrames(
  messages: readonly WireMessage[],
  frameBytesMax: number = LIMITS.frameBytesMax,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let count = 0;
  try {
    for (const message of messages) {
      const hot = HOT_BY_TYPE.get(message.type);
      const walked = hot === undefined ? walk(message) : undefined;
      const body = walked === undefined ? countHot(message, hot) : walked.length;
      const number = hot === undefined ? entryOf(message).number : hot.number;
      const bytes = envelopeBytes(number, body);
      if (bytes > frameBytesMax) {
        assert(false, `a ${message.type} of ${bytes} bytes fits into a frame of ${frameBytesMax}`);
      }
      if (count > 0 && (WRITER.frameBytes + bytes > frameBytesMax || count === LIMITS.frameMessagesMax)) {
        frames.push(WRITER.take());
        count = 0;
      }
      const end = WRITER.frameBytes + bytes;
      WRITER.reserve(bytes);
      putEnvelope(number, body);
      if (walked === undefined) putHot(message, hot);
      else WRITER.raw(walked);
      if (WRITER.frameBytes !== end) assert(false, `a ${message.type} has as many bytes as were counted`);
      count++;
    }
  } catch (error) {
    WRITER.cutTo(0);
    throw error;
  }
  if (count > 0) frames.push(WRITER.take());
  return frames;
}

/** How many bytes the message takes in a frame. */
export function encodedBytes(message: WireMessage): number {
  const hot = HOT_BY_TYPE.get(message.type);
  if (hot === undefined) return envelopeBytes(entryOf(message).number, walk(message).length);
  return envelopeBytes(hot.number, countHot(message, hot));
}

function envelopeBytes(number: number, body: number): number {
  const envelope = varintBytes(number << 3) + varintBytes(body) + body;
  return 1 + varintBytes(envelope) + envelope;
}

function putEnvelope(number: number, body: number): void {
  const tag = (number << 3) | WIRE.delimited;
  WRITER.varint(MESSAGE_TAG);
  WRITER.varint(varintBytes(tag) + varintBytes(body) + body);
  WRITER.varint(tag);
  WRITER.varint(body);
}

function countHot(message: WireMessage, hot: HotCodec | undefined): number {
  WRITER.forgetCounts();
  return must(hot, message.type).count(message, WRITER);
}

function putHot(message: WireMessage, hot: HotCodec | undefined): void {
  try {
    must(hot, message.type).put(message, WRITER);
  } catch (error) {
    // Refused there too, by the name of the field.
    if (error instanceof UnsendableError) walk(message);
    throw error;
  }
}

/** The fields of a message, by the walk. */
function walk(message: WireMessage): Uint8Array {
  const writer = protobuf.Writer.create();
  encodeFields(entryOf(message).plan, message as unknown as Readonly<Record<string, unknown>>, writer);
  return writer.finish();
}

function entryOf(message: WireMessage) {
  return must(ENVELOPE.byType.get(message.type), `${message.type} in the contract`);
}

/**
 * The messages of one frame. Their `bytes` fields are views of `bytes`, which must not change afterwards and stays
 * in memory as long as one of them does: copy what is to be kept.
 *
 * @param bytesMax Of the frame, in bytes: LIMITS.helloBytesMax until the peer's hello was accepted.
 * @throws {ProtocolError} Whatever is wrong with it; nothing else, whatever `bytes` holds.
 */
export function decodeFrame(bytes: Uint8Array, bytesMax: number = LIMITS.frameBytesMax): WireMessage[] {
  if (bytes.length > bytesMax) throw new ProtocolError(`a frame of ${bytes.length} bytes, at most ${bytesMax}`);
  // A plain view, so that the views we hand out are plain as well, also when the socket gave us a Buffer.
  const reader = new FrameReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const messages: WireMessage[] = [];
  while (reader.at < reader.bytes.length) {
    if (messages.length >= LIMITS.frameMessagesMax) {
      throw new ProtocolError(`more than ${LIMITS.frameMessagesMax} messages in a frame`);
    }
    messages.push(takeMessage(reader));
  }
  return messages;
}

function takeMessage(reader: FrameReader): WireMessage {
  const start = reader.at;
  try {
    if (reader.varint() === MESSAGE_TAG) {
      const end = reader.endOf(reader.bytes.length);
      const tag = reader.varint();
      const hot = HOT_BY_NUMBER[tag >>> 3];
      if (hot !== undefined && tag === ((hot.number << 3) | WIRE.delimited) && reader.endOf(end) === end) {
        return hot.take(reader, end);
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return walkMessage(reader, start);
}

/** One envelope with exactly one body. An unknown one is refused: the versions that we agreed on do not have it. */
function walkMessage(frame: FrameReader, start: number): WireMessage {
  const reader = new protobuf.Reader(frame.bytes);
  reader.pos = start;
  try {
    if (readTag(reader) !== MESSAGE_TAG) throw new ProtocolError('a frame holds messages only');
    const end = readLengthAsEnd(reader, reader.len);
    const tag = readTag(reader);
    const plan = ENVELOPE.byNumber.get(tag >>> 3);
    if (plan === undefined) throw new ProtocolError(`unknown message ${tag >>> 3}`);
    if ((tag & 7) !== WIRE.delimited) throw new ProtocolError(`${plan.name}: wire type ${tag & 7}`);
    const bodyEnd = readLengthAsEnd(reader, end);
    if (bodyEnd !== end) throw new ProtocolError(`${plan.name}: something follows it in its envelope`);
    const message = decodeFields(plan, reader, bodyEnd) as unknown as WireMessage;
    frame.at = end;
    return message;
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError(`malformed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function readLengthAsEnd(reader: protobuf.Reader, end: number): number {
  const bytes = readVarint(reader);
  if (bytes > end - reader.pos) throw new ProtocolError(`${bytes} bytes where ${end - reader.pos} are left`);
  return reader.pos + bytes;
}
