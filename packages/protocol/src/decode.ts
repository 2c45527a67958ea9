/**
 * From bytes to messages. Nothing here trusts a length or a count: every length is held against the bytes that are
 * left in the message around it before anything is made, and messages nest only as deep as the schema does. Fields
 * with numbers that we do not know are passed over; everything else that is not in the contract is refused.
 */
import { NO_BYTES } from '@ostraca/core';
import type protobuf from 'protobufjs/minimal.js';
import { type FieldPlan, type MessagePlan, WIRE } from './message-plan.ts';
import { ProtocolError } from './protocol-error.ts';

const UINT32_MAX = 0xffff_ffff;

/** Reads the fields of one message, which ends at `end`. Its `bytes` are views of the reader's buffer. */
export function decodeFields(plan: MessagePlan, reader: protobuf.Reader, end: number): Record<string, unknown> {
  const message: Record<string, unknown> = { ...plan.blank };
  while (reader.pos < end) {
    const tag = readTag(reader);
    const field = plan.byNumber[tag >>> 3];
    if (field === undefined) skipField(reader, tag);
    else if (field.repeated) decodeItems({ field, wire: tag & 7, end }, reader, message);
    else {
      if ((tag & 7) !== field.wire) refuse(field, `wire type ${tag & 7}`);
      message[field.name] = decodeValue(field, reader, end);
    }
  }
  if (reader.pos !== end) throw new ProtocolError(`${plan.name}: a field goes over its end`);
  for (const name of plan.required) {
    if (message[name] === undefined) throw new ProtocolError(`${plan.name}.${name}: absent`);
  }
  return message;
}

interface ItemsPlace {
  readonly field: FieldPlan;
  readonly wire: number;
  readonly end: number;
}

/** One item, or all of a packed list. */
function decodeItems(
  { field, wire, end }: ItemsPlace,
  reader: protobuf.Reader,
  message: Record<string, unknown>,
): void {
  let items = message[field.name] as unknown[];
  if (items.length === 0) {
    // What was there is the list that all empty ones share.
    items = [];
    message[field.name] = items;
  }
  if (wire === field.wire) {
    if (items.length >= field.countMax) refuse(field, `more than ${field.countMax} items`);
    items.push(decodeValue(field, reader, end));
    return;
  }
  if (!field.packed || wire !== WIRE.delimited) refuse(field, `wire type ${wire}`);
  const itemsEnd = readEnd(field, reader, end);
  while (reader.pos < itemsEnd) {
    if (items.length >= field.countMax) refuse(field, `more than ${field.countMax} items`);
    items.push(decodeValue(field, reader, itemsEnd));
  }
  if (reader.pos !== itemsEnd) refuse(field, 'an item goes over the end of its list');
}

function decodeValue(field: FieldPlan, reader: protobuf.Reader, end: number): unknown {
  switch (field.kind) {
    case 'uint32': {
      const value = readVarint(reader);
      return value <= UINT32_MAX ? value : refuse(field, 'over 32 bits');
    }
    case 'uint64':
      return readVarint(reader);
    case 'double': {
      const value = reader.double();
      return Number.isFinite(value) ? value : refuse(field, 'not a finite number');
    }
    case 'bool':
      return readVarint(reader) !== 0;
    case 'string':
      // The reader takes the length itself; here we only look at it.
      checkEnd(field, reader, end);
      return reader.stringVerify();
    case 'bytes': {
      const valueEnd = readEnd(field, reader, end);
      const start = reader.pos;
      reader.pos = valueEnd;
      return valueEnd === start ? NO_BYTES : reader.buf.subarray(start, valueEnd);
    }
    case 'enum': {
      const number = readVarint(reader);
      return field.literals.get(number) ?? refuse(field, `no value has number ${number}`);
    }
    case 'message': {
      if (field.message === undefined) return refuse(field, 'no plan');
      return decodeFields(field.message, reader, readEnd(field, reader, end));
    }
  }
}

/** Where the value that begins with its length ends. */
function readEnd(field: FieldPlan, reader: protobuf.Reader, end: number): number {
  const bytes = readVarint(reader);
  if (bytes > end - reader.pos) refuse(field, `${bytes} bytes where ${end - reader.pos} are left`);
  return reader.pos + bytes;
}

function checkEnd(field: FieldPlan, reader: protobuf.Reader, end: number): void {
  const start = reader.pos;
  readEnd(field, reader, end);
  reader.pos = start;
}

export function readTag(reader: protobuf.Reader): number {
  const tag = readVarint(reader);
  if (tag > UINT32_MAX || tag < 8) throw new ProtocolError('a field without a number');
  return tag;
}

/** A field of a newer version. Groups are of an older protobuf than ours, and the only way to nest in what we skip. */
export function skipField(reader: protobuf.Reader, tag: number): void {
  const wire = tag & 7;
  if (wire !== WIRE.varint && wire !== WIRE.fixed64 && wire !== WIRE.delimited && wire !== WIRE.fixed32) {
    throw new ProtocolError(`wire type ${wire}`);
  }
  reader.skipType(wire);
}

/**
 * At most 2^53 - 1, so a plain number. Eight bytes carry 56 bits: from 2^53 on the sum is rounded, but never to
 * below 2^53, so that the check sees it. A canonical varint of such a number has no more than eight bytes.
 */
export function readVarint(reader: protobuf.Reader): number {
  const { buf } = reader;
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 8; count++) {
    if (reader.pos >= reader.len) throw new ProtocolError('the frame ends within a number');
    const byte = buf[reader.pos++] as number;
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    scale *= 128;
  }
  throw new ProtocolError('a number over 2^53 - 1');
}

function refuse(field: FieldPlan, reason: string): never {
  throw new ProtocolError(`${field.path}: ${reason}`);
}
