/**
 * From messages to bytes. A value that the contract cannot carry is a mistake of ours and stops us; the peer would
 * refuse it anyway. What equals its absence is not written, as in proto3.
 */
import { AssertionError } from '@ostraca/core';
import type protobuf from 'protobufjs/minimal.js';
import { type FieldPlan, type MessagePlan, WIRE } from './message-plan.ts';

type Fields = Readonly<Record<string, unknown>>;

const UINT32_MAX = 0xffff_ffff;

/** Writes the fields of one message, without its length. */
export function encodeFields(plan: MessagePlan, message: Fields, writer: protobuf.Writer): void {
  for (const field of plan.fields) {
    const value = message[field.name];
    if (field.repeated) encodeList(field, value, writer);
    else if (!isAbsent(field, value)) {
      writer.uint32((field.number << 3) | field.wire);
      encodeValue(field, value, writer);
    }
  }
}

/** Not so for -0, which arrives as -0. A message is always written, also an empty one: that it is there counts. */
function isAbsent(field: FieldPlan, value: unknown): boolean {
  switch (field.kind) {
    case 'message':
    case 'enum':
      return false;
    case 'bytes':
      return (value as Uint8Array).length === 0;
    default:
      return value === '' || value === false || Object.is(value, 0);
  }
}

function encodeList(field: FieldPlan, value: unknown, writer: protobuf.Writer): void {
  if (!Array.isArray(value) || value.length > field.countMax) refuse(field, value);
  if (value.length === 0) return;
  if (field.packed) {
    writer.uint32((field.number << 3) | WIRE.delimited).fork();
    for (const item of value) encodeValue(field, item, writer);
    writer.ldelim();
    return;
  }
  for (const item of value) {
    writer.uint32((field.number << 3) | field.wire);
    encodeValue(field, item, writer);
  }
}

function encodeValue(field: FieldPlan, value: unknown, writer: protobuf.Writer): void {
  switch (field.kind) {
    case 'uint32':
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > UINT32_MAX) refuse(field, value);
      writer.uint32(value as number);
      return;
    case 'uint64':
      if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(field, value);
      // The long way takes an object for each number.
      if ((value as number) <= UINT32_MAX) writer.uint32(value as number);
      else writer.uint64(value as number);
      return;
    case 'double':
      if (!Number.isFinite(value)) refuse(field, value);
      writer.double(value as number);
      return;
    case 'bool':
      if (typeof value !== 'boolean') refuse(field, value);
      writer.bool(value);
      return;
    case 'string':
      if (typeof value !== 'string') refuse(field, value);
      writer.string(value);
      return;
    case 'bytes':
      if (!(value instanceof Uint8Array)) refuse(field, value);
      writer.bytes(value);
      return;
    case 'enum':
      writer.uint32(field.numbers.get(value as string) ?? refuse(field, value));
      return;
    case 'message':
      if (typeof value !== 'object' || value === null || field.message === undefined) refuse(field, value);
      writer.fork();
      encodeFields(field.message, value as Fields, writer);
      writer.ldelim();
      return;
  }
}

function refuse(field: FieldPlan, value: unknown): never {
  const shown = Array.isArray(value) ? `a list of ${value.length}` : String(value).slice(0, 80);
  throw new AssertionError(`broken invariant: ${field.path} (${field.kind}) can be sent: ${shown}`);
}
