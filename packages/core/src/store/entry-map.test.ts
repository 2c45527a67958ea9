import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { type Entry, EntryMap, FOREVER } from './entry-map.ts';

const bytes = (text: string) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)));

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

test('what was read stays as it was, whatever becomes of the entry', () => {
  const entries = new EntryMap(7, { segmentSizes: { bytesMin: 1_024, bytesMax: 1_024 } });
  put(entries, 'a', 'first', 1);
  const read = entries.get(bytes('a')) as Entry;
  for (let round = 0; round < 1_000; round++) put(entries, `other-${round % 20}`, `value ${round}`, round);
  put(entries, 'a', 'later', 2);
  for (let round = 0; round < 1_000; round++) put(entries, `other-${round % 20}`, `value ${round}`, round);
  entries.clear();
  put(entries, 'b', 'after', 3);
  expect(read).toMatchObject({ key: bytes('a'), value: bytes('first'), lsn: 1 });
});

test('the caller keeps what he gave', () => {
  const entries = new EntryMap(7);
  const value = bytes('first');
  entries.put({ key: bytes('a'), value, epoch: 1, lsn: 1, ...FOREVER });
  value.fill(0);
  expect(entries.get(bytes('a'))?.value).toEqual(bytes('first'));
});

test('an entry of the largest size, and one that is empty', () => {
  const entries = new EntryMap(7);
  const large = {
    key: new Uint8Array(LIMITS.keyBytesMax).fill(1),
    value: new Uint8Array(LIMITS.valueBytesMax).fill(2),
  };
  const empty = { key: new Uint8Array(0), value: new Uint8Array(0) };
  const version = { epoch: 0xffff_ffff, lsn: 2 ** 48 - 1, ttlMs: LIMITS.ttlMsMax, expireAtMs: 2 ** 48 - 1 };
  for (const entry of [large, empty]) entries.put({ ...entry, ...version });
  const { key, value, hash: _hash, ...found } = entries.get(large.key) as Entry;
  expect(found).toEqual(version);
  expect([key.length, key.every((byte) => byte === 1)]).toEqual([LIMITS.keyBytesMax, true]);
  expect([value.length, value.every((byte) => byte === 2)]).toEqual([LIMITS.valueBytesMax, true]);
  expect(entries.get(empty.key)).toMatchObject({ ...empty, ...version });
  expect(() => entries.put({ ...empty, ...version, lsn: 2 ** 48 })).toThrow('a version fits');
  expect(() => entries.put({ ...empty, ...version, expireAtMs: 2 ** 48 })).toThrow('an end fits');
});

test('a visit that changes the map is told', () => {
  const entries = new EntryMap(7);
  put(entries, 'a', 'v', 1);
  expect(() => entries.scan(undefined, ({ key }) => entries.delete(key))).toThrow('a visit changes nothing');
});

test('the ends of entries are told when they come, go and move', () => {
  const told: string[] = [];
  const ends = {
    move: (_hash: number, fromMs: number, toMs: number) => told.push(`${fromMs}>${toMs}`),
    clear: () => told.push('clear'),
  };
  const entries = new EntryMap(7, { ends });
  const putUntil = (expireAtMs: number) => {
    entries.put({ key: bytes('a'), value: bytes(''), epoch: 1, lsn: 1, ttlMs: 0, expireAtMs });
  };
  for (const expireAtMs of [0, 100, 200, 0, 300]) putUntil(expireAtMs);
  entries.delete(bytes('a'));
  entries.delete(bytes('a'));
  entries.clear();
  expect(told).toEqual(['0>100', '100>200', '200>0', '0>300', '300>0', 'clear']);
});

test('an empty map, and one with a few entries, cost little', () => {
  const entries = new EntryMap(7);
  expect(entries.memory).toMatchObject({ allocatedBytes: 0, segmentCount: 0, utilisation: 1 });
  for (let i = 0; i < 10; i++) put(entries, `key-${i}`, 'value', 1);
  expect(entries.memory.allocatedBytes + entries.memory.indexBytes).toBeLessThan(5_000);
  expect(entries.memory.liveBytes).toBe(10 * (16 + 12));
});
