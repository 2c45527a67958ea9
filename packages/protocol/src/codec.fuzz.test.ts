/** Goal: what was sent arrives, and whatever else arrives does no harm. `SEED=n` repeats a run. */
import { LIMITS } from '@ostraca/core';
import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { describe, expect, test } from 'vitest';
import { anyMessage, MESSAGES } from './arbitraries.test-lib.ts';
import { decodeFrame, encodedBytes, encodeFrame, encodeFrames } from './codec.ts';
import { SCHEMA } from './generated/schema.ts';
import type { WireMessage } from './hello.ts';
import { ProtocolError } from './protocol-error.ts';

const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };
const byteProperties = Object.getOwnPropertyNames(Object.prototype).sort();

/** The second opinion: protobufjs's own, generated from the same descriptor. */
const descriptor = { nested: SCHEMA } as unknown as protobuf.INamespace;
const frameType = protobuf.Root.fromJSON(descriptor).lookupType('Frame');

function expectDecodesOrRefuses(bytes: Uint8Array): void {
  try {
    decodeFrame(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(byteProperties);
}

describe('a message arrives as it was sent', () => {
  for (const [type, arbitrary] of Object.entries<fc.Arbitrary<WireMessage>>(MESSAGES)) {
    test(type, () => {
      fc.assert(
        fc.property(arbitrary, (message) => {
          const bytes = encodeFrame([message]);
          expect(decodeFrame(bytes)).toEqual([message]);
          expect(bytes.length).toBe(encodedBytes(message));
        }),
        { numRuns: 200, ...seed },
      );
    });
  }

  test('several in one frame, in their order', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), (messages) => {
        expect(decodeFrame(encodeFrame(messages))).toEqual(messages);
      }),
      seed,
    );
  });

  test('protobufjs reads what we write, and we read what it writes', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), (messages) => {
        const bytes = encodeFrame(messages);
        expect(decodeFrame(frameType.encode(frameType.decode(bytes)).finish())).toEqual(messages);
      }),
      { numRuns: 500, ...seed },
    );
  });

  test('in several frames when one is too small', () => {
    fc.assert(
      fc.property(fc.array(anyMessage), fc.integer({ min: 0, max: 2_000 }), (messages, spareBytes) => {
        const frameBytesMax = Math.max(0, ...messages.map(encodedBytes)) + spareBytes;
        const frames = encodeFrames(messages, frameBytesMax);
        expect(frames.flatMap((frame) => decodeFrame(frame))).toEqual(messages);
        for (const [index, frame] of frames.entries()) {
          expect(frame.length).toBeLessThanOrEqual(frameBytesMax);
          const next = frames[index + 1];
          const [firstOfNext] = next === undefined ? [] : decodeFrame(next);
          if (firstOfNext !== undefined) {
            expect(frame.length + encodedBytes(firstOfNext)).toBeGreaterThan(frameBytesMax);
          }
        }
      }),
      seed,
    );
  });
});

describe('garbage is refused, and only by a ProtocolError', () => {
  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), expectDecodesOrRefuses), { numRuns: 20_000, ...seed });
  });

  test('random bytes in the envelope of each message', () => {
    const bodies = fc.tuple(fc.integer({ min: 0, max: 70 }), fc.uint8Array({ maxLength: 100 }));
    fc.assert(
      fc.property(bodies, ([number, body]) => {
        const writer = protobuf.Writer.create();
        writer.uint32(10).fork();
        writer.uint32((number << 3) | 2).bytes(body);
        expectDecodesOrRefuses(writer.ldelim().finish());
      }),
      { numRuns: 20_000, ...seed },
    );
  });

  test('a frame cut short never passes for the whole', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (messages, part) => {
          const whole = encodeFrame(messages);
          const cut = whole.subarray(0, Math.floor(part * (whole.length - 1)));
          expectDecodesOrRefuses(cut);
          let decoded: WireMessage[] = [];
          try {
            decoded = decodeFrame(cut);
          } catch {
            return;
          }
          // Only between two messages can a cut go unseen.
          expect(decoded).toEqual(messages.slice(0, decoded.length));
          expect(decoded.length).toBeLessThan(messages.length);
        },
      ),
      { numRuns: 2_000, ...seed },
    );
  });

  test('flipped bits', () => {
    const flips = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 3 }), flips, (messages, places) => {
        const bytes = Uint8Array.from(encodeFrame(messages));
        for (const place of places) {
          const bit = place % (bytes.length * 8);
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        }
        expectDecodesOrRefuses(bytes);
      }),
      { numRuns: 10_000, ...seed },
    );
  });

  test('what was decoded once is encoded again', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 3 }), fc.nat(), (messages, place) => {
        const bytes = Uint8Array.from(encodeFrame(messages));
        bytes[place % bytes.length] = place & 255;
        let decoded: WireMessage[] = [];
        try {
          decoded = decodeFrame(bytes);
        } catch {
          return;
        }
        // Whatever the decoder lets pass has values that the encoder lets pass: a message can be handed on.
        expect(decodeFrame(encodeFrame(decoded))).toEqual(decoded);
      }),
      { numRuns: 5_000, ...seed },
    );
  });

  test('a length far over the frame takes no memory', () => {
    const lie = Uint8Array.of(10, 0xff, 0xff, 0xff, 0x7f, 26, 0xff, 0xff, 0xff, 0x7f, 0);
    expect(() => decodeFrame(lie)).toThrow(ProtocolError);
    expect(LIMITS.frameBytesMax).toBeLessThan(0x0fff_ffff);
  });
});
