import { expect, test } from 'vitest';
import { parseValue, printValue } from './value-json.ts';

const values: readonly [what: string, value: unknown][] = [
  ['null', null],
  ['text', 'a "quoted" text'],
  ['number', -12.5],
  ['negative zero', -0],
  ['not a number', Number.NaN],
  ['infinity', Number.NEGATIVE_INFINITY],
  ['date', new Date('2024-02-29T12:00:00.123Z')],
  ['bigint', -123456789012345678901234567890n],
  ['bytes', new Uint8Array([0, 1, 254, 255])],
  ['no bytes', new Uint8Array(0)],
  [
    'map',
    new Map<unknown, unknown>([
      [1n, { a: new Date(0) }],
      ['k', [undefined]],
    ]),
  ],
  ['set', new Set<unknown>([1, 'a', new Uint8Array([1])])],
  ['typed array', new Float64Array([1.5, Number.NaN])],
  ['undefined inside', { a: undefined, b: 1 }],
  ['nested', { list: [1, { at: new Date(1), big: 2n }], text: '' }],
  ['an object that looks like a date', { $date: '2024-01-01' }],
  ['an object that looks like a wrapped one', { $object: { $date: 'x' } }],
  ['an object with a dollar key of its own', { $price: 1 }],
  ['an object with two dollar keys', { $date: 1, $bigint: 2 }],
  ['__proto__', JSON.parse('{"__proto__": {"a": 1}}')],
];

test.each(values)('%s is read back as it was', (_what, value) => {
  const back = parseValue(printValue(value));
  expect(back).toStrictEqual(value);
  expect(printValue(back)).toBe(printValue(value));
});

test('the forms that people type', () => {
  expect(printValue(new Date('2024-01-01T00:00:00Z'))).toBe('{"$date":"2024-01-01T00:00:00.000Z"}');
  expect(printValue(12n)).toBe('{"$bigint":"12"}');
  expect(printValue(new Uint8Array([1, 2, 3]))).toBe('{"$bytes":"AQID"}');
  expect(parseValue('{"$date": "2024-01-01"}')).toEqual(new Date('2024-01-01'));
  expect(parseValue('{"$bytes": "AQID"}')).toEqual(new Uint8Array([1, 2, 3]));
});

test.each([
  ['not JSON', 'hello', /JSON/],
  ['half a number', '{"$bigint": "1.5"}', /digits of a whole number/],
  ['no date', '{"$date": "yesterday"}', /\$date takes a date/],
  ['no base64', '{"$bytes": "!!"}', /\$bytes takes base64/],
  ['typed array of odd length', '{"$typed": ["Float64Array", "AQID"]}', /\$typed takes/],
])('refused: %s', (_what, text, reason) => {
  expect(() => parseValue(text)).toThrow(reason);
});

test('a key __proto__ stays a key', () => {
  const value = parseValue('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
  expect(Object.hasOwn(value, '__proto__')).toBe(true);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
