import { GridError, LIMITS } from '@ostraca/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newValues, type ValueCodec } from './values.ts';

const messagepack = newValues<unknown>();

function roundTrip(value: unknown): unknown {
  return messagepack.decode(messagepack.encode(value) as Uint8Array);
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof GridError ? error.code : String(error);
  }
  return 'nothing thrown';
}

test('messagepack keeps what structured cloning keeps', () => {
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: false,
    withObjectString: false,
    withNullPrototype: false,
  });
  fc.assert(
    fc.property(value, (given) => {
      expect(roundTrip(given)).toStrictEqual(structuredClone(given));
    }),
    { numRuns: 1_000 },
  );
});

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['undefined inside', { a: undefined, b: [undefined, null], c: new Map([[undefined, undefined]]) }],
  ['-0', [-0, { z: -0 }, 0]],
  ['whole numbers of every size', [2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 60, -1, Number.NaN]],
  ['bigints', [0n, -1n, 2n ** 64n, -(2n ** 200n)]],
  ['dates', [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN)]],
  ['lone surrogates', { '\ud800': '\udc00x' }],
  ['maps in sets in maps', new Map([[{ a: 1 }, new Set([new Map([[1n, undefined]])])]])],
  ['binary', [new ArrayBuffer(3), new Float64Array([1.5]), new BigInt64Array([-1n]), new DataView(new ArrayBuffer(2))]],
])('messagepack: %s', (_, value) => {
  expect(roundTrip(value)).toStrictEqual(structuredClone(value));
});

test('typed arrays are copies of their own, whatever they were a view of', () => {
  const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  const back = roundTrip({ view, buffer: Buffer.from('ab') }) as { view: Uint8Array; buffer: Uint8Array };
  expect(back.view).toStrictEqual(new Uint8Array([1, 2]));
  expect(back.view.buffer.byteLength).toBe(2);
  expect(back.buffer).toStrictEqual(new Uint8Array([97, 98]));
});

test('the key __proto__ is a key like others', () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}') as object;
  const back = roundTrip(value) as object;
  expect(Object.keys(back).sort()).toEqual(['__proto__', 'a']);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test('what cannot be kept is refused', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const mapCycle = new Map<string, unknown>();
  mapCycle.set('self', mapCycle);
  const wrong = [
    () => 1,
    Symbol('a'),
    { f: () => 1 },
    /x/,
    new Error('x'),
    Promise.resolve(),
    new WeakMap(),
    cycle,
    mapCycle,
  ];
  for (const value of wrong) expect(codeOf(() => messagepack.encode(value))).toBe('invalid_argument');
  // A refusal in the middle of one value leaves nothing behind for the next.
  expect(roundTrip({ a: [1, 2] })).toEqual({ a: [1, 2] });
});

test('the first byte names the codec, and any map reads what another wrote', () => {
  const json = newValues<unknown>('json');
  const bytes = newValues<Uint8Array>('bytes');
  const text: ValueCodec<string> = {
    id: 200,
    encode: (value) => new TextEncoder().encode(value),
    decode: (stored) => new TextDecoder().decode(stored),
  };
  const custom = newValues<string>(text);
  const stored = [
    messagepack.encode(['a']),
    json.encode(['a']),
    bytes.encode(new Uint8Array([7])),
    custom.encode('hi'),
  ] as Uint8Array[];
  expect(stored.map(([first]) => first)).toEqual([1, 2, 3, 200]);
  for (const reader of [messagepack, json, custom]) {
    const values = stored.slice(0, 3).map((each) => reader.decode(each));
    expect(values).toEqual([['a'], ['a'], new Uint8Array([7])]);
  }
  expect(custom.decode(stored[3] as Uint8Array)).toBe('hi');
  expect(codeOf(() => json.decode(stored[3] as Uint8Array))).toBe('invalid_argument');
  expect(codeOf(() => json.decode(new Uint8Array([2, 123])))).toBe('invalid_argument');
  expect(codeOf(() => json.decode(new Uint8Array(0)))).toBe('invalid_argument');
});

test('a codec refuses what it has no form for', () => {
  expect(codeOf(() => newValues('json').encode(undefined))).toBe('invalid_argument');
  expect(codeOf(() => newValues('json').encode(1n))).toBe('invalid_argument');
  expect(codeOf(() => newValues<unknown>('bytes').encode('text'))).toBe('invalid_argument');
  expect(codeOf(() => newValues({ id: 5, encode: () => new Uint8Array(0), decode: () => 1 }))).toBe('invalid_argument');
});

test('the limit counts the codec byte', () => {
  const bytes = newValues<Uint8Array>('bytes');
  expect(codeOf(() => bytes.encode(new Uint8Array(LIMITS.valueBytesMax)))).toBe('too_large');
  expect((bytes.encode(new Uint8Array(LIMITS.valueBytesMax - 1)) as Uint8Array).length).toBe(LIMITS.valueBytesMax);
});

test('a schema is checked on write, at once or later', async () => {
  const validate = (value: unknown) =>
    typeof value === 'number' ? { value } : { issues: [{ message: 'no number', path: ['a', { key: 'b' }] }] };
  const now = newValues<number>('json', { '~standard': { version: 1, vendor: 'test', validate } });
  const later = newValues<number>('json', {
    '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => validate(value) },
  });
  expect(now.encode(1)).toEqual(await later.encode(1));
  expect(codeOf(() => now.encode('x' as never))).toBe('invalid_argument');
  await expect(later.encode('x' as never)).rejects.toMatchObject({
    code: 'invalid_argument',
    details: { issues: [{ message: 'no number', path: ['a', 'b'] }] },
  });
});
