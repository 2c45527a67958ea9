import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, EntryMap, FOREVER } from './entry-map.ts';
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

type Step = { kind: 'set' | 'delete' | 'clear'; key: string; value: string };

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('set', 'set', 'set', 'set', 'delete', 'delete', 'clear'),
    key: fc.string({ maxLength: 2, unit: fc.constantFrom(...'abcdefgh') }),
    value: fc.string({ maxLength: 5 }),
  }),
  { maxLength: 200 },
);

function put(entries: EntryMap, key: string, value: string, lsn: number): void {
  entries.put({ key: bytes(key), value: bytes(value), epoch: 1, lsn, ...FOREVER });
}

test('it holds what a Map holds, in the order of the hash', () => {
  fc.assert(
    fc.property(steps, fc.integer(), (list, seed) => {
      const entries = new EntryMap(seed);
      const oracle = new Map<string, string>();
      list.forEach(({ kind, key, value }, index) => {
        if (kind === 'set') {
          put(entries, key, value, index);
          oracle.set(key, value);
        } else if (kind === 'delete') {
          expect(entries.delete(bytes(key))).toBe(oracle.delete(key));
        } else if (index % 50 === 0) {
          entries.clear();
          oracle.clear();
        }
      });
      expect(entries.count).toBe(oracle.size);
      for (const [key, value] of oracle) expect(entries.get(bytes(key))?.value).toEqual(bytes(value));
      let sum = 0;
      for (const [key, value] of oracle) sum += key.length + value.length;
      expect(entries.bytes).toBe(sum);
      const seen: Entry[] = [];
      expect(entries.scan(undefined, (entry) => seen.push(entry) > 0)).toBe(true);
      expect(seen.length).toBe(oracle.size);
      for (let i = 1; i < seen.length; i++) {
        expect((seen[i] as Entry).hash).toBeGreaterThanOrEqual((seen[i - 1] as Entry).hash);
      }
    }),
    { numRuns: 100 },
  );
});

test('a scan in pieces, with growth and deletion between, gives what stays exactly once', () => {
  const entries = new EntryMap(7);
  const stays = Array.from({ length: 500 }, (_, i) => `stay-${i}`);
  for (const key of stays) put(entries, key, 'v', 1);
  const seen = new Map<string, number>();
  let after: number | undefined;
  for (let round = 0; ; round++) {
    let count = 0;
    const done = entries.scan(after, ({ key, hash }) => {
      const text = String.fromCharCode(...key);
      seen.set(text, (seen.get(text) ?? 0) + 1);
      after = hash;
      return ++count < 10;
    });
    if (done) break;
    for (let i = 0; i < 20; i++) put(entries, `new-${round}-${i}`, 'v', 1);
    for (let i = 0; i < 15; i++) entries.delete(bytes(`new-${round}-${i}`));
  }
  for (const key of stays) expect(seen.get(key)).toBe(1);
  for (const count of seen.values()) expect(count).toBe(1);
});
