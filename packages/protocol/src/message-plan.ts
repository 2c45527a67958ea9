/**
 * The schema, prepared once for the two walks over it (encode.ts, decode.ts): of every message its fields by order
 * and by number, and what a message looks like of which nothing arrived. The walks need protobufjs's reader and
 * writer only, no generated code, so that a page with a strict content security policy can run them.
 */
import { assert, LIMITS, must, NO_BYTES, NO_ROUTE } from '@ostraca/core';
import { SCHEMA } from './generated/schema.ts';
import type { WireMessageType } from './hello.ts';

/** The part of protobufjs's JSON descriptor that the contract uses. */
export interface Schema {
  readonly [name: string]: {
    readonly fields?: { readonly [name: string]: FieldDescriptor };
    readonly values?: { readonly [name: string]: number };
    readonly oneofs?: { readonly [name: string]: { readonly oneof: readonly string[] } };
  };
}

interface FieldDescriptor {
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
  readonly protoName?: string;
}

export type ScalarKind = 'uint32' | 'uint64' | 'double' | 'bool' | 'string' | 'bytes';
export type FieldKind = ScalarKind | 'enum' | 'message';

/** Wire types of the protobuf encoding. */
export const WIRE = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

const SCALARS: Readonly<Record<ScalarKind, { readonly wire: number; readonly absent: unknown }>> = {
  uint32: { wire: WIRE.varint, absent: 0 },
  uint64: { wire: WIRE.varint, absent: 0 },
  double: { wire: WIRE.fixed64, absent: 0 },
  bool: { wire: WIRE.varint, absent: false },
  string: { wire: WIRE.delimited, absent: '' },
  bytes: { wire: WIRE.delimited, absent: NO_BYTES },
};

export interface FieldPlan {
  /** As in code, with its message, for errors. */
  readonly path: string;
  readonly name: string;
  readonly number: number;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** Of one value. A repeated number is packed, but may arrive one by one. */
  readonly wire: number;
  readonly packed: boolean;
  /** Of a list. */
  readonly countMax: number;
  /** Of a message field. */
  readonly message: MessagePlan | undefined;
  /** Of an enum: the literals in code, by number and back. */
  readonly literals: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

export interface MessagePlan {
  readonly name: string;
  /** The `type` of a message that travels by itself; undefined for a part of others. */
  readonly type: WireMessageType | undefined;
  readonly fields: readonly FieldPlan[];
  readonly byNumber: readonly (FieldPlan | undefined)[];
  /** Every field in order, with the value that it has when it does not arrive; undefined: then the message is refused. */
  readonly blank: Readonly<Record<string, unknown>>;
  /** Fields that are undefined in `blank`. */
  readonly required: readonly string[];
}

export interface EnvelopePlan {
  /** By its field in the envelope. */
  readonly byNumber: ReadonlyMap<number, MessagePlan>;
  readonly byType: ReadonlyMap<string, { readonly number: number; readonly plan: MessagePlan }>;
}

/** Lists whose length core limits, by the path of the field. All others are limited by the bytes of their frame. */
const COUNTS_MAX: Readonly<Record<string, number>> = {
  'Read.keys': LIMITS.readKeysMax,
  'ReadAnswer.entries': LIMITS.readKeysMax,
  'ScanAnswer.entries': LIMITS.scanEntriesMax,
  'Write.operations': LIMITS.recordOperationsMax,
  'Lock.keys': LIMITS.readKeysMax,
  'Commit.reads': LIMITS.transactionReadsMax,
  'Commit.ranges': LIMITS.transactionReadsMax,
  'Commit.operations': LIMITS.recordOperationsMax,
  'KeepTransactions.transactions': LIMITS.openTransactionsMax,
  'LogRecord.operations': LIMITS.recordOperationsMax,
};

/** Message fields that may be absent. */
const ABSENT_MESSAGES: Readonly<Record<string, unknown>> = { 'ErrorAnswer.route': NO_ROUTE };

/** Shared by every message with an empty list: frozen, for it is readonly in the types alone. */
const NO_ITEMS: readonly unknown[] = Object.freeze([]);

export const ENVELOPE: EnvelopePlan = planEnvelope();

function planEnvelope(): EnvelopePlan {
  const plans = new Map<string, MessagePlan>();
  const byNumber = new Map<number, MessagePlan>();
  const byType = new Map<string, { number: number; plan: MessagePlan }>();
  for (const [type, { id, type: name }] of Object.entries(fieldsOf('Envelope'))) {
    const plan = planMessage(name, type as WireMessageType, plans);
    byNumber.set(id, plan);
    byType.set(type, { number: id, plan });
  }
  return { byNumber, byType };
}

function fieldsOf(message: string): { readonly [name: string]: FieldDescriptor } {
  return must(must(SCHEMA[message], `message ${message}`).fields, `fields of ${message}`);
}

function planMessage(name: string, type: WireMessageType | undefined, plans: Map<string, MessagePlan>): MessagePlan {
  const known = plans.get(name);
  if (known !== undefined) return known;
  const fields = Object.entries(fieldsOf(name)).map(([field, descriptor]) =>
    planField({ message: name, field, descriptor }, plans),
  );
  const byNumber: (FieldPlan | undefined)[] = new Array(1 + Math.max(0, ...fields.map(({ number }) => number)));
  byNumber.fill(undefined);
  const blank: Record<string, unknown> = type === undefined ? {} : { type };
  for (const field of fields) {
    assert(byNumber[field.number] === undefined, `${field.path} has its own number`);
    byNumber[field.number] = field;
    blank[field.name] = absentValue(field);
  }
  const required = fields.filter((field) => blank[field.name] === undefined).map((field) => field.name);
  const plan: MessagePlan = { name, type, fields, byNumber, blank, required };
  plans.set(name, plan);
  return plan;
}

interface FieldSource {
  readonly message: string;
  readonly field: string;
  readonly descriptor: FieldDescriptor;
}

function planField({ message, field, descriptor }: FieldSource, plans: Map<string, MessagePlan>): FieldPlan {
  const path = `${message}.${field}`;
  const repeated = descriptor.rule === 'repeated';
  const common = { path, name: field, number: descriptor.id, repeated, countMax: COUNTS_MAX[path] ?? Infinity };
  const none = { message: undefined, literals: new Map<number, string>(), numbers: new Map<string, number>() };
  if (descriptor.type in SCALARS) {
    const kind = descriptor.type as ScalarKind;
    const { wire } = SCALARS[kind];
    return { ...common, ...none, kind, wire, packed: repeated && wire !== WIRE.delimited };
  }
  const values = must(SCHEMA[descriptor.type], `type ${descriptor.type} of ${path}`).values;
  if (values !== undefined) {
    assert(!repeated, `${path}: no list of enums yet`);
    const literals = literalsOf(descriptor.type, values);
    const numbers = new Map([...literals].map(([number, literal]) => [literal, number]));
    return { ...common, ...none, kind: 'enum', wire: WIRE.varint, packed: false, literals, numbers };
  }
  const nested = planMessage(descriptor.type, undefined, plans);
  return { ...common, ...none, kind: 'message', wire: WIRE.delimited, packed: false, message: nested };
}

/** `NACK_KIND_STALE_EPOCH` of `NackKind` is `staleEpoch`. Zero is left out: it is refused. */
function literalsOf(name: string, values: { readonly [name: string]: number }): Map<number, string> {
  const prefix = `${name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}_`;
  const literals = new Map<number, string>();
  for (const [value, number] of Object.entries(values)) {
    assert(value.startsWith(prefix), `${value} begins with ${prefix}`);
    const words = value.slice(prefix.length).toLowerCase();
    if (number !== 0)
      literals.set(
        number,
        words.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      );
  }
  return literals;
}

function absentValue(field: FieldPlan): unknown {
  if (field.repeated) return NO_ITEMS;
  if (field.kind === 'message') return ABSENT_MESSAGES[field.path];
  return field.kind === 'enum' ? undefined : SCALARS[field.kind].absent;
}
