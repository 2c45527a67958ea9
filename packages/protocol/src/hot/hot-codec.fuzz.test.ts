/**
 * Goal: what is written by hand says the same as the contract. The walk over the schema (encode.ts, decode.ts) and
 * protobufjs, which has the contract from its descriptor, are the two oracles. `SEED=n` repeats a run.
 */
import { LIMITS, must } from '@ostraca/core';
import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { describe, expect, test } from 'vitest';
import { MESSAGES } from '../arbitraries.test-lib.ts';
import { decodeFields } from '../decode.ts';
import { encodeFields } from '../encode.ts';
import { SCHEMA } from '../generated/schema.ts';
import type { WireMessage } from '../hello.ts';
import { ENVELOPE, type FieldPlan, type MessagePlan } from '../message-plan.ts';
import { ProtocolError } from '../protocol-error.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter, UnsendableError } from './frame-writer.ts';
import type { HotCodec } from './hot-codec.ts';
import { HOT_BY_NUMBER, HOT_BY_TYPE, HOT_CODECS } from './hot-messages.ts';

const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };
const root = protobuf.Root.fromJSON({ nested: SCHEMA } as unknown as protobuf.INamespace);
const writer = new FrameWriter();

function byHand(codec: HotCodec, message: WireMessage): Uint8Array {
  // After one that was refused.
  writer.cutTo(0);
  writer.forgetCounts();
  const bytes = codec.count(message, writer);
  writer.reserve(bytes);
  codec.put(message, writer);
  const body = writer.take();
  expect(body.length).toBe(bytes);
  return body;
}

function byWalk(plan: MessagePlan, message: WireMessage): Uint8Array {
  const walked = protobuf.Writer.create();
  encodeFields(plan, message as unknown as Readonly<Record<string, unknown>>, walked);
  return Uint8Array.from(walked.finish());
}

/** What comes of it, or that it is refused. Anything else that is thrown is a mistake. */
function outcomeOf(decode: () => unknown, refusal: new (reason: string) => Error): unknown {
  try {
    return decode();
  } catch (error) {
    if (error instanceof refusal) return 'refused';
    throw error;
  }
}

/** The body lies within other bytes, as in a frame: it must not be read beyond. */
function expectSameOutcome(codec: HotCodec, plan: MessagePlan, body: Uint8Array): unknown {
  const before = 3;
  const frame = new Uint8Array(before + body.length + 16).fill(8);
  frame.set(body, before);
  const end = before + body.length;
  const reader = new FrameReader(frame);
  reader.at = before;
  const hand = outcomeOf(() => codec.take(reader, end), ProtocolError);
  const walked = outcomeOf(() => {
    const walker = new protobuf.Reader(frame);
    walker.pos = before;
    return decodeFields(plan, walker, end);
    // The codec around it makes a ProtocolError of what protobufjs's reader throws.
  }, Error);
  expect(hand).toEqual(walked);
  if (hand !== 'refused') expect(reader.at).toBe(end);
  return hand;
}

function varint(value: number, padding = 0): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128 && bytes.length >= padding) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}

const numbers = fc.oneof(
  fc.nat(9),
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(0xffff_ffff, 0x1_0000_0000, 2 ** 53 - 1, 2 ** 53, 2 ** 63),
);
const varints = fc.oneof(
  { weight: 9, arbitrary: numbers.map((value) => varint(value)) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(300), fc.nat(9)).map(([value, padding]) => varint(value, padding)) },
);
const doubles = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1.5, Number.NaN)).map((value) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [...bytes];
});
const contents = fc.oneof(
  fc.string().map((text) => [...new TextEncoder().encode(text)]),
  fc.array(fc.nat(255)),
);

function delimited(content: fc.Arbitrary<number[]>): fc.Arbitrary<number[]> {
  // Now and then its length lies.
  const lies = fc.oneof(
    { weight: 30, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -3, max: 9 }) },
  );
  const paddings = fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(8) });
  return fc
    .tuple(content, lies, paddings)
    .map(([bytes, lie, padding]) => [...varint(Math.max(0, bytes.length + lie), padding), ...bytes]);
}

function fieldValue(field: FieldPlan, depth: number): fc.Arbitrary<number[]> {
  if (field.message !== undefined) return delimited(fieldsOf(field.message, depth - 1));
  if (field.kind === 'enum')
    return fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 1, max: 4 }).map((value) => varint(value)) }, varints);
  return field.wire === 0 ? varints : field.wire === 1 ? doubles : delimited(contents);
}

/** Fields in any order, some of them twice, of numbers that nobody knows, and of wire types that they do not have. */
function fieldsOf(plan: MessagePlan, depth: number): fc.Arbitrary<number[]> {
  const known = plan.fields
    .filter((field) => field.message === undefined || depth > 0)
    .flatMap((field) => {
      const usual = fieldValue(field, depth).map((value) => [...varint((field.number << 3) | field.wire), ...value]);
      if (!field.packed) return [usual];
      const list = delimited(fc.array(varints, { maxLength: 4 }).map((values) => values.flat()));
      return [usual, list.map((value) => [...varint((field.number << 3) | 2), ...value])];
    });
  const anyNumber = fc.oneof(fc.integer({ min: 12, max: 70_000 }), fc.constantFrom(0, 2 ** 29 - 1, 2 ** 29, 2 ** 30));
  const unknown = fc.oneof(
    fc.tuple(anyNumber, varints).map(([number, value]) => [...varint(number * 8), ...value]),
    fc.tuple(anyNumber, doubles).map(([number, value]) => [...varint(number * 8 + 1), ...value]),
    fc.tuple(anyNumber, delimited(contents)).map(([number, value]) => [...varint(number * 8 + 2), ...value]),
    fc
      .tuple(anyNumber, fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }))
      .map(([number, value]) => [...varint(number * 8 + 5), ...value]),
  );
  const wrong = fc.tuple(fc.nat(16), fc.nat(7), varints).map(([number, wire, value]) => [number * 8 + wire, ...value]);
  // An enum may not be absent: without it nothing else would be looked at.
  const needed = plan.fields.filter((field) => field.kind === 'enum').flatMap((field) => [field.number << 3, 1]);
  const usual = fc.array(fc.oneof(...known), { maxLength: 8 }).map((fields) => fields.flat());
  const odd = fc.array(fc.oneof(...known, unknown, wrong), { maxLength: 4 }).map((fields) => fields.flat());
  const extended = fc.array(fc.oneof(...known, unknown), { maxLength: 6 }).map((fields) => fields.flat());
  return fc
    .tuple(fc.oneof({ weight: 4, arbitrary: usual }, { weight: 3, arbitrary: extended }, odd), fc.boolean())
    .map(([fields, first]) => (first ? [...needed, ...fields] : [...fields, ...needed]));
}

for (const codec of HOT_CODECS) {
  const { number, plan } = must(ENVELOPE.byType.get(codec.type), codec.type);
  const messages = MESSAGES[codec.type] as fc.Arbitrary<WireMessage>;

  describe(codec.type, () => {
    test('has its number, and fields whose tags are of one byte', () => {
      expect(codec.number).toBe(number);
      expect(HOT_BY_TYPE.get(codec.type)).toBe(codec);
      expect(HOT_BY_NUMBER[number]).toBe(codec);
      const seen = new Set<MessagePlan>();
      const visit = (message: MessagePlan): void => {
        if (seen.has(message)) return;
        seen.add(message);
        // `FrameReader.skip` takes the fields from 1 to the last for known.
        expect(message.fields.map((field) => field.number)).toEqual(message.fields.map((_, index) => index + 1));
        expect(message.fields.length).toBeLessThan(16);
        for (const field of message.fields) if (field.message !== undefined) visit(field.message);
      };
      visit(plan);
    });

    test('is written byte for byte as the walk writes it, and is read as what it was', () => {
      fc.assert(
        fc.property(messages, (message) => {
          const body = byHand(codec, message);
          expect(body).toEqual(byWalk(plan, message));
          expect(expectSameOutcome(codec, plan, body)).toEqual(message);
        }),
        { numRuns: 200, ...seed },
      );
    });

    test('is read and written by protobufjs as well', () => {
      const type = root.lookupType(plan.name);
      fc.assert(
        fc.property(messages, (message) => {
          const body = byHand(codec, message);
          const decoded = type.decode(body);
          expect(type.verify(decoded)).toBeNull();
          expect(Uint8Array.from(type.encode(decoded).finish())).toEqual(body);
        }),
        { numRuns: 100, ...seed },
      );
    });

    test('has always the same fields in the same order', () => {
      const shapes = new Set<string>();
      fc.assert(
        fc.property(messages, (message) => {
          const body = byHand(codec, message);
          shapes.add(Object.keys(codec.take(new FrameReader(body), body.length)).join());
        }),
        { numRuns: 50, ...seed },
      );
      expect([...shapes]).toEqual([Object.keys(plan.blank).join()]);
    });

    test('damaged, it is refused where the walk refuses it', () => {
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('flip', 'set', 'cut', 'insert', 'drop')), {
        minLength: 1,
        maxLength: 4,
      });
      let accepted = 0;
      fc.assert(
        fc.property(messages, edits, (message, changes) => {
          const bytes = [...byHand(codec, message)];
          for (const [place, byte, edit] of changes) {
            const at = bytes.length === 0 ? 0 : place % bytes.length;
            if (edit === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (byte & 7));
            else if (edit === 'set') bytes[at] = byte;
            else if (edit === 'cut') bytes.length = at;
            else if (edit === 'insert') bytes.splice(at, 0, byte);
            else bytes.splice(at, 1);
          }
          if (expectSameOutcome(codec, plan, Uint8Array.from(bytes)) !== 'refused') accepted++;
        }),
        { numRuns: 2_000, ...seed },
      );
      expect(accepted).toBeGreaterThan(20);
    });

    test('any fields in any order come to what the walk makes of them', () => {
      let accepted = 0;
      fc.assert(
        fc.property(fieldsOf(plan, 2), (bytes) => {
          if (expectSameOutcome(codec, plan, Uint8Array.from(bytes)) !== 'refused') accepted++;
        }),
        { numRuns: 2_000, ...seed },
      );
      expect(accepted).toBeGreaterThan(100);
    });

    test('a value that cannot be sent is refused in every field', () => {
      const cannot: Record<string, readonly unknown[]> = {
        uint32: [-1, 0.5, 2 ** 32, Number.NaN],
        uint64: [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY],
        double: [Number.NaN, Number.POSITIVE_INFINITY],
        enum: ['none'],
      };
      const [sample] = fc.sample(messages, { numRuns: 1, seed: 1 });
      for (const field of plan.fields) {
        for (const value of cannot[field.kind] ?? []) {
          const message = { ...must(sample, 'a sample'), [field.name]: field.repeated ? [value] : value };
          expect(() => byHand(codec, message), `${field.path} ${value}`).toThrow(UnsendableError);
        }
      }
    });
  });
}

test('lists over their limit are refused both ways', () => {
  const lists = [
    { type: 'read', list: 'keys', item: [0x32, 0], max: LIMITS.readKeysMax, also: [0x40, 1] },
    { type: 'readAnswer', list: 'entries', item: [0x12, 0], max: LIMITS.readKeysMax, also: [] },
    { type: 'write', list: 'operations', item: [0x4a, 2, 8, 1], max: LIMITS.recordOperationsMax, also: [] },
    { type: 'scanAnswer', list: 'entries', item: [0x12, 0], max: LIMITS.scanEntriesMax, also: [] },
  ];
  for (const { type, list, item, max, also } of lists) {
    const codec = must(HOT_BY_TYPE.get(type), type);
    const { plan } = must(ENVELOPE.byType.get(type), type);
    const full = [...also, ...new Array(max).fill(item).flat()];
    const message = expectSameOutcome(codec, plan, Uint8Array.from(full));
    expect(message).toMatchObject({ type });
    expect(expectSameOutcome(codec, plan, Uint8Array.from([...full, ...item]))).toBe('refused');
    const items = (message as Record<string, unknown[]>)[list] ?? [];
    expect(() => byHand(codec, message as WireMessage)).not.toThrow();
    const over = { ...(message as WireMessage), [list]: [...items, items[0]] } as WireMessage;
    expect(() => byHand(codec, over)).toThrow(UnsendableError);
  }
});
