/** Goal: the edges of the contract, one by one. The fuzz test beside it has the rest. */
import {
  asMapId,
  asPartitionId,
  KEEP_ALL,
  LIMITS,
  LINEARIZABLE_READ,
  NO_ROUTE,
  type Read,
  type Vote,
} from '@ostraca/core';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodedBytes, encodeFrame, encodeFrames } from './codec.ts';
import { ProtocolError } from './protocol-error.ts';

const ENVELOPE_NUMBERS = { errorAnswer: 7, changeRejected: 45, nack: 10, vote: 9, heartbeat: 13, read: 3 } as const;

const vote: Vote = {
  type: 'vote',
  partition: asPartitionId(3),
  epoch: 2,
  shardInc: 1,
  ackLsn: 10,
  refused: [],
  appliedLsn: 9,
  version: 1,
};
const read: Read = {
  type: 'read',
  id: 1,
  partition: asPartitionId(3),
  epoch: 2,
  map: asMapId(0),
  ttlMs: 1_000,
  keys: [],
  withoutValues: false,
  ...LINEARIZABLE_READ,
};

/** A frame with one envelope, whose body `fill` writes by hand. */
function frameOf(type: keyof typeof ENVELOPE_NUMBERS, fill: (body: protobuf.Writer) => void): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(10).fork();
  writer.uint32((ENVELOPE_NUMBERS[type] << 3) | 2).fork();
  fill(writer);
  return writer.ldelim().ldelim().finish();
}

function varintOf(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

function reasonOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).reason;
  }
  return 'not refused';
}

describe('numbers', () => {
  test('up to 2^53 - 1 they arrive exactly, and as plain numbers', () => {
    for (const ackLsn of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 49 - 1, 2 ** 49, 2 ** 52 + 1, KEEP_ALL - 1, KEEP_ALL]) {
      const [decoded] = decodeFrame(encodeFrame([{ ...vote, ackLsn }]));
      expect(decoded).toEqual({ ...vote, ackLsn });
    }
  });

  test('larger ones are refused on arrival', () => {
    for (const lsn of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 70n]) {
      const frame = frameOf('vote', (body) => body.uint32(4 << 3).raw(varintOf(lsn)));
      expect(reasonOf(() => decodeFrame(frame))).toBe('a number over 2^53 - 1');
    }
  });

  test('more than 32 bits in a 32-bit field are refused, not cut', () => {
    const frame = frameOf('vote', (body) => body.uint32(1 << 3).uint64(2 ** 32 + 3));
    expect(reasonOf(() => decodeFrame(frame))).toBe('Vote.partition: over 32 bits');
  });

  test('a number that is not finite is refused', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const frame = frameOf('heartbeat', (body) => body.uint32((2 << 3) | 1).double(value));
      expect(reasonOf(() => decodeFrame(frame))).toBe('Heartbeat.sentAtMs: not a finite number');
    }
  });

  test('what cannot be carried stops the sender', () => {
    for (const ackLsn of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => encodeFrame([{ ...vote, ackLsn }])).toThrow('Vote.ackLsn (uint64) can be sent');
    }
    expect(() => encodeFrame([{ ...vote, partition: asPartitionId(2 ** 32) }])).toThrow('Vote.partition');
  });
});

describe('absence', () => {
  test('of scalars and lists is their zero', () => {
    const nothing = { ...vote, partition: 0, epoch: 0, shardInc: 0, ackLsn: 0, appliedLsn: 0, version: 0 };
    expect(decodeFrame(frameOf('vote', () => {}))).toEqual([nothing]);
  });

  test('of the route in an error is no route', () => {
    const expected = { type: 'errorAnswer', id: 0, code: 0, detailsJson: '', route: NO_ROUTE };
    expect(decodeFrame(frameOf('errorAnswer', () => {}))).toEqual([expected]);
  });

  test('of any other message field is refused', () => {
    expect(reasonOf(() => decodeFrame(frameOf('changeRejected', () => {})))).toBe('ChangeRejected.config: absent');
    const emptyConfig = frameOf('changeRejected', (body) => body.uint32((3 << 3) | 2).bytes(new Uint8Array(0)));
    expect(reasonOf(() => decodeFrame(emptyConfig))).toBe('PartitionConfig.primary: absent');
  });

  test('of an enum is refused, sent or not, and so is a value unknown here', () => {
    expect(reasonOf(() => decodeFrame(frameOf('nack', () => {})))).toBe('Nack.kind: absent');
    const zero = frameOf('nack', (body) => body.uint32(4 << 3).uint32(0));
    expect(reasonOf(() => decodeFrame(zero))).toBe('Nack.kind: no value has number 0');
    const unknown = frameOf('nack', (body) => body.uint32(4 << 3).uint32(99));
    expect(reasonOf(() => decodeFrame(unknown))).toBe('Nack.kind: no value has number 99');
  });

  test('of everything is a frame without messages', () => {
    expect(decodeFrame(new Uint8Array(0))).toEqual([]);
    expect(encodeFrame([])).toHaveLength(0);
    expect(encodeFrames([])).toEqual([]);
  });
});

describe('other versions', () => {
  test('a field with an unknown number is passed over', () => {
    const frame = frameOf('vote', (body) => {
      body.uint32(4 << 3).uint32(10);
      body.uint32((1_000 << 3) | 2).string('from a newer version');
      body.uint32((1_001 << 3) | 1).double(1);
      body.uint32(1_002 << 3).uint32(1);
      body.uint32((1_003 << 3) | 5).fixed32(1);
    });
    expect(decodeFrame(frame)).toMatchObject([{ type: 'vote', ackLsn: 10 }]);
  });

  test('a message with an unknown number is refused', () => {
    const frame = protobuf.Writer.create()
      .uint32(10)
      .fork()
      .uint32((999 << 3) | 2)
      .uint32(0)
      .ldelim()
      .finish();
    expect(reasonOf(() => decodeFrame(frame))).toBe('unknown message 999');
  });

  test('a known field of another wire type is refused', () => {
    const frame = frameOf('vote', (body) => body.uint32((4 << 3) | 2).string('10'));
    expect(reasonOf(() => decodeFrame(frame))).toBe('Vote.ackLsn: wire type 2');
  });

  test('groups are refused, however deep', () => {
    const frame = frameOf('vote', (body) => {
      for (let depth = 0; depth < 100_000; depth++) body.uint32((1_000 << 3) | 3);
    });
    expect(reasonOf(() => decodeFrame(frame))).toBe('wire type 3');
  });

  test('a list of numbers may arrive one by one', () => {
    const frame = protobuf.Writer.create()
      .uint32(10)
      .fork()
      .uint32((11 << 3) | 2)
      .fork();
    frame.uint32(3 << 3).uint32(7);
    frame.uint32((3 << 3) | 2).uint64s([2 ** 40, 1]);
    expect(decodeFrame(frame.ldelim().ldelim().finish())).toMatchObject([{ epochs: [7, 2 ** 40, 1] }]);
  });
});

describe('limits', () => {
  test('a frame over the maximum is refused unread', () => {
    const frame = encodeFrame([vote]);
    expect(reasonOf(() => decodeFrame(frame, frame.length - 1))).toBe(
      `a frame of ${frame.length} bytes, at most ${frame.length - 1}`,
    );
    const large = new Uint8Array(LIMITS.frameBytesMax + 1);
    expect(reasonOf(() => decodeFrame(large))).toContain(`at most ${LIMITS.frameBytesMax}`);
  });

  test('messages in a frame', () => {
    const oneTooMany = new Array(LIMITS.frameMessagesMax + 1).fill({ type: 'leave' });
    expect(() => encodeFrame(oneTooMany)).toThrow('frameMessagesMax');
    const [first, second] = encodeFrames(oneTooMany);
    if (first === undefined || second === undefined) throw new Error('two frames');
    expect(decodeFrame(first)).toHaveLength(LIMITS.frameMessagesMax);
    expect(decodeFrame(second)).toHaveLength(1);
    expect(reasonOf(() => decodeFrame(Uint8Array.from([...first, ...second])))).toContain('messages in a frame');
  });

  test('items of a list that has a limit', () => {
    const key = new Uint8Array(1);
    const full = { ...read, keys: new Array<Uint8Array>(LIMITS.readKeysMax).fill(key) };
    expect(decodeFrame(encodeFrame([full]))).toEqual([full]);
    expect(() => encodeFrame([{ ...full, keys: [...full.keys, key] }])).toThrow('Read.keys');
    const frame = frameOf('read', (body) => {
      for (let count = 0; count <= LIMITS.readKeysMax; count++) body.uint32((6 << 3) | 2).bytes(key);
    });
    expect(reasonOf(() => decodeFrame(frame))).toBe(`Read.keys: more than ${LIMITS.readKeysMax} items`);
  });

  test('a message that fits into no frame stops the sender', () => {
    expect(encodeFrames([vote], encodedBytes(vote))).toHaveLength(1);
    expect(() => encodeFrames([vote], encodedBytes(vote) - 1)).toThrow('a vote of');
    expect(() => encodeFrames([vote, vote], encodedBytes(vote) - 1)).toThrow('a vote of');
  });
});

test('bytes are plain views of the frame, also of a Buffer', () => {
  const value = Uint8Array.of(1, 2, 3);
  const frame = Buffer.from(encodeFrame([{ ...read, keys: [value] }])) as unknown as Uint8Array;
  expect(frame.constructor).toBe(Buffer);
  const [decoded] = decodeFrame(frame);
  if (decoded?.type !== 'read') throw new Error('a read');
  const [key] = decoded.keys;
  expect(key?.constructor).toBe(Uint8Array);
  expect(key?.buffer).toBe(frame.buffer);
  expect(key).toEqual(value);
});

test('text that is no UTF-8 is refused', () => {
  const frame = frameOf('errorAnswer', (body) => body.uint32((3 << 3) | 2).bytes(Uint8Array.of(0xff, 0xfe)));
  expect(reasonOf(() => decodeFrame(frame))).toContain('malformed');
});
