/**
 * Frames: what one turn has to say to one peer, in one WebSocket message. The contract is proto/frame.proto; here
 * is its only reader and writer.
 */
import { assert, LIMITS } from '@ostraca/core';
import protobuf from 'protobufjs/minimal.js';
import { decodeFields, readTag, readVarint } from './decode.ts';
import { encodeFields } from './encode.ts';
import type { WireMessage } from './hello.ts';
import { ENVELOPE, WIRE } from './message-plan.ts';
import { ProtocolError } from './protocol-error.ts';

/** `Frame.messages`. */
const MESSAGE_TAG = (1 << 3) | WIRE.delimited;

/** All messages in one frame, in order. That it is not over LIMITS.frameBytesMax is for the caller to see to. */
export function encodeFrame(messages: readonly WireMessage[]): Uint8Array {
  assert(messages.length <= LIMITS.frameMessagesMax, 'a frame holds no more than frameMessagesMax messages');
  const writer = protobuf.Writer.create();
  for (const message of messages) encodeMessage(message, writer);
  return writer.finish();
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
  let writer = protobuf.Writer.create();
  let count = 0;
  for (const message of messages) {
    const bytesBefore = writer.len;
    encodeMessage(message, writer);
    if (count > 0 && (writer.len > frameBytesMax || count === LIMITS.frameMessagesMax)) {
      frames.push(writer.finish().subarray(0, bytesBefore));
      writer = protobuf.Writer.create();
      encodeMessage(message, writer);
      count = 0;
    }
    if (writer.len > frameBytesMax) {
      assert(false, `a ${message.type} of ${writer.len} bytes fits into a frame of ${frameBytesMax}`);
    }
    count++;
  }
  if (count > 0) frames.push(writer.finish());
  return frames;
}

/** How many bytes the message takes in a frame. It costs as much as to encode it. */
export function encodedBytes(message: WireMessage): number {
  const writer = protobuf.Writer.create();
  encodeMessage(message, writer);
  return writer.len;
}

function encodeMessage(message: WireMessage, writer: protobuf.Writer): void {
  const entry = ENVELOPE.byType.get(message.type);
  if (entry === undefined) assert(false, `${message.type} is in the contract`);
  writer.uint32(MESSAGE_TAG).fork();
  writer.uint32((entry.number << 3) | WIRE.delimited).fork();
  encodeFields(entry.plan, message as unknown as Readonly<Record<string, unknown>>, writer);
  writer.ldelim().ldelim();
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
  const reader = new protobuf.Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const messages: WireMessage[] = [];
    while (reader.pos < reader.len) {
      if (messages.length >= LIMITS.frameMessagesMax) {
        throw new ProtocolError(`more than ${LIMITS.frameMessagesMax} messages in a frame`);
      }
      messages.push(decodeMessage(reader));
    }
    return messages;
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError(`malformed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** One envelope with exactly one body. An unknown one is refused: the versions that we agreed on do not have it. */
function decodeMessage(reader: protobuf.Reader): WireMessage {
  if (readTag(reader) !== MESSAGE_TAG) throw new ProtocolError('a frame holds messages only');
  const end = readLengthAsEnd(reader, reader.len);
  const tag = readTag(reader);
  const plan = ENVELOPE.byNumber.get(tag >>> 3);
  if (plan === undefined) throw new ProtocolError(`unknown message ${tag >>> 3}`);
  if ((tag & 7) !== WIRE.delimited) throw new ProtocolError(`${plan.name}: wire type ${tag & 7}`);
  const bodyEnd = readLengthAsEnd(reader, end);
  if (bodyEnd !== end) throw new ProtocolError(`${plan.name}: something follows it in its envelope`);
  return decodeFields(plan, reader, bodyEnd) as unknown as WireMessage;
}

function readLengthAsEnd(reader: protobuf.Reader, end: number): number {
  const bytes = readVarint(reader);
  if (bytes > end - reader.pos) throw new ProtocolError(`${bytes} bytes where ${end - reader.pos} are left`);
  return reader.pos + bytes;
}
