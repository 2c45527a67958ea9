import { expect, test } from 'vitest';
import { keyHash } from './key-hash.ts';

const bytes = (text: string) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)));

test('the hash equals published vectors of MurmurHash3 x86 32', () => {
  expect(keyHash(bytes(''), 0)).toBe(0);
  expect(keyHash(bytes(''), 1)).toBe(0x514e28b7);
  expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65, 0x87), 0)).toBe(0xf55b516b);
  expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65), 0)).toBe(0x7e4a8634);
  expect(keyHash(Uint8Array.of(0x21, 0x43), 0)).toBe(0xa0f7b07a);
  expect(keyHash(Uint8Array.of(0x21), 0)).toBe(0x72661cf4);
});
