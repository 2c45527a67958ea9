import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GridError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { partitionOf } from '../routing/partition-of.ts';
import { compareBytes } from './compare-bytes.ts';
import { decodeKey, keyElementRanges } from './decode-key.ts';
import { encodeKey, encodeTextPrefix } from './encode-key.ts';
import type { Key } from './key.ts';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const wellFormed = fc.string({ unit: 'binary', maxLength: 12 });
const scalar = fc.oneof(
  fc.boolean(),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }),
  wellFormed,
  fc.constantFrom('', '\0', '\0\0', 'a\0', 'a', 'ab'),
  fc.uint8Array({ maxLength: 8 }),
  fc.uint8Array({ max: 1, maxLength: 4 }),
);
const { key: anyKey } = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof({ depthSize: 'small', maxDepth: 4 }, scalar, fc.array(tie('key'), { maxLength: 4 })),
}));

/** The order that the form promises, written the slow way. */
function compareKeys(a: Key, b: Key): number {
  const difference = rankOf(a) - rankOf(b);
  if (difference !== 0) return difference;
  if (typeof a === 'string' && typeof b === 'string') return compareBytes(utf8(a), utf8(b));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
      const inner = compareKeys(a[index], b[index]);
      if (inner !== 0) return inner;
    }
    return a.length - b.length;
  }
  if (a === b) return 0;
  return (a as number) < (b as number) ? -1 : 1;
}

function rankOf(key: Key): number {
  if (Array.isArray(key)) return 5;
  return ['boolean', 'number', 'bigint', 'string', 'object'].indexOf(typeof key);
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof GridError ? error.code : String(error);
  }
  return 'nothing thrown';
}

test('the vectors of docs/internals/keys.md', () => {
  const text = readFileSync(new URL('../../../../docs/internals/keys.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(.+)` +\| `([0-9a-f]+)` +\| (\d+) +\| (\d+) +\| (-|\d+) +\|$/gm)];
  expect(rows.length).toBeGreaterThan(25);
  for (const [, source = '', hex = '', hash, of13, by0] of rows) {
    // Only our own document is evaluated.
    const key = new Function(`return ${source}`)() as Key;
    const bytes = encodeKey(key);
    expect([source, hexOf(bytes)]).toEqual([source, hex]);
    expect([source, partitionOf(bytes, 2 ** 32, []), partitionOf(bytes, 13, [])]).toEqual([
      source,
      Number(hash),
      Number(of13),
    ]);
    if (by0 === '-') expect(codeOf(() => partitionOf(bytes, 13, [0]))).toBe('invalid_argument');
    else expect([source, partitionOf(bytes, 13, [0])]).toEqual([source, Number(by0)]);
  }
});

test('the hash is MurmurHash3_x86_32: vectors of others', () => {
  const known = {
    '': 0,
    hello: 0x248bfa47,
    'hello, world': 0x149bbb7f,
    'The quick brown fox jumps over the lazy dog': 0x2e4ff723,
  };
  for (const [text, hash] of Object.entries(known)) expect(partitionOf(utf8(text), 2 ** 32, [])).toBe(hash);
});

test('what is encoded decodes to the same key', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      expect(decodeKey(encodeKey(key))).toEqual(withoutNegativeZero(key));
    }),
  );
});

function withoutNegativeZero(key: Key): Key {
  if (Array.isArray(key)) return key.map(withoutNegativeZero);
  return key === 0 ? 0 : key;
}

test('bytes have the order of keys, and two keys never share a form', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      expect(Math.sign(compareBytes(encodeKey(a), encodeKey(b)))).toBe(Math.sign(compareKeys(a, b)));
    }),
    { numRuns: 2_000 },
  );
});

test('bigints of any size have their order', () => {
  const near = [0n, 1n, 255n, 256n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 8000n];
  const sorted = [...near, ...near.map((value) => -value)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const encoded = sorted.map((value) => encodeKey(value));
  expect([...encoded].sort(compareBytes)).toEqual(encoded);
  expect(encoded.map(decodeKey)).toEqual(sorted.map((value) => (value === 0n ? 0n : value)));
});

test('a prefix of bytes is a prefix of text', () => {
  fc.assert(
    fc.property(wellFormed, wellFormed, (prefix, text) => {
      const begins = hexOf(encodeKey(text)).startsWith(hexOf(encodeTextPrefix(prefix)));
      expect(begins).toBe(hexOf(utf8(text)).startsWith(hexOf(utf8(prefix))));
      expect(hexOf(encodeKey(prefix + text)).startsWith(hexOf(encodeTextPrefix(prefix)))).toBe(true);
    }),
  );
});

test('the ranges of a tuple are the forms of its elements', () => {
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 4 }), (elements) => {
      const bytes = encodeKey(elements);
      const ranges = keyElementRanges(bytes) ?? [];
      expect(ranges.map(({ start, end }) => hexOf(bytes.subarray(start, end)))).toEqual(
        elements.map((element) => hexOf(encodeKey(element))),
      );
    }),
  );
  expect(keyElementRanges(encodeKey('a'))).toBeUndefined();
});

test('partitionBy hashes only the elements that it names', () => {
  const of = (key: Key, partitionBy: number[]): number => partitionOf(encodeKey(key), 4_096, partitionBy);
  expect(of(['c1', 1], [0])).toBe(of(['c1', 2, 'x'], [0]));
  expect(of(['c1', 1], [0])).toBe(of(['c1'], [0]));
  expect(of(['a', 'b', 'c'], [2, 0])).toBe(of(['a', 7, 'c'], [2, 0]));
  expect(of(['a', 'b', 'c'], [0, 2])).not.toBe(of(['a', 'b', 'c'], [2, 0]));
  for (const key of ['c1', 7, ['c1']] as Key[]) expect(codeOf(() => of(key, [1]))).toBe('invalid_argument');
});

test('keys spread evenly', () => {
  const counts = new Array<number>(13).fill(0);
  for (let id = 0; id < 13_000; id += 1) {
    const partition = partitionOf(encodeKey(id), 13, []);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

test('what is no key is refused', () => {
  const nested = (depth: number): Key => (depth === 0 ? 'a' : [nested(depth - 1)]);
  const sparse: unknown[] = [];
  sparse[1] = 'a';
  const wrong = [
    Number.NaN,
    undefined,
    null,
    {},
    new Date(),
    Symbol('a'),
    () => 1,
    '\ud800',
    '\udc00a',
    [null],
    sparse,
  ];
  for (const key of [...wrong, nested(9)]) expect(codeOf(() => encodeKey(key as Key))).toBe('invalid_argument');
  expect(decodeKey(encodeKey(nested(8)))).toEqual(nested(8));
  const { keyBytesMax } = LIMITS;
  const large = [
    'x'.repeat(keyBytesMax - 1),
    'é'.repeat(keyBytesMax / 2),
    2n ** BigInt(8 * keyBytesMax),
    ['x', new Uint8Array(keyBytesMax)],
  ];
  for (const key of large) expect(codeOf(() => encodeKey(key as Key))).toBe('too_large');
  expect(encodeKey('x'.repeat(keyBytesMax - 2)).length).toBe(keyBytesMax);
  expect(encodeKey(new Uint8Array(keyBytesMax - 2).fill(1)).length).toBe(keyBytesMax);
});

test('garbage is refused, never misread', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const code = codeOf(() => decodeKey(bytes));
      expect(['invalid_argument', 'nothing thrown']).toContain(code);
      expect(['invalid_argument', 'nothing thrown']).toContain(codeOf(() => keyElementRanges(bytes)));
    }),
    { numRuns: 2_000 },
  );
});
